//! Records for people: a table, flat objects, one record in full.

mod column;
mod explained;
mod footer;
mod further;
mod json;
mod layout;
mod one;
mod sentence;
mod table;
mod text;

pub use column::Column;
pub use footer::footer;
pub use json::Objects;
pub use one::{Answer, answered, one};
pub(crate) use sentence::{counted, sentence};
pub use table::Table;
pub(crate) use text::cut_middle;
pub use text::told;
