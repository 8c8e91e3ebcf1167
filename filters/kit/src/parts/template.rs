use crate::ConfigError;

/// Paths of one form: `/users/{id}/orders`, or `/files/**` for all below.
#[derive(Debug)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
    /// Whether it ends with `**`.
    is_open: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    /// One that is not empty.
    Any,
}

impl Template {
    /// Reads `/users/{id}/orders` and `/files/**`.
    ///
    /// # Errors
    /// What is no template.
    pub fn new(text: String) -> Result<Self, ConfigError> {
        let Some(path) = text.strip_prefix('/') else { return Err(mistake(&text)) };
        let (path, is_open) = match path.strip_suffix("**") {
            Some("") => ("", true),
            Some(path) => (path.strip_suffix('/').ok_or_else(|| mistake(&text))?, true),
            None => (path, false),
        };
        let segments = match (path, is_open) {
            ("", true) => Vec::new(),
            _ => path.split('/').map(Segment::new).collect::<Option<_>>().ok_or_else(|| mistake(&text))?,
        };
        Ok(Self { segments, is_open, text })
    }

    /// The template as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a path is of this form.
    pub fn fits(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else { return false };
        let mut segments = path.split('/');
        let all_fit =
            self.segments.iter().all(|expected| segments.next().is_some_and(|it| expected.fits(it)));
        all_fit && (self.is_open || segments.next().is_none())
    }
}

impl Segment {
    fn new(text: &str) -> Option<Self> {
        let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) if !name.is_empty() && !name.contains(['{', '}', '*']) => Some(Self::Any),
            None if !text.contains(['{', '}', '*']) => Some(Self::Text(text.to_owned())),
            _ => None,
        }
    }

    fn fits(&self, segment: &str) -> bool {
        match self {
            Self::Text(text) => text == segment,
            Self::Any => !segment.is_empty(),
        }
    }
}

fn mistake(text: &str) -> ConfigError {
    let remedy =
        "write a path with {name} for a segment and ** at the end for all below, as in /users/{id}/**";
    ConfigError::at("", format!("{text:?} is no template; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_fit_paths_of_their_form() {
        let fits = |template: &str, path: &str| Template::new(template.into()).unwrap().fits(path);
        for (template, path) in [
            ("/users/{id}/orders", "/users/7/orders"),
            ("/", "/"),
            ("/**", "/"),
            ("/**", "/a/b"),
            ("/files/**", "/files/a/b"),
            ("/files/**", "/files/"),
            ("/files/**", "/files"),
        ] {
            assert!(fits(template, path), "{template} {path}");
        }
        for (template, path) in [
            ("/users/{id}/orders", "/users//orders"),
            ("/users/{id}", "/users/7/orders"),
            ("/users/{id}", "/users"),
            ("/files/**", "/filesystem"),
            ("/a", "/a/"),
            ("/a", ""),
        ] {
            assert!(!fits(template, path), "{template} {path}");
        }
    }

    #[test]
    fn what_is_no_template_is_a_mistake() {
        for text in ["", "a", "/{}", "/{a", "/a}", "/a*", "/a**", "/**/a", "/{a*}", "/x{a}"] {
            let error = Template::new(text.into()).unwrap_err().to_string();
            assert!(error.contains("is no template; write a path"), "{text}: {error}");
        }
    }
}
