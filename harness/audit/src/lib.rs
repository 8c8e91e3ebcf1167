//! Audit files as the filter audit-log writes them, read line by line in constant memory: verified, shown, exported.
//!
//! [`Lines`] are the lines of files. [`scan`] reads each of them as a [`Row`], which has the same fields in every schema, and gives those that a
//! [`Selection`] means to a [`Sink`]: a table for people ([`show`]), a file for programs ([`export`]), a [`Page`] and a [`Histogram`] for what draws
//! those elsewhere. [`Verification`] finds what was changed since, and [`report`] tells it.

mod anywhere;
pub mod export;
mod few;
mod field;
mod histogram;
mod kind;
mod lines;
mod page;
mod pattern;
mod places;
pub mod protobuf;
mod repeats;
pub mod report;
mod row;
mod scan;
mod selection;
pub mod show;
mod strangers;
mod time;
mod trace;
mod verify;

pub use anywhere::Anywhere;
pub use few::{First, Last};
pub use field::{Field, Kind};
pub use histogram::{Bar, Bars, Histogram};
pub use lines::{Content, Line, Lines, Place, ReadError, read_again};
pub use page::{Page, PageRow};
pub use pattern::{Pattern, TooLong};
pub use row::{Decision, Row, RowError, Schema, Value};
pub use scan::{Broken, ScanError, Sink, Tally, scan};
pub use selection::{Selection, Source};
pub use strangers::Nothing;
pub use time::parse_time;
pub use verify::{Found, Told, Verification, VerifyError};
