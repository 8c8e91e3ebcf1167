//! What holds whatever happens: laws over generated calls, workers and times.

mod machine;
mod workers;
mod world;
