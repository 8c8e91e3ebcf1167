//! The two digests of an image: that of its manifest, by which registries and Istio know it, and that of the module in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Document, plugins};

/// What is known of digests from all that is looked at together.
#[derive(Clone, Debug, Default)]
pub(super) struct Digests {
    /// The manifest of the image of a module, by the digest of the module.
    manifests: BTreeMap<String, String>,
    /// The other way round.
    modules: BTreeMap<String, String>,
    /// The names of the images that are looked at, each with both digests.
    images: BTreeMap<String, BTreeSet<String>>,
    /// What plugins name as digests of images, and of modules.
    named: [BTreeSet<String>; 2],
}

impl Digests {
    pub(super) fn add_image(&mut self, name: &str, [module, manifest]: [&str; 2]) {
        self.images.entry(name.to_owned()).or_default().extend([module.to_owned(), manifest.to_owned()]);
        self.manifests.insert(module.to_owned(), manifest.to_owned());
        self.modules.insert(manifest.to_owned(), module.to_owned());
    }

    pub(super) fn add_plugins(&mut self, document: &Document) {
        let [images, modules] = &mut self.named;
        for plugin in plugins(document) {
            let Some(code) = plugin.code.filter(|code| !code.digest(plugin.kind).is_empty()) else {
                continue;
            };
            let named = if code.is_image(plugin.kind) { &mut *images } else { &mut *modules };
            named.insert(code.digest(plugin.kind).to_owned());
        }
    }

    /// Whether there are images of this name, and none has this digest.
    pub(super) fn is_another(&self, name: &str, sha256: &str) -> bool {
        self.images.get(name).is_some_and(|digests| !digests.contains(sha256))
    }

    /// What is wrong with the digest of an image, or of a module.
    pub(super) fn problem(&self, sha256: &str, is_image: bool) -> Option<String> {
        let [images, modules] = &self.named;
        let known = if is_image { &self.manifests } else { &self.modules };
        let others = if is_image { modules } else { images };
        let (this, right) = if is_image {
            ("the module", "the image's manifest")
        } else {
            ("an image's manifest", "the module")
        };
        if let Some(other) = known.get(sha256) {
            return Some(format!("that is the digest of {this}; write the one of {right}, {other}"));
        }
        others.contains(sha256).then(|| {
            format!("the same digest is written for an image and for a module, which never have the same; here it has to be that of {right}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_is_not_the_other() {
        let mut digests = Digests::default();
        digests.add_image("jwt-auth", ["aa", "bb"]);
        assert!(digests.is_another("jwt-auth", "cc") && !digests.is_another("jwt-auth", "bb"));
        assert!(!digests.is_another("other", "cc"));
        let problem = |sha256, is_image| digests.problem(sha256, is_image).unwrap_or_default();
        assert_eq!(
            problem("aa", true),
            "that is the digest of the module; write the one of the image's manifest, bb"
        );
        assert_eq!(
            problem("bb", false),
            "that is the digest of an image's manifest; write the one of the module, aa"
        );
        assert_eq!([problem("bb", true), problem("aa", false), problem("cc", true)], [""; 3]);
    }
}
