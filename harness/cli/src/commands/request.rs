use clap::Args;
use portcullis_sim::http::{HeaderList, Protocol, Request, Sending};

/// A request as it is written on the command line.
#[derive(Debug, Args)]
pub(crate) struct RequestOptions {
    /// The method.
    #[arg(long, default_value = "GET")]
    method: String,
    /// Path and query.
    #[arg(long, default_value = "/")]
    path: String,
    /// The host.
    #[arg(long, default_value = "example.com")]
    host: String,
    /// A header; may be given several times.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// The body.
    #[arg(long)]
    body: Option<String>,
    /// Speaks HTTP/2 instead of HTTP/1.1.
    #[arg(long)]
    http2: bool,
}

impl RequestOptions {
    /// The request, and an upstream that answers 200.
    pub(crate) fn sending(&self) -> Sending {
        let protocol = if self.http2 { Protocol::Http2 } else { Protocol::Http1 };
        let mut headers = headers(&self.method, &self.path, &self.host);
        let own = self.header.iter();
        headers.extend(own.map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes())));
        let body = self.body.iter().map(|body| body.clone().into_bytes()).collect();
        Sending { protocol, request: Request { headers, body, trailers: None }, ..Sending::default() }
    }
}

/// A request with nothing in it but what each must have.
pub(crate) fn empty() -> Sending {
    let request = Request { headers: headers("GET", "/", "example.com"), ..Request::default() };
    Sending { request, ..Sending::default() }
}

fn headers(method: &str, path: &str, host: &str) -> HeaderList {
    let pseudo = [(":method", method), (":path", path), (":authority", host), (":scheme", "http")];
    pseudo.map(|(name, value)| (name.into(), value.into())).into()
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    if name.is_empty() {
        return Err("write NAME: VALUE; --method, --path and --host set the rest".into());
    }
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}
