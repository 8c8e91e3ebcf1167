//! The target against a real Envoy: what goes in at one end comes out at the other.

mod calls;
mod faults;
mod http;
mod plugins;
mod tcp;

use std::path::{Path, PathBuf};

use portcullis_envoy::{EnvoyBinary, EnvoyTarget};
use portcullis_scenario::{Target, TargetError};
use portcullis_sim::http::{Exchange, HeaderList, Protocol, Request, Response, Sending};
use portcullis_sim::{Answer, Setup};
use tempfile::TempDir;

fn envoy() -> EnvoyBinary {
    EnvoyBinary::find().unwrap_or_else(|remedy| panic!("{remedy}"))
}

fn module(directory: &TempDir, guest: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(guest).with_extension("wat");
    let path = directory.path().join(guest).with_extension("wasm");
    std::fs::write(&path, wat::parse_file(source).unwrap()).unwrap();
    path
}

/// Starts Envoy with guests as modules 0, 1, and so on.
fn start_all(guests: &[&str], setup: &Setup) -> Result<EnvoyTarget, TargetError> {
    let directory = tempfile::tempdir().unwrap();
    let modules: Vec<_> = guests.iter().map(|guest| module(&directory, guest)).collect();
    EnvoyTarget::start(&envoy(), &modules, setup)
}

fn start(guest: &str, configuration: &[u8]) -> Result<EnvoyTarget, TargetError> {
    start_all(&[guest], &Setup::of(configuration))
}

fn list(headers: &[(&str, &[u8])]) -> HeaderList {
    headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
}

fn request(method: &str, path: &str, headers: &[(&str, &[u8])]) -> Request {
    let pseudo: [(&str, &[u8]); 4] = [
        (":method", method.as_bytes()),
        (":path", path.as_bytes()),
        (":authority", b"shop.example"),
        (":scheme", b"http"),
    ];
    Request { headers: list(&[&pseudo, headers].concat()), ..Request::default() }
}

fn get(protocol: Protocol, upstream: impl Into<Answer>) -> Sending {
    Sending { protocol, request: request("GET", "/", &[]), upstream: upstream.into(), ..Sending::default() }
}

fn ok() -> Response {
    Response { status: 200, ..Response::default() }
}

fn values<'a>(headers: &'a HeaderList, name: &str) -> Vec<&'a [u8]> {
    let named = headers.iter().filter(|(key, _)| key == name.as_bytes());
    named.map(|(_, value)| value.as_slice()).collect()
}

fn send(
    target: &mut EnvoyTarget,
    protocol: Protocol,
    request: &Request,
    upstream: &Response,
) -> Result<Exchange, TargetError> {
    let sending = Sending {
        protocol,
        request: request.clone(),
        upstream: upstream.clone().into(),
        ..Sending::default()
    };
    Ok(target.send(&[sending])?.remove(0))
}

/// What the plugins have logged, without the levels.
fn messages(target: &mut EnvoyTarget) -> Vec<String> {
    target.logs().unwrap().into_iter().map(|line| line.message).collect()
}
