//! Finishes a module: `portcullis-pack IN.wasm OUT.wasm`.
//!
//! The SDK exports every callback of the ABI, and Envoy calls each one that it finds, at a microsecond or more per
//! request. This keeps the callbacks that `portcullis_shell::export!` lists, and what every module needs.

use std::path::Path;
use std::process::ExitCode;

/// What a module needs whatever its filter does.
const ALWAYS: [&str; 7] = [
    "memory",
    "proxy_abi_version_0_2_1",
    "_initialize",
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_configure",
    "proxy_on_delete",
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        eprintln!("usage: portcullis-pack IN.wasm OUT.wasm");
        return ExitCode::from(2);
    };
    match pack(Path::new(input), Path::new(output)) {
        Ok(size) => {
            println!("{output}: {} KiB", size.div_ceil(1024));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{input}: {error}");
            ExitCode::from(2)
        }
    }
}

/// A callback that the shell exports as `portcullis_on_x` takes the place of the SDK's `proxy_on_x`.
fn take_over(exports: &mut walrus::ModuleExports) {
    let ours: Vec<_> = exports
        .iter()
        .filter_map(|export| {
            Some((export.id(), format!("proxy_{}", export.name.strip_prefix("portcullis_")?)))
        })
        .collect();
    for (id, name) in ours {
        // The SDK has each of them; one that it no longer has needs no removing.
        let _ = exports.remove(&name);
        exports.get_mut(id).name = name;
    }
}

fn pack(input: &Path, output: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let mut config = walrus::ModuleConfig::new();
    config.generate_producers_section(false);
    let mut module = config.parse(&std::fs::read(input)?)?;
    let listed = module
        .customs
        .remove_raw("portcullis.callbacks")
        .ok_or("no section portcullis.callbacks; make the module with portcullis_shell::export!")?;
    let listed = String::from_utf8(listed.data)?;
    take_over(&mut module.exports);
    let kept: Vec<&str> = ALWAYS.into_iter().chain(listed.lines()).collect();
    if let Some(missing) = kept.iter().find(|name| !module.exports.iter().any(|export| export.name == **name))
    {
        return Err(format!("exports no {missing}").into());
    }
    let dropped: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !kept.contains(&export.name.as_str()))
        .map(|e| e.id())
        .collect();
    for export in dropped {
        module.exports.delete(export);
    }
    walrus::passes::gc::run(&mut module);
    let wasm = module.emit_wasm();
    // A reader of `output` sees the old module or the new one, never half of one.
    let partial = output.with_extension("partial");
    std::fs::write(&partial, &wasm)?;
    std::fs::rename(&partial, output)?;
    Ok(wasm.len())
}
