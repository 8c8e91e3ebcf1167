//! Whether golden files are written, and where they may be: a scenario that somebody else has written must not write wherever it likes.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::scenarios::beside;

/// Whether golden files are written.
pub(crate) fn bless() -> Result<bool, String> {
    match std::env::var_os("BLESS") {
        None => Ok(false),
        Some(value) if value.is_empty() || value == "0" => Ok(false),
        Some(value) if value == "1" => Ok(true),
        Some(value) => Err(format!("BLESS={value:?}; 1 writes golden files, 0 or nothing compares them")),
    }
}

/// The folders below which golden files are read and written.
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    /// The folders that are named, those of the files that are named, and the current one.
    pub(crate) fn of(paths: &[PathBuf]) -> Self {
        let folders = paths.iter().map(|path| if path.is_dir() { path } else { parent(path) }.to_owned());
        let all = folders.chain([PathBuf::from(".")]);
        Self(all.filter_map(|folder| folder.canonicalize().ok()).collect())
    }
}

/// The place of a golden file of a scenario.
pub(crate) fn place(scenario: &Path, golden: &str, roots: &Roots) -> Result<PathBuf, String> {
    let fail = |problem: &str| Err(format!("{}: golden file {golden:?}: {problem}", scenario.display()));
    if !Path::new(golden).is_relative() {
        return fail("write a path relative to the scenario file");
    }
    let path = beside(scenario, golden);
    if let Ok(found) = fs::symlink_metadata(&path)
        && !found.is_file()
    {
        return fail("not a regular file; a symbolic link or a device is not followed");
    }
    let Some(folder) = existing(parent(&path)) else {
        return fail("goes up from a folder that is not there; write it without ..");
    };
    match roots.0.iter().any(|root| folder.starts_with(root)) {
        true => Ok(path),
        false => fail(
            "outside of the folders on the command line and of the current one; keep it beside its scenario, or \
             name a folder that holds both",
        ),
    }
}

/// The nearest folder that is there, without links; none if what is missing below it goes up again.
fn existing(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Ok(found) = folder.canonicalize() {
            return Some(found);
        }
        // A link to nothing would be followed when the folders are made.
        if !matches!(folder.components().next_back(), Some(Component::Normal(_))) || folder.is_symlink() {
            return None;
        }
    }
    None
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn golden_files_stay_below_the_folders_that_were_named() {
        use std::os::unix::fs::symlink;

        let outside = tempfile::tempdir().unwrap();
        let inside = outside.path().join("in");
        fs::create_dir_all(inside.join("sub")).unwrap();
        fs::write(outside.path().join("x"), "").unwrap();
        symlink("../x", inside.join("link")).unwrap();
        symlink("..", inside.join("up")).unwrap();
        symlink("../nowhere", inside.join("dangling")).unwrap();
        let roots = Roots::of(std::slice::from_ref(&inside));
        let scenario = inside.join("sub/s.yaml");
        for golden in ["a", "new/folder/a", "../a", "./a"] {
            assert_eq!(place(&scenario, golden, &roots), Ok(inside.join("sub").join(golden)));
        }
        for golden in [
            "/etc/hostname",
            "../../x",
            "../link",
            "../up/new",
            "new/../../../x",
            "../dangling/new",
            "../dangling",
            "..",
        ] {
            let problem = place(&scenario, golden, &roots).unwrap_err();
            assert!(problem.contains("s.yaml: golden file"), "{problem}");
        }
    }
}
