use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portcullis_oci::{Digest, Form, Image};
use portcullis_scenario::report::shown;
use serde_json::{Map, Value, json};

use crate::Verdict;
use crate::commands::read;
use crate::targets::load_module;

/// Makes OCI images of modules, in the layouts that Istio and Envoy Gateway read.
///
/// Each becomes a folder, an OCI image layout, that skopeo, crane and oras push; the same module becomes the same bytes. An image that is in the folder already is
/// replaced. Printed and written into digests.json
/// are both digests of each: that of the module, which Envoy wants, and Istio for https:// URLs; and that of the image's manifest, which Istio wants for oci:// URLs.
#[derive(Debug, Args)]
pub(crate) struct Oci {
    /// The modules.
    #[arg(required = true)]
    modules: Vec<PathBuf>,
    /// The folder that they go into.
    #[arg(long, value_name = "DIR", default_value = "dist/oci")]
    out: PathBuf,
    /// How a module is in an image.
    #[arg(long, value_enum, default_value = "image")]
    form: FormName,
    /// The tag, and the version of the image.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    tag: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormName {
    /// As plugin.wasm in the layer of an image of containers; every registry takes it.
    Image,
    /// As a layer of its own type, beside a second one.
    Artifact,
}

impl Oci {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let form = match self.form {
            FormName::Image => Form::Image,
            FormName::Artifact => Form::Artifact,
        };
        let mut digests = Map::new();
        for path in &self.modules {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if ["", ".", ".."].contains(&name.as_str()) || digests.contains_key(&name) {
                let problem = "an image has the name of its module, and each a name of its own";
                return Err(shown(&format!("{}: {problem}", path.display())));
            }
            load_module(path)?;
            let module = read(path)?;
            let folder = self.out.join(&name);
            let told = |error: std::io::Error| shown(&format!("{}: {error}", folder.display()));
            let image = Image::new(form, &module, (&name, &self.tag)).map_err(told)?;
            image.write(&folder, &self.tag).map_err(told)?;
            let (module, image) = (Digest::of(&module).to_string(), image.digest().to_string());
            anstream::println!("{}:{}", shown(&folder.display().to_string()), self.tag);
            anstream::println!("  module    {module}");
            anstream::println!("  manifest  {image}");
            digests.insert(name, json!({ "module": module, "manifest": image, "tag": self.tag }));
        }
        let path = self.out.join("digests.json");
        let told = |problem: String| shown(&format!("{}: {problem}", path.display()));
        let before: Map<_, _> = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                told(format!("{error}; is it of portcullis oci? Remove it, and make all images anew"))
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(told(error.to_string())),
        };
        let all = before.into_iter().chain(digests).collect();
        fs::write(&path, format!("{:#}\n", Value::Object(all))).map_err(|error| told(error.to_string()))?;
        Ok(Verdict::Good)
    }
}
