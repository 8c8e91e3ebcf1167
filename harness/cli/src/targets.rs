//! The three places where a scenario can be played.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::ValueEnum;
use portcullis_envoy::{EnvoyBinary, EnvoyTarget};
use portcullis_filters::Filter;
use portcullis_foreign::foreign_functions;
use portcullis_host::{Instance, LoadError, LoadOptions, Module};
use portcullis_kit::UnixTime;
use portcullis_scenario::{PluginRef, SimTarget, Start, Target, TargetError};
use portcullis_sim::{Factory, PluginSetup, Profile, Setup};
use tempfile::TempPath;

use crate::cache;
use crate::commands::read;
use crate::scenarios::beside;

/// Where a scenario is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetName {
    /// Native code in the simulated proxy; for our own filters.
    Native,
    /// The module in the simulated proxy.
    Wasm,
    /// The module in a real Envoy process.
    Envoy,
}

impl TargetName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Wasm => "wasm",
            Self::Envoy => "envoy",
        }
    }
}

/// One target with the plugins of a scenario, ready to be started.
pub(crate) enum Starter {
    Native(Vec<&'static Filter>),
    Wasm(Vec<Module>),
    /// With what is wrong with a module, for which Envoy would have other words.
    Envoy(EnvoyBinary, Vec<ModuleFile>, Option<String>),
    /// A module that cannot be loaded, for a scenario that is about that.
    Unloadable(String),
}

/// A module as a file that Envoy can read.
pub(crate) enum ModuleFile {
    There(PathBuf),
    /// Compiled from WebAssembly text; gone with this.
    Compiled(TempPath),
}

impl Starter {
    /// Finds what a scenario names; `None` where there is nothing to run it with. `modules` is where our own modules are.
    pub(crate) fn new(
        target: TargetName,
        (plugins, profile): (&[PluginRef], Profile),
        scenario: &Path,
        modules: &Path,
    ) -> Result<Option<Self>, String> {
        let paths = plugins.iter().map(|plugin| module_path(plugin, scenario, modules));
        match target {
            TargetName::Native => native(plugins),
            TargetName::Wasm => {
                let paths = paths.collect::<Result<Vec<_>, _>>()?;
                let bytes = paths.iter().map(|path| Ok((path, named_bytes(path)?)));
                let bytes = bytes.collect::<Result<Vec<_>, String>>()?;
                let modules = bytes.iter().map(|(path, bytes)| compile(path, bytes, profile));
                Ok(Some(modules.collect::<Result<_, _>>().map_or_else(Self::Unloadable, Self::Wasm)))
            }
            TargetName::Envoy => {
                let files = paths.map(|path| ModuleFile::new(path?)).collect::<Result<Vec<_>, String>>()?;
                let problem = files.iter().find_map(|file| load_module(file.path()).err());
                Ok(Some(Self::Envoy(EnvoyBinary::find()?, files, problem)))
            }
        }
    }

    /// Why a module does not load, as far as it can be told before the start.
    pub(crate) fn problem(&self) -> Option<&str> {
        match self {
            Self::Native(_) | Self::Wasm(_) => None,
            Self::Unloadable(problem) => Some(problem),
            Self::Envoy(_, _, problem) => problem.as_deref(),
        }
    }
}

/// Makes the VM of each plugin.
pub(crate) fn vms(modules: Vec<Module>) -> Factory<Instance> {
    Arc::new(move |plugin: &PluginSetup| {
        let module = modules.get(plugin.code).ok_or_else(|| "no such module".to_owned())?;
        module.instantiate(plugin).map_err(|error| error.to_string())
    })
}

/// The native code of the plugins, if all of them are ours.
fn native(plugins: &[PluginRef]) -> Result<Option<Starter>, String> {
    let mut filters = Vec::new();
    for plugin in plugins {
        let PluginRef::Filter(name) = plugin else { return Ok(None) };
        filters.push(Filter::named(name)?);
    }
    Ok(Some(Starter::Native(filters)))
}

fn module_path(plugin: &PluginRef, scenario: &Path, modules: &Path) -> Result<PathBuf, String> {
    let name = match plugin {
        PluginRef::Module(path) => {
            let found = beside(scenario, path);
            return match found.exists() {
                true => Ok(found),
                false => Err(format!(
                    "module {path:?}: there is no {}; module: is relative to the scenario file",
                    found.display()
                )),
            };
        }
        PluginRef::Filter(name) => name,
    };
    Filter::named(name)?;
    let path = modules.join(format!("{name}.wasm"));
    match path.exists() {
        true => Ok(path),
        false => {
            let path = path.display();
            Err(format!("{path}: no such file; make build makes it, --modules says where it is"))
        }
    }
}

/// Reads and checks a module, `.wasm` or `.wat`.
pub(crate) fn load_module(path: &Path) -> Result<Module, String> {
    compile(path, &named_bytes(path)?, Profile::Envoy)
}

/// Likewise, compiled as asked for.
pub(crate) fn load_module_with(path: &Path, options: &LoadOptions<'_>) -> Result<Module, String> {
    let module = Module::load_with(&named_bytes(path)?, options);
    module.map_err(|error| format!("{}: {error}", path.display()))
}

fn compile(path: &Path, bytes: &[u8], profile: Profile) -> Result<Module, String> {
    let cache = cache::directory();
    let plain = LoadOptions { spec: profile == Profile::Spec, ..LoadOptions::default() };
    let module = match Module::load_with(bytes, &LoadOptions { cache: cache.as_deref(), ..plain }) {
        // A cache that cannot be used costs time and nothing else.
        Err(LoadError::Engine(_)) if cache.is_some() => Module::load_with(bytes, &plain),
        module => module,
    };
    module.map_err(|error| format!("{}: {error}", path.display()))
}

/// The bytes of a module with the names of its functions, for backtraces and profiles: those of `X.debug.wasm` beside `X.wasm`, if that is
/// the same module and has names behind it.
fn named_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = module_bytes(path)?;
    match std::fs::read(path.with_extension("debug.wasm")) {
        Ok(named) if named.starts_with(&bytes) => Ok(named),
        _ => Ok(bytes),
    }
}

/// The bytes of a module as Envoy gets it; WebAssembly text is made into them.
pub(crate) fn module_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read(path)?;
    if !is_text(path) {
        return Ok(bytes);
    }
    let bytes = wat::Parser::new().parse_bytes(Some(path), &bytes).map(|bytes| bytes.into_owned());
    bytes.map_err(|error| error.to_string())
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wat")
}

impl ModuleFile {
    fn new(path: PathBuf) -> Result<Self, String> {
        if !is_text(&path) {
            return Ok(Self::There(path));
        }
        let fail = |error: std::io::Error| format!("{}: {error}", path.display());
        let file = tempfile::Builder::new().prefix("portcullis-").suffix(".wasm").tempfile().map_err(fail)?;
        std::fs::write(file.path(), module_bytes(&path)?).map_err(fail)?;
        Ok(Self::Compiled(file.into_temp_path()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::There(path) => path,
            Self::Compiled(path) => path,
        }
    }
}

/// The real time, for a simulated clock.
pub(crate) fn real_time() -> UnixTime {
    since_epoch(SystemTime::now())
}

/// A time as the simulation counts it.
pub(crate) fn since_epoch(time: SystemTime) -> UnixTime {
    let span = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_nanos(0).saturating_add(span)
}

impl Start for Starter {
    fn name(&self) -> &'static str {
        match self {
            Self::Native(_) => "native",
            Self::Wasm(_) | Self::Unloadable(_) => "wasm",
            Self::Envoy(..) => "envoy",
        }
    }

    fn start(&self, setup: &Setup) -> Result<Box<dyn Target>, TargetError> {
        // A scenario without a clock means the same time on every target: the real one.
        let timed = || Setup { clock: setup.clock.or_else(|| Some(real_time())), ..setup.clone() };
        match self {
            Self::Native(filters) => {
                let plugins: Vec<_> = filters.iter().map(|filter| filter.plugin).collect();
                let factory = Arc::new(move |plugin: &PluginSetup| {
                    plugins.get(plugin.code).map(|plugin| plugin()).ok_or_else(|| "no such plugin".to_owned())
                });
                Ok(Box::new(SimTarget::start("native", factory, &foreign_functions(), &timed())?))
            }
            Self::Wasm(modules) => {
                Ok(Box::new(SimTarget::start("wasm", vms(modules.clone()), &foreign_functions(), &timed())?))
            }
            Self::Envoy(binary, files, _) => {
                let paths: Vec<_> = files.iter().map(|file| file.path().to_owned()).collect();
                Ok(Box::new(EnvoyTarget::start(binary, &paths, setup)?))
            }
            Self::Unloadable(problem) => Err(TargetError::Broken(problem.clone())),
        }
    }
}
