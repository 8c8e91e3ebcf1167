//! How a request becomes a record.

use std::time::Duration;

use portcullis_kit::rules::is_grpc;
use portcullis_kit::{HeaderMap, Headers, Host, LogHost, Properties};

use super::{AuditLog, Stream};
use crate::body::Captured;
use crate::config::{Level, Stage};
use crate::duplicates::Request;
use crate::event::{Event, Extent, Repeated, Sources};
use crate::fingerprint;
use crate::outcome::{Decision, Outcome};
use crate::policy::{Operation, Policy};

impl AuditLog {
    /// Whether anything of bodies is wanted.
    pub(super) fn captures(&self) -> bool {
        self.policy.has_bodies() || self.policy.fingerprint.as_ref().is_some_and(|it| it.body)
    }

    /// A request has come that something is wanted of before it is over.
    pub(super) fn arrived(&mut self, stream: &mut Stream, request: &Headers, host: &mut dyn Host) {
        let recording = self.policy.recording(request, host);
        let has_digest = self.policy.fingerprint.as_ref().is_some_and(|it| it.body);
        if recording.captures() || has_digest {
            let captured = if has_digest { Captured::with_digest() } else { Captured::default() };
            stream.bodies = Some(Box::new([captured, Captured::default()]));
            stream.longest = if recording.captures() { self.policy.bodies.longest } else { 0 };
        }
        let level = recording.arrival();
        if level == Level::None {
            return;
        }
        let attributes = self.reader.read(host);
        let extent = Extent { stage: Stage::RequestReceived, level, rule: &recording.name, sample: None };
        let now = host.now().as_nanos();
        let sources = Sources { request, response: None, attributes: &attributes, bodies: None, now };
        let event = complete(&self.policy, sources, extent, Outcome::pending(), host);
        self.put(event, host);
    }

    pub(super) fn keep(&mut self, stream: &mut Stream, which: usize, piece: &[u8]) {
        let room = self.policy.bodies.most_held.saturating_sub(self.held);
        let captured = stream.bodies.as_mut().and_then(|bodies| bodies.get_mut(which));
        let kept = captured.map_or(0, |captured| captured.push(piece, stream.longest, room));
        stream.held += kept;
        self.held += kept;
    }

    /// Records a request that is over, if it is to be recorded.
    pub(super) fn over(&mut self, stream: &Stream, host: &mut dyn LogHost) {
        let request = host.final_headers(HeaderMap::Request).unwrap_or_default();
        let attributes = self.reader.read(host);
        let grpc_status = grpc_status(&request, host);
        let outcome = Outcome::of(&attributes, grpc_status);
        let recording = self.policy.recording(&request, host);
        let level = recording.level(&outcome);
        if level == Level::None {
            return;
        }
        let may_be_left_out = outcome.decision == Decision::Allowed && outcome.is_success;
        let is_left_out = |random: &mut fastrand::Rng| {
            recording.sample.as_ref().is_some_and(|sample| may_be_left_out && !sample.has(random.u32(..)))
        };
        if is_left_out(&mut self.random) {
            self.counts.sampled_out += 1;
            return;
        }
        let response = (level >= Level::Headers).then(|| {
            let mut map = |map| host.final_headers(map).unwrap_or_default();
            (map(HeaderMap::Response), map(HeaderMap::ResponseTrailers))
        });
        let sample = recording.sample.as_ref().filter(|_| may_be_left_out);
        let extent = Extent {
            stage: Stage::ResponseComplete,
            level,
            rule: &recording.name,
            sample: sample.map(|sample| sample.text.as_str()),
        };
        let now = host.now();
        let sources = Sources {
            request: &request,
            response: response.as_ref(),
            attributes: &attributes,
            bodies: stream.bodies.as_deref(),
            now: now.as_nanos(),
        };
        let event = complete(&self.policy, sources, extent, outcome, host);
        if let (Some(repeats), Decision::Denied) = (&mut self.repeats, outcome.decision) {
            let key = event.kind();
            if !repeats.is_first(&key, host.monotonic()) {
                let (at, rule) = (event.start, recording.name.clone());
                drop(event);
                let request = Box::new(Request { headers: request, attributes, grpc_status, now, rule });
                match repeats.count(&key, request, at) {
                    Ok(()) => self.counts.duplicates += 1,
                    Err(request) => {
                        self.record_repeat(*request, Repeated { count: 1, first: at, last: at }, host);
                    }
                }
                return;
            }
        }
        self.put(event, host);
    }

    pub(super) fn record_repeats(&mut self, now: Option<Duration>, host: &mut dyn Host) {
        let due = self.repeats.as_mut().map(|repeats| repeats.due(now)).unwrap_or_default();
        for (request, repeated) in due {
            self.record_repeat(*request, repeated, host);
        }
    }

    /// Records requests that are like one that has been recorded: what they have in common, and how many they are.
    pub(super) fn record_repeat(&self, request: Request, repeated: Repeated, host: &mut dyn Host) {
        let Request { headers, attributes, grpc_status, now, rule } = request;
        let outcome = Outcome::of(&attributes, grpc_status);
        let extent =
            Extent { stage: Stage::ResponseComplete, level: Level::Metadata, rule: &rule, sample: None };
        let now = now.as_nanos();
        let sources =
            Sources { request: &headers, response: None, attributes: &attributes, bodies: None, now };
        let mut event = complete(&self.policy, sources, extent, outcome, host);
        event.repeated = Some(repeated);
        self.put(event, host);
    }
}

/// The status of a gRPC call that was answered as one. Envoy has a status for what is no gRPC as well.
fn grpc_status(request: &Headers, host: &mut dyn LogHost) -> Option<u64> {
    if !is_grpc(request)
        || !host.final_headers(HeaderMap::Response).is_some_and(|response| is_grpc(&response))
    {
        return None;
    }
    let bytes = host.property(&["response", "grpc_status"])?;
    // What is no status is UNKNOWN to a client.
    Some(u64::try_from(i64::from_le_bytes(bytes.try_into().ok()?)).unwrap_or(2))
}

/// Everything that a record says of a request.
fn complete<'a>(
    policy: &'a Policy,
    sources: Sources<'a>,
    extent: Extent<'a>,
    outcome: Outcome<'a>,
    host: &mut dyn Properties,
) -> Event<'a> {
    let identity = policy.identity.find(sources.attributes);
    let mut event = Event::of(policy, sources, extent, outcome, identity);
    // The name of a gRPC method is a path, and shown as far as that is.
    let is_shown =
        |it: &Operation<'_>| it.service.is_empty() || event.path.strip_prefix('/') == Some(it.name);
    event.operation = policy.operations.of(sources.request, host).filter(is_shown);
    event.fingerprint = policy.fingerprint.as_ref().map(|config| {
        let body = sources.bodies.and_then(|[request, _]| request.digest());
        fingerprint::of(config, (&event.method, &event.host, &event.path), sources.request, body)
    });
    event
}
