use crate::{HeaderMap, Headers, Reads, StreamHost};

/// The response headers, of which no more is fetched than somebody reads.
#[derive(Debug, Default)]
pub(super) struct Response {
    headers: Headers,
    known: Vec<&'static str>,
    is_whole: bool,
}

impl Response {
    /// The headers, with what is wanted among them. A map that cannot be read is empty.
    pub(super) fn read(&mut self, reads: Reads, host: &mut dyn StreamHost) -> &mut Headers {
        match reads {
            _ if self.is_whole => {}
            Reads::Nothing => {}
            Reads::Only(names) => names.iter().for_each(|name| self.fetch(name, host)),
            Reads::All => {
                self.headers =
                    host.headers(HeaderMap::Response).ok().and_then(Headers::decode).unwrap_or_default();
                self.is_whole = true;
            }
        }
        &mut self.headers
    }

    fn fetch(&mut self, name: &'static str, host: &mut dyn StreamHost) {
        if self.known.contains(&name) {
            return;
        }
        self.known.push(name);
        let value = host.header(HeaderMap::Response, name);
        self.headers.know(name, value.as_deref());
    }
}
