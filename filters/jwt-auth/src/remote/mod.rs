//! Documents behind a URI, fetched through a cluster of the proxy, once for all workers.
//!
//! A [`Document`] is kept up to date in the background: refreshed before it is stale, within the bounds of the operator and by
//! the `Cache-Control` of the server; asked for again when a request lacks something, but not too often; used for a bounded time
//! when the server fails, with a back-off between the attempts. [`RemoteKeys`] are a JWK Set that is one, or
//! two in a row: the metadata of an issuer lead to it.

mod config;
mod document;
mod events;
mod freshness;
mod held;
mod keys;
mod metadata;
mod polled;
mod record;
mod settings;
mod store;
mod uri;

pub(crate) use config::{DiscoveryConfig, FetchedConfig, RemoteJwksConfig};
pub(crate) use document::Refetch;
pub(crate) use events::{Events, Reason};
pub(crate) use keys::{Keys, RemoteKeys};
pub(crate) use polled::{Content, Polled};
pub(crate) use settings::{Discovery, FetchedDocument, RemoteJwks};
pub(crate) use uri::Uri;
