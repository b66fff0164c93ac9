//! `evenkeel check`: the program, asked about real Envoys.

mod check {
    mod admin;
    mod api_server;
    mod files;
    mod pods;
    mod program;
}
