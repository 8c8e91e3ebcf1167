//! Records for other programs.

mod csv;
mod ecs;
mod lines;
mod messages;
mod parquet;

pub use csv::Csv;
pub use lines::{Ecs, Ocsf};
pub use messages::Messages;
pub use parquet::Parquet;
