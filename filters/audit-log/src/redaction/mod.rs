//! What of a request is shown. Whatever no list names is hidden.

mod body;
mod path;
mod values;

use std::borrow::Cow;

use portcullis_audit_chain::hex;
use portcullis_kit::ConfigError;
use portcullis_kit::Headers;
use portcullis_kit::rules::path_of;

use crate::config::{Hidden, ShowConfig};
use path::PathTemplate;

pub(crate) use body::Shown;

/// What stands for a value.
const REDACTED: &str = "[redacted]";
/// The longest value of a header; the rest is cut off.
const LONGEST_VALUE: usize = 1024;
/// How many headers of a message are recorded.
const MOST_HEADERS: usize = 100;

/// A validated [`ShowConfig`].
#[derive(Debug)]
pub(crate) struct Redaction {
    request_headers: Vec<String>,
    response_headers: Vec<String>,
    cookies: Vec<String>,
    query: Vec<String>,
    form: Vec<String>,
    json: Vec<Vec<String>>,
    paths: Vec<PathTemplate>,
    hidden: HiddenAs,
}

/// What stands for a value that is not shown.
#[derive(Debug)]
enum HiddenAs {
    NameOnly,
    Masked,
    Keyed(Vec<u8>),
}

/// A name and what is shown of its value.
pub(crate) type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What was hidden and what was cut off, for the counters and for the record itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) redacted: u32,
    pub(crate) truncated: u32,
}

impl Redaction {
    pub(crate) fn new(config: ShowConfig) -> Result<Self, ConfigError> {
        let lower = |member: &str, names: Vec<String>| values::header_names(member, names);
        let hidden = match (config.hidden, &config.key) {
            (Hidden::NameOnly, None) => HiddenAs::NameOnly,
            (Hidden::Masked, None) => HiddenAs::Masked,
            (Hidden::Keyed, Some(key)) => HiddenAs::Keyed(values::key(key)?),
            (Hidden::Keyed, None) => {
                return Err(ConfigError::at("key", "missing; keyed needs one, at least 16 bytes in base64"));
            }
            (_, Some(_)) => {
                return Err(ConfigError::at("key", "nothing uses it; write hidden: keyed, or leave it out"));
            }
        };
        let paths = config.paths.into_iter().enumerate().map(|(index, path)| {
            PathTemplate::new(path).map_err(|error| error.under(&format!("paths[{index}]")))
        });
        if let Some(index) = config.json.iter().position(Vec::is_empty) {
            let problem = "empty; write the names on the way to a member, as in [order, id]";
            return Err(ConfigError::at(format!("json[{index}]"), problem));
        }
        Ok(Self {
            request_headers: lower("request_headers", config.request_headers)?,
            response_headers: lower("response_headers", config.response_headers)?,
            cookies: config.cookies,
            query: config.query,
            form: config.form,
            json: config.json,
            paths: paths.collect::<Result<_, _>>()?,
            hidden,
        })
    }

    /// Whether the value of a request header is shown.
    pub(crate) fn shows_header(&self, name: &str) -> bool {
        self.request_headers.iter().any(|it| it == name)
    }

    /// Whether the type of a body is shown, wherever it stands: that of a request, or that of a response.
    pub(crate) fn shows_type(&self, is_request: bool) -> bool {
        let shown = if is_request { &self.request_headers } else { &self.response_headers };
        shown.iter().any(|it| it == "content-type")
    }

    /// The path as it is shown, without its query and without what parameters say. Where there may be secrets in it, one that a server may read
    /// in another way is not shown.
    pub(crate) fn path<'a>(&self, path: Cow<'a, str>, tally: &mut Tally) -> Cow<'a, str> {
        if self.paths.is_empty() {
            return path;
        }
        let names = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
        let bare = names.collect::<Vec<_>>().join("/");
        let Ok(plain) = path_of(&Headers::from_iter([(":path", &bare)])).map(Cow::into_owned) else {
            tally.redacted += 1;
            return REDACTED.into();
        };
        let Some(template) = self.paths.iter().find(|template| template.fits(&plain)) else { return path };
        tally.redacted += 1;
        template.shown(&bare).into()
    }

    /// The query as it is shown.
    pub(crate) fn query(&self, query: &str, tally: &mut Tally) -> String {
        self.pairs(query, &self.query, tally)
    }

    /// The headers of a request; cookies and what the record says elsewhere are not among them.
    pub(crate) fn request_headers<'a>(&self, headers: &'a Headers, tally: &mut Tally) -> Vec<Field<'a>> {
        self.headers(headers, &self.request_headers, "cookie", tally)
    }

    /// Likewise of a response.
    pub(crate) fn response_headers<'a>(&self, headers: &'a Headers, tally: &mut Tally) -> Vec<Field<'a>> {
        self.headers(headers, &self.response_headers, "set-cookie", tally)
    }

    fn headers<'a>(
        &self,
        headers: &'a Headers,
        shown: &[String],
        cookies: &str,
        tally: &mut Tally,
    ) -> Vec<Field<'a>> {
        let all = headers.iter().filter(|(name, _)| !name.starts_with(b":") && *name != cookies.as_bytes());
        let mut fields: Vec<Field<'a>> = Vec::new();
        for (name, value) in all {
            if fields.len() == MOST_HEADERS {
                tally.truncated += 1;
                break;
            }
            let name = cut(&String::from_utf8_lossy(name), tally).into_owned().into();
            let value = match shown.iter().any(|it| *it == name) {
                true => cut(&String::from_utf8_lossy(value), tally).into_owned().into(),
                false => self.hide(value, tally).into(),
            };
            fields.push((name, value));
        }
        fields
    }

    /// The cookies of a request.
    pub(crate) fn cookies(&self, headers: &Headers, tally: &mut Tally) -> Vec<Field<'static>> {
        let lines = headers.all("cookie").flat_map(|line| line.split(|byte| *byte == b';'));
        self.named(lines.map(<[u8]>::trim_ascii), tally)
    }

    /// The cookies that a response sets, without their attributes.
    pub(crate) fn set_cookies(&self, headers: &Headers, tally: &mut Tally) -> Vec<Field<'static>> {
        let first = |line: &'_ [u8]| {
            line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_vec()
        };
        let cookies: Vec<_> = headers.all("set-cookie").map(first).collect();
        self.named(cookies.iter().map(Vec::as_slice), tally)
    }

    fn named<'b>(&self, pairs: impl Iterator<Item = &'b [u8]>, tally: &mut Tally) -> Vec<Field<'static>> {
        let mut fields = Vec::new();
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            if fields.len() == MOST_HEADERS {
                tally.truncated += 1;
                break;
            }
            let (name, value) = values::split(pair, b'=');
            let name = String::from_utf8_lossy(name);
            let is_shown = self.cookies.iter().any(|it| *it == name);
            let is_name =
                |value: &&[u8]| is_shown || values::is_name(&name) && value.iter().any(|byte| *byte != b'=');
            // What is no name, or has no value, may be all value: a name would show it.
            let (name, value) = value.filter(is_name).map_or(("", pair), |value| (&*name, value));
            let name = cut(name, tally).into_owned();
            let value = match self.cookies.contains(&name) && !name.is_empty() {
                true => cut(&String::from_utf8_lossy(value), tally).into_owned(),
                false => self.hide(value, tally),
            };
            fields.push((name.into(), value.into()));
        }
        fields
    }

    /// `a=1&b=[redacted]`: names as they were written, and values as far as they are shown. Some servers take `;` for `&`.
    fn pairs(&self, text: &str, shown: &[String], tally: &mut Tally) -> String {
        let mut out = String::new();
        for piece in text.split_inclusive(['&', ';']) {
            let pair = piece.trim_end_matches(['&', ';']);
            let is_shown = |name: &str| shown.iter().any(|it| values::reads_as(name, it));
            match pair.split_once('=') {
                Some((name, _)) if is_shown(name) => out += pair,
                // What is before the sign is not always a name.
                Some((name, value)) if !values::is_name(name) || value.trim_matches('=').is_empty() => {
                    out += &self.hide(pair.as_bytes(), tally);
                }
                Some((name, value)) => {
                    out += name;
                    out.push('=');
                    out += &self.hide(value.as_bytes(), tally);
                }
                // A name alone may be a value without one.
                None if pair.is_empty() || is_shown(pair) => out += pair,
                None => out += &self.hide(pair.as_bytes(), tally),
            }
            out += piece.get(pair.len()..).unwrap_or_default();
            if out.len() > LONGEST_VALUE {
                break;
            }
        }
        cut(&out, tally).into_owned()
    }

    /// What stands for a value.
    fn hide(&self, value: &[u8], tally: &mut Tally) -> String {
        tally.redacted += 1;
        match &self.hidden {
            HiddenAs::NameOnly => REDACTED.to_owned(),
            HiddenAs::Masked => match values::scheme(value) {
                Some(scheme) => format!("{scheme} {REDACTED}"),
                None => REDACTED.to_owned(),
            },
            HiddenAs::Keyed(key) => {
                let mac = values::hmac(key, value);
                format!("hmac-sha256:{}", hex::lower(mac.get(..16).unwrap_or_default()))
            }
        }
    }
}

/// A text of the length that a value may have.
pub(crate) fn cut<'a>(text: &'a str, tally: &mut Tally) -> Cow<'a, str> {
    cut_at(text, LONGEST_VALUE, tally)
}

/// A text that takes at most so many bytes in JSON; where something was cut off it ends with an ellipsis.
pub(crate) fn cut_at<'a>(text: &'a str, longest: usize, tally: &mut Tally) -> Cow<'a, str> {
    // No character takes more than six.
    if text.len() <= longest / 6 {
        return text.into();
    }
    let mut length = 0;
    let end = text.char_indices().find(|(_, char)| {
        length += written_length(*char);
        length > longest
    });
    let Some((end, _)) = end else { return text.into() };
    tally.truncated += 1;
    format!("{}\u{2026}", text.get(..end).unwrap_or_default()).into()
}

/// How many bytes a character is in JSON.
fn written_length(char: char) -> usize {
    match char {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..' ' => 6,
        _ => char.len_utf8(),
    }
}
