//! Modules as OCI images, in the layouts that Istio and Envoy Gateway read.
//!
//! Both read a module out of an image in one of two ways (`imagefetcher.go` of Istio, of which Envoy Gateway has a copy): as the file `plugin.wasm`
//! in the last layer of an image of containers, or as a layer of its own type beside a second one. An [`Image`] is written as an image layout
//! (OCI Image Layout Specification 1.0), which `skopeo`, `crane` and `oras` push; the same module makes the same bytes. [`module_of`] reads a layout as they do.

mod blob;
mod image;
mod layout;
mod read;

pub use blob::Digest;
pub use image::{Form, Image};
pub use layout::MARK as LAYOUT;
pub use read::{ReadError, module_of};

/// The media types of what is in an image.
mod media {
    pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    pub(crate) const WASM: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
    pub(crate) const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
}
