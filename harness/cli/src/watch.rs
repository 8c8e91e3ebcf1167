//! Does something again whenever files change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::{Event, EventKind, RecursiveMode, Watcher};
use portcullis_scenario::report::shown;

use crate::Verdict;

/// An editor writes a file in several strokes.
const QUIET: Duration = Duration::from_millis(200);
/// What belongs to scenarios, by the endings of file names.
const ENDINGS: [&str; 6] = ["yaml", "yml", "wasm", "wat", "json", "txt"];

/// Does `once`, and again after each change below `folders`, which are asked for anew each time. Ends only with an error of the
/// watch itself: what `once` finds wrong is told, and may be mended.
pub(crate) fn repeat(
    folders: impl Fn() -> BTreeSet<PathBuf>,
    once: impl Fn() -> Result<Verdict, String>,
) -> Result<Verdict, String> {
    let fail = |error: notify::Error| format!("--watch: {error}");
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event| {
        // Nobody listens any more: the command ends.
        let _ = sender.send(event);
    })
    .map_err(fail)?;
    let mut watched = BTreeSet::new();
    loop {
        for folder in folders() {
            if watched.insert(folder.clone()) {
                watcher.watch(&folder, RecursiveMode::Recursive).map_err(fail)?;
            }
        }
        if let Err(problem) = once() {
            anstream::eprintln!("portcullis: {}", shown(&problem));
        }
        // What the run itself has written, golden files for instance, is no change.
        while changes.recv_timeout(QUIET).is_ok() {}
        anstream::eprintln!("portcullis: waiting for changes; Ctrl-C ends it");
        wait(&changes)?;
    }
}

/// The folder of a file, or the folder itself.
pub(crate) fn folder(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.to_owned(),
        false => {
            path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or_else(|| Path::new(".")).to_owned()
        }
    }
}

fn wait(changes: &Receiver<notify::Result<Event>>) -> Result<(), String> {
    loop {
        let event = changes.recv().map_err(|error| format!("--watch: {error}"))?;
        if event.is_ok_and(|event| is_change(&event)) {
            break;
        }
    }
    while changes.recv_timeout(QUIET).is_ok() {}
    Ok(())
}

fn is_change(event: &Event) -> bool {
    let ours =
        |path: &PathBuf| path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
    matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_))
        && event.paths.iter().any(ours)
}
