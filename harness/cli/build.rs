//! Takes the page of the playground into the command, as `make playground` has built it; where it has not been built, the command says so.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("dist/playground");
    // Cargo would build anew each time if there were nothing to watch.
    fs::create_dir_all(&page)?;
    let page = page.canonicalize()?;
    println!("cargo::rerun-if-changed={}", page.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&page)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    let entries = files.iter().map(|file| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        format!("({name:?}, include_bytes!({:?})),\n", file.display().to_string())
    });
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("playground.rs");
    fs::write(out, format!("&[\n{}]", entries.collect::<String>()))
}
