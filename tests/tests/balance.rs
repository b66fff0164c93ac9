//! Groups of real gateways, the real control plane and real clients: connections move when they should, as few as it takes,
//! and no request fails, whatever goes wrong meanwhile.

mod balance {
    pub mod run;

    mod control_plane;
    mod immovable;
    mod lies;
    mod partition;
    mod scaling;
}
