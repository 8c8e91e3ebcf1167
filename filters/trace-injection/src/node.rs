//! The node that this Envoy is.

use portcullis_kit::Host;

/// What Envoy says of its node: since 1.33 under `xds`, before that on its own.
pub(crate) fn node(path: &[&str], host: &mut dyn Host) -> Option<String> {
    let found = host
        .property(&[&["xds", "node"], path].concat())
        .or_else(|| host.property(&[&["node"], path].concat()));
    found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
