//! Records as JSON, in their schema. What makes them a chain is put in afterwards, at the place that is returned.

mod audit;
mod ecs;
mod json;
mod notice;
mod ocsf;
pub(crate) mod otlp;

use portcullis_audit_chain::Form;

use crate::config::SchemaConfig;
use crate::event::Event;
pub(crate) use notice::{Loss, Node, Notice};

/// What the writer says of a record, besides what it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) schema: SchemaConfig,
    pub(crate) form: Form,
    /// The name of the service; empty where Envoy has none.
    pub(crate) service: &'a str,
    pub(crate) id: &'a str,
    pub(crate) sequence: u64,
}

/// A record of a request.
pub(crate) fn request(out: &mut Vec<u8>, event: &Event<'_>, head: Head<'_>) -> usize {
    match head.schema {
        SchemaConfig::Ocsf15 | SchemaConfig::Ocsf18 => ocsf::request(out, event, head),
        SchemaConfig::Ecs => ecs::request(out, event, head),
    }
}

/// A record of the log itself.
pub(crate) fn notice(out: &mut Vec<u8>, notice: &Notice<'_>, time: u64, head: Head<'_>) -> usize {
    match head.schema {
        SchemaConfig::Ocsf15 | SchemaConfig::Ocsf18 => ocsf::notice(out, notice, time, head),
        SchemaConfig::Ecs => ecs::notice(out, notice, time, head),
    }
}

/// The version of this filter.
const VERSION: &str = env!("CARGO_PKG_VERSION");
