//! What must hold of both kinds of streams, whatever happens.

mod convergence;
