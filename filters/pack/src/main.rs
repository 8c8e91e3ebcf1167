//! Finishes a module: `portcullis-pack IN.wasm OUT.wasm MESSAGES`, and beside it `OUT.debug.wasm` and `OUT.cdx.json`.
//!
//! The SDK exports every callback of the ABI, and Envoy calls each one that it finds, at a microsecond or more per
//! request. This keeps the callbacks that `portcullis_shell::export!` lists, and what every module needs.
//!
//! The names of functions are a tenth and more of a module. `OUT.debug.wasm` is `OUT.wasm` byte for byte, with them behind it: what reads
//! backtraces and profiles finds them there, and Envoy can load it in the other's place.
//!
//! MESSAGES is what cargo said while it built the module (`--message-format json`): the bill of materials is made of that.

mod bom;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use flate2::Compression;
use flate2::write::GzEncoder;
use walrus::ModuleConfig;

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
    let [input, output, messages] = arguments.as_slice() else {
        eprintln!("usage: portcullis-pack IN.wasm OUT.wasm MESSAGES");
        return ExitCode::from(2);
    };
    let (output, messages) = (Path::new(output), Path::new(messages));
    let done = finish(Path::new(input), output).and_then(|told| write_bill(messages, output).map(|()| told));
    match done {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{input}: {error}");
            ExitCode::from(2)
        }
    }
}

fn write_bill(messages: &Path, module: &Path) -> Result<(), Box<dyn Error>> {
    Ok(write(&module.with_extension("cdx.json"), &bom::bill(messages, module)?)?)
}

fn finish(input: &Path, output: &Path) -> Result<String, Box<dyn Error>> {
    let input = std::fs::read(input)?;
    let [wasm, named] = [false, true].map(|names| packed(&input, names));
    let (wasm, named) = (wasm?, named?);
    if !named.starts_with(&wasm) {
        return Err("the names are not at the end of the module".into());
    }
    write(&output.with_extension("debug.wasm"), &named)?;
    write(output, &wasm)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&wasm)?;
    let kib = |bytes: &[u8]| bytes.len().div_ceil(1024);
    Ok(format!("{:<28} {:>4} KiB, {:>4} KiB gzip", output.display(), kib(&wasm), kib(&gzip.finish()?)))
}

/// The module without what it does not need, and with names of functions or without.
fn packed(input: &[u8], names: bool) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut config = ModuleConfig::new();
    config.generate_producers_section(false).generate_name_section(names);
    let mut module = config.parse(input)?;
    let listed = module
        .customs
        .remove_raw("portcullis.callbacks")
        .ok_or("no section portcullis.callbacks; make the module with portcullis_shell::export!")?;
    let listed = String::from_utf8(listed.data)?;
    // Linkers read that; nothing runs by it.
    module.customs.remove_raw("target_features");
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
    Ok(module.emit_wasm())
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

/// A reader of the file sees the old one or the new one, never half of one.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)?;
    std::fs::rename(&partial, path)
}
