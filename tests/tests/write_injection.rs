//! The module that has caps alone, without any filter beside it: clients are told to go by what is written to them. No
//! request fails for it, nobody's content is touched, and what is no HTTP (any more) is left alone.

mod write_injection {
    mod caps;
    mod content;
    mod load;
}
