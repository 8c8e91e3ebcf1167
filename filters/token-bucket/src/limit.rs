//! A limit once it has been checked: after this, nothing in it can be wrong.

mod checked;

use portcullis_kit::Statuses;
use portcullis_kit::bucket::Quota;
use portcullis_kit::parts::{Member, Part};
use portcullis_kit::rules::Rules;

use crate::config::{CostFrom, FailureMode, Scope};
use crate::key::Key;
use crate::slots::Start;
use crate::table::Shape;

/// A validated [`LimitConfig`](crate::config::LimitConfig).
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    /// Without a tier, and then those of the tiers.
    pub(crate) quotas: Vec<Quota>,
    pub(crate) tiers: Vec<Member>,
    pub(crate) key: Key,
    pub(crate) shape: Shape,
    pub(crate) when: Option<Rules<bool>>,
    pub(crate) exempt: Vec<Member>,
    pub(crate) cost: u64,
    pub(crate) cost_from: Option<CostFrom>,
    pub(crate) lease: u32,
    pub(crate) ahead: Option<u32>,
    start: Option<u64>,
    remembers: bool,
    pub(crate) delay: Option<Delay>,
    pub(crate) after: Vec<After>,
    pub(crate) refund: Option<Refund>,
    pub(crate) enforce: Enforce,
    pub(crate) failure_mode: FailureMode,
}

/// How requests may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay {
    /// In nanoseconds.
    pub(crate) longest: u64,
    pub(crate) seats: Seats,
}

/// How many requests of one worker may wait for a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seats {
    pub(crate) all: usize,
    pub(crate) of_key: usize,
}

/// What a response costs.
#[derive(Debug)]
pub(crate) enum After {
    Header { name: String, most: u64 },
    Bytes { per_token: u64, most: u64 },
    Statuses { statuses: Statuses, tokens: u64 },
}

/// When tokens go back.
#[derive(Debug)]
pub(crate) struct Refund {
    pub(crate) statuses: Statuses,
    pub(crate) unanswered: bool,
}

/// Whether denials are carried out.
#[derive(Debug)]
pub(crate) enum Enforce {
    Always,
    Never,
    /// For so many of a hundred, chosen by this part or by the key.
    Percent(u8, Option<Part>),
}

impl Limit {
    /// With how many tokens new buckets of a tier begin.
    pub(crate) fn start(&self, quota: &Quota) -> Start {
        Start {
            tokens: self.start.unwrap_or_else(|| quota.burst()).min(quota.burst()),
            remembers: self.remembers,
        }
    }

    /// Whether a request has to be read for it.
    pub(crate) fn reads_headers(&self) -> bool {
        let members = self.tiers.iter().chain(&self.exempt);
        self.key.reads_headers()
            || self.when.is_some()
            || self.cost_from.is_some()
            || members.into_iter().any(Member::reads_headers)
            || matches!(&self.enforce, Enforce::Percent(_, Some(part)) if part.reads_headers())
    }

    /// How many buckets each worker may have to keep for itself.
    pub(crate) fn buckets_of_a_worker(&self) -> u64 {
        let tiers = u64::try_from(self.quotas.len()).unwrap_or(u64::MAX);
        match self.scope == Scope::Worker || self.failure_mode == FailureMode::Local {
            true => self.shape.buckets().saturating_mul(tiers),
            false => 0,
        }
    }

    /// Whether the response decides something.
    pub(crate) fn watches(&self) -> bool {
        !self.after.is_empty() || self.refund.is_some()
    }
}

impl After {
    /// The most that one response costs.
    fn most(&self) -> u64 {
        match self {
            Self::Header { most, .. } | Self::Bytes { most, .. } | Self::Statuses { tokens: most, .. } => {
                *most
            }
        }
    }
}
