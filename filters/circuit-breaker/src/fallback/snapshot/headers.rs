//! What the headers of a response say about keeping it.

use std::time::SystemTime;

use portcullis_kit::Headers;

use super::directives::Directives;
use super::settings::Settings;

pub(super) const SECOND: u64 = 1_000_000_000;

/// For how long a response may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// How old it was when it came, in nanoseconds.
    pub(crate) age: u64,
    /// How old it may get, in nanoseconds.
    pub(crate) lifetime: u64,
    /// How much older still, in nanoseconds.
    pub(crate) max_stale: u64,
    /// Whether it is for everybody, whatever credentials they have (RFC 9111 section 3.5).
    pub(crate) is_public: bool,
}

/// For how long a response may be served; `None` where it must not be kept (RFC 9111 sections 3 and 4.2).
pub(super) fn freshness(settings: &Settings, response: &Headers, has_credentials: bool) -> Option<Freshness> {
    let directives = Directives::of(response);
    let is_public = directives.public || directives.s_maxage.is_some() || directives.must_revalidate;
    let says_more =
        ["set-cookie", "content-range", "www-authenticate"].iter().any(|name| response.first(name).is_some());
    if directives.no_store
        || directives.no_cache
        || directives.private
        || says_more
        || vary(response).any(|name| name == "*")
        || (has_credentials && !is_public)
    {
        return None;
    }
    let lifetime = directives.s_maxage.or(directives.max_age).or_else(|| expires(response));
    if lifetime.is_none() && !directives.public && !settings.without_cache_control {
        return None;
    }
    // `s-maxage` has the meaning of `proxy-revalidate` (RFC 9111 section 5.2.2.10).
    let is_strict =
        directives.must_revalidate || directives.proxy_revalidate || directives.s_maxage.is_some();
    let max_stale = match is_strict {
        true => 0,
        false => directives.stale_if_error.map_or(u64::MAX, nanos).min(settings.max_stale),
    };
    Some(Freshness {
        // One that is no number is as old as can be (RFC 9111 section 5.1 leaves that to us).
        age: response.first("age").map_or(0, |age| number(age).map_or(u64::MAX, nanos)),
        lifetime: nanos(lifetime.unwrap_or(0)),
        max_stale,
        is_public,
    })
}

/// The names in `vary`, in lower case.
pub(super) fn vary(response: &Headers) -> impl Iterator<Item = String> + '_ {
    let names = response.all("vary").flat_map(|line| line.split(|byte| *byte == b','));
    names
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .filter(|name| !name.is_empty())
}

/// Whether a header of a response is for whoever gets it later (RFC 9110 section 7.6.1, RFC 9111 section 3.1); not what the proxy writes
/// anew.
pub(super) fn is_kept(name: &[u8]) -> bool {
    const HOP: [&[u8]; 14] = [
        b"age",
        b"warning",
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-connection",
        b"retry-after",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ];
    !name.starts_with(b":") && !name.starts_with(b"x-envoy-") && !HOP.contains(&name)
}

/// Seconds from `date` to `expires`; 0 where `expires` is no date (RFC 9111 section 5.3).
fn expires(response: &Headers) -> Option<u64> {
    let expires = response.first("expires")?;
    let span = || date(expires)?.duration_since(date(response.first("date")?)?).ok();
    Some(span().map_or(0, |span| span.as_secs()))
}

fn date(text: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn nanos(seconds: u64) -> u64 {
    seconds.saturating_mul(SECOND)
}
