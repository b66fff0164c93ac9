mod moves;
mod refusals;
mod world;
