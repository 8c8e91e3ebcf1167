//! Records for other programs.

mod csv;
mod ecs;
mod lines;
mod messages;

pub use csv::Csv;
pub use lines::{AsRead, Ecs, Ocsf};
pub use messages::Messages;
