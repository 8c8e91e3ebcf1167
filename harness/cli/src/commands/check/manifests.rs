//! Manifests, and the plugins in them that are ours.

use std::ops::Add;
use std::path::{Path, PathBuf};

use portcullis_filters::{FILTERS, Filter};
use portcullis_manifest::traps::{self, Ours, Surroundings};
use portcullis_manifest::{CODES, Configuration, Document, Level, Path as Place, Plugin, documents, plugins};
use portcullis_oci::{Digest, LAYOUT};
use portcullis_scenario::report::{shown, shown_line};
use serde_json::Value;

use crate::Verdict;
use crate::commands::{contents, is_yaml};

/// A file, or the folder of an image, and what is in it.
#[derive(Default)]
struct File {
    path: PathBuf,
    documents: Vec<Document>,
    /// The digests of the module in an image and of the image's manifest.
    image: Option<[String; 2]>,
    /// Why it could not be read: others in the folder are looked at all the same.
    unread: Option<Line>,
}

/// A line of the report.
struct Line {
    number: Option<u64>,
    level: Level,
    code: &'static str,
    text: String,
}

pub(super) fn check(paths: &[PathBuf], denies_warnings: bool, allowed: &[String]) -> Result<Verdict, String> {
    if let Some(unknown) = allowed.iter().find(|code| !CODES.contains(&code.as_str())) {
        return Err(format!("--allow {unknown}: nothing is called that; there is {}", CODES.join(", ")));
    }
    let mut files = Vec::new();
    for path in paths {
        collect(path, true, &mut files)?;
    }
    let mut surroundings = Surroundings::of(files.iter().flat_map(|file| &file.documents));
    for (file, [module, manifest]) in files.iter().filter_map(|file| Some((file, file.image.as_ref()?))) {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        surroundings.add_image(&name, [module, manifest]);
    }
    let images = files.iter().filter(|file| file.path.join(LAYOUT).exists()).count();
    let count =
        files.iter_mut().fold(Count::default(), |count, file| count + report(file, &surroundings, allowed));
    if count.ours == 0 && images == 0 {
        return Err("no plugin of ours here, by its root_id or pluginName, its module or its name; \
                    a configuration by itself is checked with --config FILE --filter NAME"
            .to_owned());
    }
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    anstream::println!(
        "{}{}{}: {}, {}",
        counted(count.ours, "plugin"),
        if count.others > 0 {
            format!(" of ours, {} of others left alone", count.others)
        } else {
            String::new()
        },
        if images > 0 { format!(", {}", counted(images, "image")) } else { String::new() },
        counted(count.errors, "error"),
        counted(count.warnings, "warning")
    );
    let is_good = count.errors == 0 && (count.warnings == 0 || !denies_warnings);
    Ok(if is_good { Verdict::Good } else { Verdict::Bad })
}

/// How many plugins there are, and how much is wrong with those that are ours.
#[derive(Default)]
struct Count {
    ours: usize,
    others: usize,
    errors: usize,
    warnings: usize,
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            ours: self.ours + other.ours,
            others: self.others + other.others,
            errors: self.errors + other.errors,
            warnings: self.warnings + other.warnings,
        }
    }
}

/// Prints what is wrong in a file.
fn report(file: &mut File, surroundings: &Surroundings, allowed: &[String]) -> Count {
    let mut count = Count::default();
    let mut lines: Vec<_> = file.unread.take().into_iter().collect();
    for document in &file.documents {
        let (ours, all, of_document) = check_document(document, surroundings);
        count.ours += ours;
        count.others += all - ours;
        lines.extend(of_document);
    }
    lines.retain(|line| !allowed.iter().any(|code| code == line.code));
    lines.sort_by_key(|line| line.number);
    let name = shown_line(&file.path.display().to_string());
    for line in &lines {
        let number = line.number.map(|number| format!(":{number}")).unwrap_or_default();
        anstream::println!("{name}{number}: {}: {} [{}]", line.level, shown(&line.text), line.code);
    }
    let of_level = |level| lines.iter().filter(|line| line.level == level).count();
    Count { errors: of_level(Level::Error), warnings: of_level(Level::Warning), ..count }
}

/// Reads a file, or the manifests in a folder.
fn collect(path: &Path, is_named: bool, files: &mut Vec<File>) -> Result<(), String> {
    let told = |problem: String| format!("{}: {problem}", path.display());
    if path.join(LAYOUT).is_file() {
        files.push(image(path));
        return Ok(());
    }
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| told(error.to_string()))?;
        let entries: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut entries = entries.map_err(|error| told(error.to_string()))?;
        entries.sort();
        // A link may lead back to where it is.
        entries.retain(|entry| !(entry.is_symlink() && entry.is_dir()));
        return entries.iter().try_for_each(|entry| collect(entry, false, files));
    }
    let is_manifest = is_yaml(path) || path.extension().is_some_and(|extension| extension == "json");
    if !is_manifest && !is_named {
        return Ok(());
    }
    match read(path) {
        Ok(documents) => files.push(File { path: path.to_owned(), documents, ..File::default() }),
        Err((line, problem)) if is_named => {
            let line = line.map(|line| format!(":{line}")).unwrap_or_default();
            return Err(format!("{}{line}: {problem}", path.display()));
        }
        Err((number, problem)) => {
            let text = format!("not read: {problem}");
            let unread = Some(Line { number, level: Level::Warning, code: "unread", text });
            files.push(File { path: path.to_owned(), unread, ..File::default() });
        }
    }
    Ok(())
}

/// An OCI image layout, as Istio and Envoy Gateway read it.
fn image(folder: &Path) -> File {
    let path = folder.to_owned();
    match portcullis_oci::module_of(folder) {
        Ok((module, manifest)) => {
            let digests = [Digest::of(&module).to_string(), manifest.to_string()];
            File { path, image: Some(digests), ..File::default() }
        }
        Err(error) => {
            let text = format!("Istio and Envoy Gateway find no module in this image: {error}");
            File {
                path,
                unread: Some(Line { number: None, level: Level::Error, code: "image", text }),
                ..File::default()
            }
        }
    }
}

/// The resources in a file, or the line and the reason why not.
fn read(path: &Path) -> Result<Vec<Document>, (Option<u64>, String)> {
    let text = contents(path).map_err(|problem| (None, problem))?;
    let text = String::from_utf8(text).map_err(|_| (None, "not UTF-8".to_owned()))?;
    documents(&text).map_err(|error| {
        let problem = match text.contains("{{") {
            true => format!("{error}; a template is no manifest: check what helm template writes"),
            false => error.to_string(),
        };
        (error.line, problem)
    })
}

/// How many plugins of ours there are in a document, how many in all, and what is wrong with ours.
fn check_document(document: &Document, surroundings: &Surroundings) -> (usize, usize, Vec<Line>) {
    let names = FILTERS.map(|filter| filter.name);
    let plugins = plugins(document);
    let ours: Vec<_> = plugins
        .iter()
        .filter_map(|plugin| Some((plugin, Filter::named(plugin.filter(&names)?).ok()?)))
        .collect();
    let mut lines: Vec<_> =
        ours.iter().filter_map(|(plugin, filter)| refused(document, plugin, filter)).collect();
    let read = |plugin: &Plugin| serde_json::from_slice(&plugin.bytes()?).ok();
    let configurations: Vec<Value> =
        ours.iter().map(|(plugin, _)| read(plugin).unwrap_or_default()).collect();
    let read: Vec<_> = std::iter::zip(&ours, &configurations)
        .map(|((plugin, filter), configuration)| Ours { plugin, filter: filter.name, configuration })
        .collect();
    lines.extend(traps::of(document, &plugins, &read, surroundings).into_iter().map(|finding| Line {
        number: document.line(&finding.place),
        level: finding.level,
        code: finding.code,
        text: format!("{}: {}", finding.place, finding.problem),
    }));
    (ours.len(), plugins.len(), lines)
}

/// What the filter says of the configuration, where it refuses it.
fn refused(document: &Document, plugin: &Plugin, filter: &Filter) -> Option<Line> {
    let line = |number, text| Line { number, level: Level::Error, code: "configuration", text };
    let Some(bytes) = plugin.bytes() else {
        let text = format!(
            "{}: a plugin gets the bytes of this message, and not JSON; write a google.protobuf.StringValue with JSON in it",
            plugin.configured_at
        );
        return Some(line(document.line(&plugin.configured_at), text));
    };
    let error = (filter.check)(&bytes).err()?;
    let place = plugin.configured_at.written(&error.path);
    let number = match &plugin.configuration {
        Configuration::Text(text) => line_in_text(document, plugin, text, &error.path),
        _ => document.line(&place),
    };
    Some(line(number, format!("{}: {}: {}", filter.name, place, error.problem)))
}

/// The line of a member in a text of several lines, which begins behind the line of the text itself.
fn line_in_text(document: &Document, plugin: &Plugin, text: &str, path: &str) -> Option<u64> {
    let start = document.line(&plugin.configured_at)?;
    let inner = documents(text).ok().and_then(|inner| inner.first()?.line(&Place::default().written(path)));
    match text.contains('\n') {
        true => Some(inner.map_or(start, |line| start + line)),
        false => Some(start),
    }
}
