//! What a response says about the upstream.

use portcullis_kit::{ConfigError, GrpcStatus, Properties, Statuses};

use crate::config::{ErrorsConfig, IgnoreConfig};

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

/// What a response, or its absence, says about the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has done what it should.
    Success,
    /// It has not.
    Error,
    /// It has answered, and that does not count.
    Ignored,
    /// Its client has not waited for it: it has left, or its own deadline was over.
    Impatient,
    /// It was not asked: another filter has answered.
    Silent,
}

/// What Envoy's router says of a response that the upstream has sent (`response.code_details`).
const VIA_UPSTREAM: &[u8] = b"via_upstream";

/// Envoy's response flags, as the bits of the attribute `response.flags` (`StreamInfo::CoreResponseFlag`): no healthy host UH, reset
/// LR and UR, no connection UF and UC, protocol error UPE, retries exhausted URX, DNS failure DF.
const TRANSPORT: u64 = bit(1) | bit(3) | bit(4) | bit(5) | bit(6) | bit(15) | bit(23) | bit(26);
/// Likewise: UT, SI, UMSDR and DT.
const TIMEOUTS: u64 = bit(2) | bit(16) | bit(19) | bit(22);

const fn bit(number: u32) -> u64 {
    1 << number
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

    /// What a response with this HTTP status says. Whose it is matters where it is no success.
    pub(crate) fn of_status(&self, status: u16, host: &mut dyn Properties) -> Verdict {
        let verdict = if self.errors.http.contains(status) {
            Verdict::Error
        } else if self.ignored.http.contains(status) {
            Verdict::Ignored
        } else {
            Verdict::Success
        };
        if status < 400 && verdict == Verdict::Success { verdict } else { self.unless_local(verdict, host) }
    }

    /// What a `grpc-status` says.
    pub(crate) fn of_grpc(&self, status: &[u8], host: &mut dyn Properties) -> Verdict {
        if status == b"0" {
            return Verdict::Success;
        }
        let is = |it: &&GrpcStatus| (**it as u32).to_string().as_bytes() == status;
        let verdict = match (self.errors.grpc.iter().find(is), self.ignored.grpc.iter().find(is)) {
            (Some(_), _) => Verdict::Error,
            (None, Some(_)) => Verdict::Ignored,
            (None, None) => Verdict::Success,
        };
        self.unless_local(verdict, host)
    }

    /// What it says that a response has ended before it was complete, or that there was none: without a flag, the client has left.
    pub(crate) fn of_break(&self, host: &mut dyn Properties) -> Verdict {
        self.of_flags(host).unwrap_or(Verdict::Impatient)
    }

    /// The verdict, where the upstream has answered; what Envoy answers in its place counts as what has kept the upstream from it.
    fn unless_local(&self, verdict: Verdict, host: &mut dyn Properties) -> Verdict {
        match host.property(&["response", "code_details"]) {
            Some(details) if details != VIA_UPSTREAM => self.of_flags(host).unwrap_or(Verdict::Silent),
            _ => verdict,
        }
    }

    /// What Envoy says has gone wrong between it and the upstream, if anything has.
    fn of_flags(&self, host: &mut dyn Properties) -> Option<Verdict> {
        let flags = host.property(&["response", "flags"])?.try_into().map(u64::from_le_bytes).ok()?;
        let kinds = [(TIMEOUTS, self.timeouts), (TRANSPORT, self.transport)];
        let counts = kinds.iter().find_map(|(kind, counts)| (flags & kind != 0).then_some(*counts))?;
        Some(if counts { Verdict::Error } else { Verdict::Silent })
    }
}
