//! Paths with secrets in their segments.

use portcullis_kit::ConfigError;
use portcullis_kit::parts::Template;

use super::REDACTED;
use crate::config::PathConfig;

/// A template, and which of its segments are shown.
#[derive(Debug)]
pub(super) struct PathTemplate {
    template: Template,
    /// What stands in each place: `None` for what the path has there.
    segments: Vec<Option<String>>,
    is_open: bool,
}

impl PathTemplate {
    pub(super) fn new(config: PathConfig) -> Result<Self, ConfigError> {
        // Some servers do not mind the case.
        let template =
            Template::new(config.template.to_ascii_lowercase()).map_err(|error| error.under("template"))?;
        let text = config.template;
        let names: Vec<_> = text.split('/').filter_map(name).collect();
        let is_unknown = |(_, shown): &(usize, &String)| !names.contains(&shown.as_str());
        if let Some((index, shown)) = config.show.iter().enumerate().find(is_unknown) {
            let problem = format!("{shown:?} is not in the template; write one of {names:?}");
            return Err(ConfigError::at(format!("show[{index}]"), problem));
        }
        let is_open = text.ends_with("**");
        let hidden = text.split('/').map(|segment| {
            let name = name(segment)?;
            (!config.show.iter().any(|shown| shown == name)).then(|| segment.to_owned())
        });
        let mut segments: Vec<_> = hidden.collect();
        if is_open {
            segments.pop();
        }
        Ok(Self { template, segments, is_open })
    }

    /// Whether a path, its escapes decoded, is of this form; many servers do not mind a slash at its end.
    pub(super) fn fits(&self, path: &str) -> bool {
        let path = path.to_ascii_lowercase();
        self.template.fits(&path) || path.strip_suffix('/').is_some_and(|path| self.template.fits(path))
    }

    /// The path, with the names of what is hidden in the place of it.
    pub(super) fn shown(&self, path: &str) -> String {
        let mut parts = path.split('/');
        let mut shown = Vec::new();
        for segment in &self.segments {
            let Some(part) = parts.next() else { break };
            shown.push(segment.as_deref().unwrap_or(part));
        }
        if self.is_open && parts.next().is_some() {
            shown.push(REDACTED);
        }
        shown.join("/")
    }
}

fn name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}
