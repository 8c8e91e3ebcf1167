//! The buckets of the limits, and a request that takes from several of them: from all, or from none.

use std::hash::Hasher;

use portcullis_kit::bucket::{Bucket, Level, Quota, Shortage};
use portcullis_kit::{Host, HostError, WriteError};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::applied::Applied;
use crate::budget::{Budget, Prepared, Refused};
use crate::config::{FailureMode, Scope};
use crate::key::KeyHash;
use crate::lease::Leases;
use crate::limit::{Delay, Limit};
use crate::metrics::Metrics;
use crate::rates::TRIES;
use crate::receipt::Receipt;
use crate::table::Table;
use crate::waiting::Waiting;

/// The buckets of one limit and what is counted of them.
#[derive(Debug)]
pub(crate) struct Counted {
    /// By tier; none for a global limit, which the service counts.
    budgets: Vec<Budget>,
    /// What each worker counts for itself while the shared data cannot be had.
    fallbacks: Vec<Budget>,
    pub(crate) metrics: Metrics,
}

/// A request has taken from all of its limits.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    pub(crate) taken: Vec<Receipt>,
    /// Limits whose buckets cannot be had, and that let requests pass then.
    pub(crate) let_through: Vec<usize>,
    /// How full the buckets are, by limit and tier.
    pub(crate) levels: Vec<(usize, usize, Level)>,
    /// In how many nanoseconds all tokens are there, and which of the taken ones come last.
    pub(crate) wait: Option<(u64, Receipt)>,
}

/// Why one of them gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) limit: usize,
    pub(crate) tier: usize,
    /// `None` where its buckets cannot be had.
    pub(crate) shortage: Option<(Shortage, Level)>,
}

impl Counted {
    /// The buckets of a limit, of this domain.
    pub(crate) fn new(limit: &Limit, domain: &str, stat_prefix: &str, host: &mut dyn Host) -> Self {
        let name = |tier: usize| {
            let who = tier.checked_sub(1).and_then(|place| limit.tiers.get(place));
            identity(&[domain, &limit.name, &limit.key.identity(), &format!("{:?} {who:?}", limit.shape)])
        };
        let worker = |(tier, quota): (usize, &Quota), host: &mut dyn Host| {
            let table = Table::of_worker(limit.shape, quota, host);
            Budget::new(name(tier), *quota, limit.start(quota), table, None)
        };
        let process = |(tier, quota): (usize, &Quota), host: &mut dyn Host| {
            let table = Table::of_process(&name(tier), limit.shape, quota, host);
            let leases = (limit.scope == Scope::Leased).then(|| Leases::new(limit.lease));
            Budget::new(name(tier), *quota, limit.start(quota), table, leases)
        };
        let tiers = || limit.quotas.iter().enumerate();
        let budgets = match limit.scope {
            Scope::Worker => tiers().map(|tier| worker(tier, host)).collect(),
            Scope::Process | Scope::Leased => tiers().map(|tier| process(tier, host)).collect(),
            Scope::Global => Vec::new(),
        };
        let falls_back = limit.scope != Scope::Worker && limit.failure_mode == FailureMode::Local;
        let fallbacks = tiers().filter(|_| falls_back).map(|tier| worker(tier, host)).collect();
        Self { budgets, fallbacks, metrics: Metrics::new(stat_prefix, &limit.name, host) }
    }

    /// Goes on with the same buckets of another configuration.
    pub(crate) fn inherit(&mut self, former: &Self) {
        let pairs = [(&mut self.budgets, &former.budgets), (&mut self.fallbacks, &former.fallbacks)];
        for (ours, theirs) in pairs {
            ours.iter_mut().for_each(|ours| theirs.iter().for_each(|theirs| ours.inherit(theirs)));
        }
    }

    /// Ends loans that nobody uses. Whether there are any left.
    pub(crate) fn on_tick(&mut self, now: u64, host: &mut dyn Host) -> bool {
        let mut any = false;
        for budget in &mut self.budgets {
            any |= budget.on_tick(now, host);
        }
        self.report(host);
        any
    }

    /// Whether there are loans to end.
    pub(crate) fn has_loans(&self) -> bool {
        self.budgets.iter().any(Budget::has_loans)
    }

    /// The buckets of a tier.
    pub(crate) fn budget_of(&self, tier: usize) -> Option<&Budget> {
        self.budgets.get(tier)
    }

    fn budget(&mut self, tier: usize, is_fallback: bool) -> Option<&mut Budget> {
        if is_fallback { &mut self.fallbacks } else { &mut self.budgets }.get_mut(tier)
    }

    /// Counts what has happened.
    fn report(&mut self, host: &mut dyn Host) {
        for budget in self.budgets.iter_mut().chain(&mut self.fallbacks) {
            self.metrics.happened(std::mem::take(&mut budget.events), host);
        }
    }
}

/// A name of 32 characters; parts do not run together.
fn identity(parts: &[&str]) -> String {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    format!("{:032x}", hasher.finish128().as_u128())
}

/// One request and all limits, for the length of a callback.
pub(crate) struct Counting<'a> {
    pub(crate) limits: &'a [Limit],
    pub(crate) counted: &'a mut [Counted],
    pub(crate) waiting: &'a Waiting,
    pub(crate) host: &'a mut dyn Host,
    pub(crate) now: u64,
    /// As in [`Admitted`].
    pub(crate) let_through: Vec<usize>,
}

/// What a request is about to take from one limit.
#[derive(Clone, Copy)]
struct Step {
    limit: usize,
    tier: usize,
    is_enforced: bool,
    is_fallback: bool,
    key: KeyHash,
    tokens: u64,
    patience: u64,
}

/// What one limit gives.
struct Done {
    taken: Receipt,
    level: Level,
    wait: u64,
}

impl Step {
    fn done(&self, prepared: &Prepared, now: u64) -> Done {
        let Self { limit, tier, is_fallback, key, tokens, .. } = *self;
        let taken = Receipt { limit, tier, is_fallback, key, tokens, at: now, left: prepared.bucket };
        Done { taken, level: prepared.level, wait: prepared.wait }
    }
}

impl Counting<'_> {
    /// Takes from every limit, or from none: they are looked at first, and written when all have enough. What another worker is faster
    /// with is looked at again; if there is not enough any more, the others get back what they gave.
    ///
    /// # Errors
    /// The limits that have not enough, or cannot be had.
    pub(crate) fn take(&mut self, applied: &[Applied]) -> Result<Admitted, Vec<Exceeded>> {
        let (mut prepared, mut exceeded) = (Vec::with_capacity(applied.len()), Vec::new());
        for applied in applied {
            match self.prepare(applied) {
                Ok(Some(step)) => prepared.push((applied, step)),
                Ok(None) => {}
                Err(it) => exceeded.push(it),
            }
        }
        if !exceeded.is_empty() {
            return Err(exceeded);
        }
        let mut admitted = Admitted::default();
        for (applied, step) in prepared {
            match self.commit(applied, step) {
                Ok(Some(done)) => {
                    admitted.levels.push((done.taken.limit, done.taken.tier, done.level));
                    admitted.taken.push(done.taken);
                    if done.wait > admitted.wait.map_or(0, |(longest, _)| longest) {
                        admitted.wait = Some((done.wait, done.taken));
                    }
                }
                Ok(None) => {}
                Err(exceeded) => {
                    self.refund(&admitted.taken);
                    return Err(vec![exceeded]);
                }
            }
        }
        admitted.let_through = std::mem::take(&mut self.let_through);
        Ok(admitted)
    }

    /// Takes from what this worker counts for itself, where the service of a global limit fails.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(crate) fn take_fallback(&mut self, applied: &Applied) -> Result<Option<Receipt>, Exceeded> {
        let Some(step) = self.prepare_step(self.step(applied, true))? else { return Ok(None) };
        Ok(self.commit(applied, step)?.map(|done| done.taken))
    }

    /// Gives tokens back.
    pub(crate) fn refund(&mut self, taken: &[Receipt]) {
        for it in taken {
            let Some(counted) = self.counted.get_mut(it.limit) else { continue };
            if let Some(budget) = counted.budget(it.tier, it.is_fallback) {
                budget.refund((it.key, it.tokens), it.at, self.now, self.host);
            }
            counted.report(self.host);
        }
    }

    /// Gives tokens back that a request has waited for and will not use, where nobody waits behind it. How the bucket is then.
    pub(crate) fn refund_last(&mut self, taken: &Receipt) -> Option<Bucket> {
        let counted = self.counted.get_mut(taken.limit)?;
        let budget = counted.budget(taken.tier, taken.is_fallback)?;
        let left = budget.refund_last((taken.key, taken.tokens), taken.left, self.now, self.host);
        counted.report(self.host);
        left
    }

    /// Takes so many more, whether they are there or not.
    pub(crate) fn charge(&mut self, taken: &Receipt, tokens: u64) {
        let Some(counted) = self.counted.get_mut(taken.limit) else { return };
        if let Some(budget) = counted.budget(taken.tier, taken.is_fallback) {
            budget.charge((taken.key, tokens), self.now, self.host);
        }
        counted.report(self.host);
    }

    fn step(&self, applied: &Applied, is_fallback: bool) -> Step {
        let limit = self.limits.get(applied.limit);
        let delay = limit.and_then(|limit| limit.delay).filter(|_| applied.is_enforced && !is_fallback);
        let budgets = self.counted.get(applied.limit);
        let budgets = budgets.map(|it| if is_fallback { &it.fallbacks } else { &it.budgets });
        let budget = budgets.and_then(|budgets| budgets.get(applied.tier));
        let key = budget.map_or(KeyHash { set: 0, fingerprint: 1 }, |budget| budget.hash(&applied.key()));
        let has_room = |delay: &Delay| self.waiting.has_room(applied.limit, key, delay.seats);
        Step {
            limit: applied.limit,
            tier: applied.tier,
            is_enforced: applied.is_enforced,
            is_fallback,
            key,
            tokens: applied.tokens,
            patience: delay.filter(has_room).map_or(0, |delay| delay.longest),
        }
    }

    fn prepare(&mut self, applied: &Applied) -> Result<Option<(Step, Prepared)>, Exceeded> {
        let step = self.step(applied, false);
        match self.prepare_step(step) {
            Err(Exceeded { shortage: None, .. }) => self.failed(applied),
            decided => decided,
        }
    }

    /// `None` where there is not enough and the limit is not enforced.
    fn prepare_step(&mut self, step: Step) -> Result<Option<(Step, Prepared)>, Exceeded> {
        let Step { limit, tier, is_enforced, is_fallback, key, tokens, patience } = step;
        let counted = self.counted.get_mut(limit);
        let budget = counted.and_then(|counted| counted.budget(tier, is_fallback));
        let Some(budget) = budget else { return Err(Exceeded { limit, tier, shortage: None }) };
        match budget.prepare((key, tokens), patience, self.now, self.host) {
            Ok(prepared) => Ok(Some((step, prepared))),
            Err(Refused::Short(..)) if !is_enforced => {
                self.count(limit, |metrics| metrics.shadow_denied);
                Ok(None)
            }
            Err(Refused::Short(shortage, level)) => {
                Err(Exceeded { limit, tier, shortage: Some((shortage, level)) })
            }
            Err(Refused::Unavailable) => Err(Exceeded { limit, tier, shortage: None }),
        }
    }

    /// What holds where the buckets of a limit cannot be had.
    fn failed(&mut self, applied: &Applied) -> Result<Option<(Step, Prepared)>, Exceeded> {
        let mode = self.limits.get(applied.limit).map(|limit| limit.failure_mode).unwrap_or_default();
        self.count(applied.limit, |metrics| metrics.fallback);
        match mode {
            FailureMode::Local => {
                let step = self.step(applied, true);
                self.prepare_step(step)
            }
            FailureMode::Deny if applied.is_enforced => {
                Err(Exceeded { limit: applied.limit, tier: applied.tier, shortage: None })
            }
            FailureMode::Deny => {
                self.count(applied.limit, |metrics| metrics.shadow_denied);
                Ok(None)
            }
            FailureMode::Allow => {
                self.let_through.push(applied.limit);
                Ok(None)
            }
        }
    }

    /// `None` where the limit lets the request pass without.
    fn commit(
        &mut self,
        applied: &Applied,
        (step, first): (Step, Prepared),
    ) -> Result<Option<Done>, Exceeded> {
        let mut prepared = first;
        for _ in 0..TRIES {
            let done = step.done(&prepared, self.now);
            match self.write(&step, prepared) {
                Ok(()) => return Ok(Some(done)),
                Err(WriteError::Host(_)) => break,
                Err(WriteError::Conflict) => {}
            }
            match self.prepare_step(step) {
                Ok(Some((_, again))) => prepared = again,
                Ok(None) => return Ok(None),
                Err(Exceeded { shortage: None, .. }) => break,
                Err(exceeded) => return Err(exceeded),
            }
        }
        let Some((step, prepared)) = self.failed(applied)? else { return Ok(None) };
        let done = step.done(&prepared, self.now);
        // A bucket of this worker alone: nobody is faster.
        Ok(self.write(&step, prepared).ok().map(|()| done))
    }

    fn write(&mut self, step: &Step, prepared: Prepared) -> Result<(), WriteError> {
        let gone = WriteError::Host(HostError(0));
        let counted = self.counted.get_mut(step.limit).ok_or(gone)?;
        let budget = counted.budget(step.tier, step.is_fallback).ok_or(gone)?;
        let written = budget.commit(prepared, self.now, self.host);
        counted.report(self.host);
        written
    }

    fn count(&mut self, limit: usize, which: fn(&Metrics) -> portcullis_kit::Counter) {
        if let Some(counted) = self.counted.get(limit) {
            self.host.add(which(&counted.metrics), 1);
        }
    }
}
