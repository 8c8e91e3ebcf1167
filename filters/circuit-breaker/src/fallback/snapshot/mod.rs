//! The last good responses, and who may have them: a small cache (RFC 9111) that only answers while a breaker is open.

mod directives;
mod headers;
mod settings;
mod store;

use portcullis_kit::{Headers, LocalReply};

use directives::Directives;
use headers::{SECOND, freshness, is_kept};
pub(crate) use settings::Settings;
pub(crate) use store::Snapshots;
use store::{Place, Stored, Target, of_fields};

/// A response that is being kept: first its request, then what of it has come.
#[derive(Debug)]
pub(crate) struct Capture {
    place: Place,
    /// The request, for what the response varies by.
    request: Vec<(Vec<u8>, Vec<u8>)>,
    has_credentials: bool,
    stored: Option<Stored>,
    /// What `content-length` says.
    length: Option<usize>,
}

/// Envoy's `response_code_details` of what is served.
const CODE: &str = "portcullis_circuit_snapshot";
/// Of `warning` (RFC 7234 section 5.5; RFC 9111 no longer needs it, and many still read it).
const STALE: &str = "110 - \"Response is Stale\"";
const DISCONNECTED: &str = "112 - \"Disconnected Operation\"";

impl Capture {
    /// Begins with a request whose response may be kept.
    pub(crate) fn begin(
        settings: &Settings,
        (snapshots, key): (&Snapshots, &[u8]),
        request: &Headers,
        now: u64,
    ) -> Option<Box<Self>> {
        // Each makes of a GET something else, for some servers.
        const OTHERWISE: [&str; 5] =
            ["range", "x-http-method", "x-http-method-override", "x-method-override", "upgrade"];
        let has_credentials = settings.has_credentials(request);
        if request.only(":method") != Some(b"GET")
            || !request.is_last
            || OTHERWISE.iter().any(|name| request.first(name).is_some())
            || Directives::of(request).no_store
            || (has_credentials && !settings.with_credentials)
        {
            return None;
        }
        let target = Target::of(key, request)?;
        if snapshots.is_recent(&target, request, settings.refresh, now) {
            return None;
        }
        let request: Vec<_> = request.iter().map(owned).collect();
        let place = snapshots.place(target, of_fields(&request), settings.memory)?;
        Some(Box::new(Self { place, request, has_credentials, stored: None, length: None }))
    }

    /// Looks at the response headers. Whether the response is kept.
    pub(crate) fn on_headers(
        &mut self,
        settings: &Settings,
        response: &Headers,
        status: u16,
        now: u64,
    ) -> bool {
        let Some(freshness) = freshness(settings, response, self.has_credentials) else { return false };
        self.length = match response.first("content-length") {
            Some(text) => match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
                Some(length) if length <= settings.max_size => Some(length),
                _ => return false,
            },
            None => None,
        };
        if !settings.is_status(status) || !settings.is_content_type(response.first("content-type")) {
            return false;
        }
        let value_of = |name: &str| {
            let values = self.request.iter().filter(|(other, _)| other == name.as_bytes());
            values.map(|(_, value)| value.clone()).collect()
        };
        let headers: Vec<_> = response.iter().filter(|(name, _)| is_kept(name)).map(owned).collect();
        if !self.place.grow(of_fields(&headers), settings.memory) {
            return false;
        }
        self.stored = Some(Stored {
            status,
            headers,
            body: Vec::new(),
            vary: headers::vary(response).map(|name| (value_of(&name), name)).collect(),
            at: now,
            freshness,
        });
        true
    }

    /// Takes the next piece of the body. Whether the response is still kept.
    pub(crate) fn on_body(&mut self, settings: &Settings, piece: &[u8]) -> bool {
        let Some(stored) = &mut self.stored else { return false };
        let fits = stored.body.len().saturating_add(piece.len()) <= settings.max_size;
        if !fits || !self.place.grow(piece.len(), settings.memory) {
            return false;
        }
        stored.body.extend_from_slice(piece);
        true
    }

    /// Keeps the response, which is complete now.
    pub(crate) fn finish(self, settings: &Settings) {
        let Some(stored) = self.stored else { return };
        if self.length.is_none_or(|length| length == stored.body.len()) {
            self.place.keep(stored, settings.memory);
        }
    }
}

/// The kept response to a request, if it may have one.
pub(crate) fn serve(
    settings: &Settings,
    (snapshots, key): (&Snapshots, &[u8]),
    request: &Headers,
    now: u64,
) -> Option<LocalReply> {
    const CONDITIONS: [&str; 4] = ["range", "if-match", "if-unmodified-since", "if-range"];
    let is_read = matches!(request.only(":method"), Some(b"GET" | b"HEAD"));
    let wants_other = CONDITIONS.iter().any(|name| request.first(name).is_some());
    let has_credentials = settings.has_credentials(request);
    let directives = Directives::of(request);
    if !is_read
        || wants_other
        || directives.no_cache
        || directives.no_store
        || (has_credentials && !settings.with_credentials)
    {
        return None;
    }
    let target = Target::of(key, request)?;
    snapshots.find(&target, request, |stored| {
        let age = stored.age(now);
        let is_stale = age >= stored.freshness.lifetime;
        let staleness = age.saturating_sub(stored.freshness.lifetime);
        let is_allowed = !is_stale || staleness < stored.freshness.max_stale;
        let seconds = age / SECOND;
        let is_fresh_enough = directives
            .min_fresh
            .is_none_or(|more| stored.freshness.lifetime.saturating_sub(age) / SECOND >= more && !is_stale);
        // A request that says how old a response may be does not want a stale one, unless it says so (RFC 9111 section 5.2.1).
        let may_be_stale = match (directives.max_age, directives.max_stale) {
            (_, Some(most)) => staleness / SECOND <= most,
            (Some(_), None) => !is_stale,
            (None, None) => true,
        };
        let is_wanted =
            directives.max_age.is_none_or(|most| seconds <= most || directives.max_stale.is_some())
                && is_fresh_enough
                && may_be_stale
                && (!has_credentials || stored.freshness.is_public);
        if !is_allowed || !is_wanted {
            return None;
        }
        let own = [
            ("age", seconds.to_string()),
            ("warning", if is_stale { STALE } else { DISCONNECTED }.to_owned()),
        ];
        let own = own.map(|(name, value)| (name.into(), value.into_bytes()));
        let kept = stored
            .headers
            .iter()
            .filter_map(|(name, value)| Some((String::from_utf8(name.clone()).ok()?.into(), value.clone())));
        Some(LocalReply {
            status: stored.status,
            code: CODE,
            headers: kept.chain(own).collect(),
            body: stored.body.clone(),
            grpc_status: None,
        })
    })
}

fn owned((name, value): (&[u8], &[u8])) -> (Vec<u8>, Vec<u8>) {
    (name.to_vec(), value.to_vec())
}
