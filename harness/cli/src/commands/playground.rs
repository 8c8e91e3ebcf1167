use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::Verdict;

/// The page: names, and what is in the files, compressed by gzip.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/playground.rs"));
const PAGE: &str = "index.html";

/// A browser has six at a time.
const CONNECTIONS: usize = 64;
/// How long a client may take to say what it wants, and a connection be there at all.
const TO_ASK: Duration = Duration::from_secs(5);
const AT_MOST: Duration = Duration::from_secs(60);

/// Everything that the page needs is of its own origin.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; worker-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Serves the playground: the filters, and a reader of audit files and modules, in a browser tab.
///
/// It listens on this machine alone, until it is interrupted. What is done in the page stays there; it also works once this command has ended.
#[derive(Debug, Args)]
pub(crate) struct Playground {
    /// Where it listens; 0 for any port that is free.
    #[arg(long, default_value_t = 7411)]
    port: u16,
}

impl Playground {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        if !FILES.iter().any(|(name, _)| *name == PAGE) {
            return Err("this command was built without the page; make playground builds both".to_owned());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(self.serve())?;
        Ok(Verdict::Good)
    }

    async fn serve(&self) -> Result<(), String> {
        let told = |error: io::Error| {
            format!("127.0.0.1:{}: {error}; --port takes another one, 0 any that is free", self.port)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.map_err(told)?;
        let address = listener.local_addr().map_err(told)?;
        anstream::println!("The playground is at http://{address}/, for this machine alone; Ctrl-C ends it.");
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(seat) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
            let Ok((connection, _)) = listener.accept().await else {
                // It is out of file descriptors, and will be for a while.
                sleep(Duration::from_millis(100)).await;
                continue;
            };
            let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request)));
            tokio::spawn(async move {
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(TO_ASK);
                // Whoever has gone does not want to know.
                let _ = timeout(AT_MOST, server.serve_connection(TokioIo::new(connection), service)).await;
                drop(seat);
            });
        }
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    // Somebody else's name for this machine would put the page into somebody else's origin.
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !["127.0.0.1", "localhost"].contains(&host.rsplit_once(':').map_or(host, |(name, _)| name)) {
        return refused(StatusCode::MISDIRECTED_REQUEST);
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = refused(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let name = match request.uri().path().trim_start_matches('/') {
        "" => PAGE,
        name => name,
    };
    match FILES.iter().find(|(file, _)| *file == name) {
        Some((name, content)) => found(name, content),
        None => refused(StatusCode::NOT_FOUND),
    }
}

fn found(name: &str, content: &'static [u8]) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(content)));
    let fields = [
        (CONTENT_TYPE, kind(name)),
        (CONTENT_ENCODING, "gzip"),
        (CACHE_CONTROL, if is_lasting(name) { "public, max-age=31536000, immutable" } else { "no-cache" }),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    response.headers_mut().extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// Whether its digest is in its name, so that it never changes: `app-0123456789ab.js`.
fn is_lasting(name: &str) -> bool {
    let digest = name.split_once('.').and_then(|(stem, _)| stem.rsplit_once('-')).map(|(_, digest)| digest);
    digest.is_some_and(|digest| digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn refused(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
