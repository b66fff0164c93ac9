mod lies;
mod moves;
mod refusals;
mod world;
