//! The node that this Envoy is.

use crate::Host;

/// What Envoy says of its node, such as `["id"]` or `["metadata", "NAMESPACE"]`: since 1.33 under `xds`, before that on its own. `None`
/// where that is empty as well.
pub fn property(path: &[&str], host: &mut dyn Host) -> Option<String> {
    let found = host
        .property(&[&["xds", "node"], path].concat())
        .or_else(|| host.property(&[&["node"], path].concat()));
    found.filter(|bytes| !bytes.is_empty()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestHost;

    #[test]
    fn the_node_is_under_xds_or_on_its_own() {
        let mut host = TestHost::default();
        assert_eq!(property(&["id"], &mut host), None);
        host.properties.insert("node.id".to_owned(), b"old".to_vec());
        assert_eq!(property(&["id"], &mut host).as_deref(), Some("old"));
        host.properties.insert("xds.node.id".to_owned(), b"new".to_vec());
        assert_eq!(property(&["id"], &mut host).as_deref(), Some("new"));
        host.properties.insert("xds.node.metadata.NAME".to_owned(), Vec::new());
        assert_eq!(property(&["metadata", "NAME"], &mut host), None);
    }
}
