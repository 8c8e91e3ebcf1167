//! What a response says about the upstream.

use portcullis_kit::{ConfigError, GrpcStatus, Properties, Statuses};

use crate::config::{ErrorsConfig, IgnoreConfig};
use crate::state::ProbeEnd;

/// Which calls have failed, and which do not count.
#[derive(Debug)]
pub(crate) struct Outcomes {
    errors: Classes,
    ignored: Classes,
    transport: bool,
    timeouts: bool,
}

#[derive(Debug)]
struct Classes {
    http: Statuses,
    grpc: Vec<GrpcStatus>,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stage {
    /// Whether the upstream has all of the request.
    pub(crate) is_sent: bool,
    /// Whether there were response headers.
    pub(crate) is_answered: bool,
}

/// What a response, or its absence, says about the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has done what it should.
    Success,
    /// It has not.
    Error,
    /// It has answered, and that does not count.
    Ignored,
    /// It has not answered, in a way that does not count as a failure.
    Excused,
    /// Its client has not waited for it: it has left, or its own deadline was over.
    ClientGone,
    /// It was not asked: Envoy or another filter has answered.
    NotAsked,
}

/// What Envoy's router says of a response that the upstream has sent (`response.code_details`).
const VIA_UPSTREAM: &[u8] = b"via_upstream";
/// What Envoy says where `max_stream_duration` is over, without a flag.
const MAX_DURATION: &[u8] = b"max_duration_timeout";

/// Envoy's response flags, as the bits of the attribute `response.flags` (`StreamInfo::CoreResponseFlag`): no healthy host UH, reset
/// LR and UR, no connection UF and UC, protocol error UPE, retries exhausted URX, DNS failure DF.
const TRANSPORT: u64 = bit(1) | bit(3) | bit(4) | bit(5) | bit(6) | bit(15) | bit(23) | bit(26);
/// Likewise: UT, UMSDR and DT.
const TIMEOUTS: u64 = bit(2) | bit(19) | bit(22);
/// Likewise: SI, for which it takes neither side to do anything.
const IDLE: u64 = bit(16);

const fn bit(number: u32) -> u64 {
    1 << number
}

impl Verdict {
    /// Whether it counts. A client that leaves after a call has become slow does not make it less so.
    pub(crate) fn counts(self, is_slow: bool) -> bool {
        match self {
            Self::Success | Self::Error => true,
            Self::ClientGone | Self::Excused => is_slow,
            Self::Ignored | Self::NotAsked => false,
        }
    }

    /// How a probe has ended of which it is the verdict.
    pub(crate) fn probe_end(self, is_slow: bool) -> ProbeEnd {
        match self {
            Self::NotAsked => ProbeEnd::Unused,
            Self::ClientGone if !is_slow => ProbeEnd::Unused,
            Self::Success | Self::Ignored if !is_slow => ProbeEnd::Succeeded,
            _ => ProbeEnd::Failed,
        }
    }
}

impl Outcomes {
    pub(crate) fn new(errors: &ErrorsConfig, ignore: &IgnoreConfig) -> Result<Self, ConfigError> {
        let http = |member: &str, texts: &[String]| {
            Statuses::new(texts).map_err(|error| error.under(&format!("{member}.statuses")))
        };
        Ok(Self {
            errors: Classes { http: http("errors", &errors.statuses)?, grpc: errors.grpc.clone() },
            ignored: Classes { http: http("ignore", &ignore.statuses)?, grpc: ignore.grpc.clone() },
            transport: errors.transport,
            timeouts: errors.timeouts,
        })
    }

    /// Whether no call ever fails.
    pub(crate) fn has_no_errors(&self) -> bool {
        let has_status = (100..600).any(|status| self.errors.http.contains(status));
        !has_status && self.errors.grpc.is_empty() && !self.transport && !self.timeouts
    }

    /// What this HTTP status of the upstream says.
    pub(crate) fn of_status(&self, status: u16) -> Verdict {
        if self.errors.http.contains(status) {
            Verdict::Error
        } else if self.ignored.http.contains(status) {
            Verdict::Ignored
        } else {
            Verdict::Success
        }
    }

    /// What this `grpc-status` of the upstream says.
    pub(crate) fn of_grpc(&self, status: &[u8]) -> Verdict {
        let is = |it: &&GrpcStatus| (**it as u32).to_string().as_bytes() == status;
        match (self.errors.grpc.iter().find(is), self.ignored.grpc.iter().find(is)) {
            (Some(_), _) => Verdict::Error,
            (None, Some(_)) => Verdict::Ignored,
            (None, None) => Verdict::Success,
        }
    }

    /// The verdict, where the upstream has answered; what Envoy answers in its place counts as what has kept the upstream from it.
    pub(crate) fn unless_local(&self, verdict: Verdict, stage: Stage, host: &mut dyn Properties) -> Verdict {
        match host.property(&["response", "code_details"]) {
            Some(details) if details == MAX_DURATION => self.of_timeout(stage),
            Some(details) if details != VIA_UPSTREAM => {
                self.of_flags(stage, host).unwrap_or(Verdict::NotAsked)
            }
            _ => verdict,
        }
    }

    /// What it says that a response has ended before it was complete, or that there was none: without a flag, the client has left.
    pub(crate) fn of_break(&self, stage: Stage, host: &mut dyn Properties) -> Verdict {
        self.of_flags(stage, host).unwrap_or(Verdict::ClientGone)
    }

    /// What Envoy says has gone wrong between it and the upstream, if anything has.
    fn of_flags(&self, stage: Stage, host: &mut dyn Properties) -> Option<Verdict> {
        let flags = host.property(&["response", "flags"])?.try_into().map(u64::from_le_bytes).ok()?;
        if flags & TRANSPORT != 0 && flags & TIMEOUTS == 0 {
            return Some(if self.transport { Verdict::Error } else { Verdict::Excused });
        }
        if flags & TIMEOUTS != 0 {
            return Some(self.of_timeout(Stage { is_sent: true, ..stage }));
        }
        (flags & IDLE != 0).then(|| match stage {
            // It is the client that neither sends nor reads.
            Stage { is_sent: false, .. } | Stage { is_answered: true, .. } => Verdict::ClientGone,
            _ => self.of_timeout(stage),
        })
    }

    /// A timeout is over; before the upstream has all of the request, that is not its doing.
    fn of_timeout(&self, stage: Stage) -> Verdict {
        match (stage.is_sent, self.timeouts) {
            (false, _) => Verdict::ClientGone,
            (true, true) => Verdict::Error,
            (true, false) => Verdict::Excused,
        }
    }
}
