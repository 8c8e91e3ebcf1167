//! Where compiled modules are kept, so that only the first run of a module compiles it.

use std::env;
use std::path::PathBuf;

/// The folder: `PORTCULLIS_CACHE`, where an empty value means none at all, or else one of the user's own
/// (`$XDG_CACHE_HOME`, `~/.cache`). Whoever can write there can have code run, so it is never a shared place.
pub(crate) fn directory() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("PORTCULLIS_CACHE") {
        return Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty());
    }
    let of_user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let of_user = of_user.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    // The engine takes absolute paths only.
    of_user.filter(|folder| folder.is_absolute()).map(|folder| folder.join("portcullis"))
}
