use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use dialoguer::{MultiSelect, Select};
use portcullis_filters::FILTERS;
use portcullis_kit::Module;
use portcullis_manifest::starter::{Part, Platform, Starter};
use portcullis_oci::{Digest, Form, Image};
use portcullis_scenario::report::shown;
use portcullis_suite::Suite;

use crate::Verdict;

/// Writes a directory to begin with: manifests, and a scenario that they pass.
///
/// What is not said by options is asked for, on a terminal.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The directory. It must not be there, or be empty.
    directory: PathBuf,
    /// What loads the plugin.
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    platform: Option<PlatformName>,
    /// A filter: jwt-auth, token-bucket, circuit-breaker, trace-injection or audit-log; several with commas become the suite, and portcullis is all of them.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    filter: Vec<String>,
    /// Where in Istio: a sidecar, a gateway or a waypoint.
    #[arg(long, value_enum, default_value = "sidecar")]
    at: Place,
    /// Where the modules are; their digests go into the manifests.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    modules: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PlatformName {
    /// Envoy by itself.
    Envoy,
    /// Istio.
    Istio,
    /// Envoy Gateway.
    EnvoyGateway,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Place {
    Sidecar,
    Gateway,
    Waypoint,
}

impl Init {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let told = |error: std::io::Error| shown(&format!("{}: {error}", self.directory.display()));
        if self.directory.exists() && fs::read_dir(&self.directory).map_err(told)?.next().is_some() {
            return Err(format!(
                "{}: is not empty; name a directory that is not there yet",
                self.directory.display()
            ));
        }
        let platform = self.platform.map_or_else(ask_for_platform, Ok)?;
        let filters = match self.filter.as_slice() {
            [] => ask_for_filters()?,
            [all] if all == Suite::TITLE => Vec::new(),
            some => some.to_vec(),
        };
        let version = env!("CARGO_PKG_VERSION");
        let mut starter = Starter::new(&filters, version)?;
        let module = starter.module();
        let digests = digests(&self.modules, module, version);
        let is_pinned = digests.is_some();
        if let Some((module, image)) = digests {
            starter = starter.pinned(module, image);
        }
        let files = self.files(&starter, platform);
        fs::create_dir_all(self.directory.join("tests")).map_err(told)?;
        for (name, text) in &files {
            fs::write(self.directory.join(name), text).map_err(told)?;
            anstream::println!("{}", shown(&self.directory.join(name).display().to_string()));
        }
        if !is_pinned {
            let path = shown(&self.modules.join(format!("{module}.wasm")).display().to_string());
            let remedy = match platform {
                PlatformName::Envoy => "Envoy will not start: write where it is into envoy.yaml",
                _ => "sha256 is zeros: fill it in, or begin again with --modules",
            };
            anstream::println!("\nThere is no {path}, so {remedy}.");
        }
        let directory = shown(&self.directory.display().to_string());
        anstream::println!(
            "\nWhat to do next:\n\n  portcullis check {directory}\n  portcullis test {directory}/tests --target native"
        );
        if platform != PlatformName::Envoy {
            return Ok(Verdict::Good);
        }
        anstream::println!("  envoy -c {directory}/envoy.yaml");
        if starter.has("jwt-auth") {
            anstream::println!(
                "\nhttps://issuer.example is nobody: put your issuer in its place, or, to try it, a key of your own in the place of `remote`:\n\n  \
                 portcullis token key.json --jwks\n  portcullis token key.json --aud orders --sub alice"
            );
        }
        Ok(Verdict::Good)
    }

    fn files(&self, starter: &Starter, platform: PlatformName) -> Vec<(String, String)> {
        let (manifest, parts) = match platform {
            PlatformName::Envoy => ("envoy.yaml", vec![("envoy.yaml", Part::EnvoyWithFile)]),
            PlatformName::Istio => {
                let plugin = match self.at {
                    Place::Sidecar => Part::Sidecar,
                    Place::Gateway => Part::Gateway,
                    Place::Waypoint => Part::Waypoint,
                };
                ("wasmplugin.yaml", vec![("wasmplugin.yaml", plugin), ("services.yaml", Part::IstioServices)])
            }
            PlatformName::EnvoyGateway => {
                ("policy.yaml", vec![("policy.yaml", Part::Policy), ("clusters.yaml", Part::GatewayClusters)])
            }
        };
        let texts = parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), starter.text(part)?)));
        let scenario = starter.scenario(platform.into(), &format!("../{manifest}"));
        texts.chain([(format!("tests/{}.yaml", starter.module()), scenario)]).collect()
    }
}

impl From<PlatformName> for Platform {
    fn from(name: PlatformName) -> Self {
        match name {
            PlatformName::Envoy => Self::Envoy,
            PlatformName::Istio => Self::Istio,
            PlatformName::EnvoyGateway => Self::EnvoyGateway,
        }
    }
}

/// The digest of a module and that of its image, where the module is there.
fn digests(folder: &Path, module: &str, version: &str) -> Option<(String, String)> {
    let bytes = fs::read(folder.join(format!("{module}.wasm"))).ok()?;
    let image = Image::new(Form::Image, &bytes, (module, version)).ok()?;
    Some((Digest::of(&bytes).to_string(), image.digest().to_string()))
}

fn ask_for_platform() -> Result<PlatformName, String> {
    asking("--for envoy, --for istio or --for envoy-gateway")?;
    let names = ["Envoy by itself", "Istio", "Envoy Gateway"];
    let chosen = Select::new().with_prompt("What loads the plugin?").items(names).default(0).interact();
    match chosen.map_err(|error| error.to_string())? {
        0 => Ok(PlatformName::Envoy),
        1 => Ok(PlatformName::Istio),
        _ => Ok(PlatformName::EnvoyGateway),
    }
}

fn ask_for_filters() -> Result<Vec<String>, String> {
    asking("--filter with a name, or several with commas")?;
    let names: Vec<_> =
        FILTERS.iter().map(|filter| filter.name).filter(|name| *name != Suite::TITLE).collect();
    let chosen = MultiSelect::new()
        .with_prompt("Which filters? (space chooses, enter goes on)")
        .items(&names)
        .interact();
    let chosen = chosen.map_err(|error| error.to_string())?;
    if chosen.is_empty() {
        return Err("no filter was chosen; space chooses one".to_owned());
    }
    Ok(chosen.into_iter().filter_map(|index| names.get(index).map(|name| (*name).to_owned())).collect())
}

fn asking(option: &str) -> Result<(), String> {
    match std::io::stdin().is_terminal() {
        true => Ok(()),
        false => Err(format!("nobody is there to be asked; write {option}")),
    }
}
