//! Laws that hold for every rate, every order of requests and any number of workers.

#[path = "../common/mod.rs"]
mod common;

mod buckets;
mod clock;
mod limits;
mod windows;
mod workers;
mod world;
