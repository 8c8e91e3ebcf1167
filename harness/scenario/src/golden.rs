//! All that is seen of a step, as a text to keep in a file.

use std::fmt::Write;
use std::path::{Component, Path};

use portcullis_sim::http::{CallOut, Exchange, HeaderList, LogLine};
use portcullis_sim::tcp::TcpExchange;

use crate::expectation::Mismatch;
use crate::secrets::concealed;
use crate::traffic::VOLATILE;

/// A file that holds a step as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// Its path, relative to the scenario file.
    pub path: String,
    /// What it holds; `None` when there is no such file.
    pub text: Option<String>,
    /// Whether what is found is right, whatever it is.
    pub bless: bool,
    /// Whether it holds credentials and queries as they are.
    pub show_secrets: bool,
}

impl Golden {
    pub(crate) fn check(&self, found: &str, mismatches: &mut Vec<Mismatch>) {
        if self.bless || self.text.as_deref() == Some(found) {
            return;
        }
        let expected = self.text.as_deref().unwrap_or("a file, which is not there; BLESS=1 writes it");
        mismatches.push(Mismatch::new(format!("golden {}", self.path), expected, found));
    }
}

/// Whether a golden file may have this path: whoever plays a scenario lets it write only beside itself.
pub(crate) fn portable(path: &str) -> Result<(), String> {
    let is_hidden = |part: &Component<'_>| match part {
        Component::Normal(name) => name.to_string_lossy().starts_with('.'),
        _ => false,
    };
    if !Path::new(path).is_relative() || path.is_empty() {
        return Err(format!("{path:?}; write a path relative to the scenario file"));
    }
    match Path::new(path).components().any(|part| is_hidden(&part)) {
        true => Err(format!("{path:?} is hidden; write a name that does not begin with a dot")),
        false => Ok(()),
    }
}

/// A step as text, in the making.
#[derive(Debug, Default)]
pub(crate) struct Text(pub(crate) String, ShowSecrets);

/// Whether credentials and queries are told as they are.
type ShowSecrets = bool;

impl Text {
    /// The text for a golden file, if there is one.
    pub(crate) fn of(golden: Option<&Golden>) -> Self {
        Self(String::new(), golden.is_some_and(|golden| golden.show_secrets))
    }

    pub(crate) fn exchange(&mut self, name: &str, exchange: &Exchange) {
        if !name.is_empty() {
            self.line(&format!("=== {name}"));
        }
        match &exchange.client {
            None => self.line("no response"),
            Some(response) => {
                self.line(&format!("status {}", response.status));
                self.message(&response.headers, &response.body, response.trailers.as_ref());
            }
        }
        self.line(&format!("--- details {}", exchange.details.as_deref().unwrap_or("-")));
        match &exchange.upstream {
            None => self.line("--- upstream not called"),
            Some(request) => {
                self.line("--- upstream");
                self.message(&request.headers, &request.body, request.trailers.as_ref());
            }
        }
    }

    pub(crate) fn connection(&mut self, exchange: &TcpExchange) {
        self.line("--- to the upstream");
        self.bytes(&exchange.to_upstream);
        self.line("--- to the client");
        self.bytes(&exchange.to_client);
        if exchange.closed_by_proxy {
            self.line("--- closed by the proxy");
        }
    }

    pub(crate) fn proxy(&mut self, log: &[LogLine], calls: &[CallOut]) {
        if !log.is_empty() {
            self.line("--- log");
        }
        for line in log {
            self.line(&format!("{}: {}", line.level, line.message));
        }
        for CallOut { cluster, request } in calls {
            self.line(&format!("--- call-out to {cluster}"));
            self.message(&request.headers, &request.body, request.trailers.as_ref());
        }
    }

    fn message(&mut self, headers: &HeaderList, body: &[Vec<u8>], trailers: Option<&HeaderList>) {
        self.fields(headers);
        if !body.is_empty() {
            self.line("");
            self.bytes(&body.concat());
        }
        if let Some(trailers) = trailers {
            self.line("--- trailers");
            self.fields(trailers);
        }
    }

    /// By name: not every target knows the order in which different names were sent. Values of the same name keep theirs.
    fn fields(&mut self, fields: &HeaderList) {
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_by_key(|(name, _)| name);
        for (name, value) in fields {
            let name_text = name.escape_ascii();
            match VOLATILE.contains(&name.as_slice()) {
                true => self.line(&format!("{name_text}: (differs)")),
                false if self.1 => self.line(&format!("{name_text}: {}", value.escape_ascii())),
                false => self.line(&format!("{name_text}: {}", concealed(name, value))),
            }
        }
    }

    /// Text as it is; anything else escaped.
    fn bytes(&mut self, bytes: &[u8]) {
        match str::from_utf8(bytes) {
            Ok(text) => self.line(text),
            Err(_) => self.line(&bytes.escape_ascii().to_string()),
        }
    }

    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use portcullis_sim::http::{Request, Response};

    use super::*;

    #[test]
    fn a_step_is_told_whole_but_for_what_differs_each_time() {
        let mut text = Text::default();
        text.exchange(
            "",
            &Exchange {
                client: Some(Response {
                    status: 200,
                    headers: vec![
                        (b"date".into(), b"now".into()),
                        (b"a".into(), b"\xff".into()),
                        (b"a".into(), b"0".into()),
                    ],
                    body: vec![b"x".to_vec(), b"y".to_vec()],
                    trailers: Some(vec![(b"t".into(), b"u".into())]),
                }),
                upstream: Some(Request {
                    headers: vec![(b":path".into(), b"/".into())],
                    ..Request::default()
                }),
                details: Some("via_upstream".into()),
            },
        );
        text.proxy(&[LogLine { level: log::Level::Info, message: "hello".into() }], &[]);
        let expected = "status 200\na: \\xff\na: 0\ndate: (differs)\n\nxy\n--- trailers\nt: u\n--- details via_upstream\n\
                        --- upstream\n:path: /\n--- log\nINFO: hello\n";
        assert_eq!(text.0, expected);
    }

    #[test]
    fn a_golden_file_must_be_there_and_equal() {
        let golden = |text: Option<&str>, bless| {
            let mut found = Vec::new();
            let text = text.map(str::to_owned);
            Golden { path: "g".into(), text, bless, show_secrets: false }.check("x\n", &mut found);
            found.len()
        };
        assert_eq!(golden(Some("x\n"), false), 0);
        assert_eq!((golden(Some("y\n"), false), golden(None, false)), (1, 1));
        assert_eq!((golden(Some("y\n"), true), golden(None, true)), (0, 0));
    }
}
