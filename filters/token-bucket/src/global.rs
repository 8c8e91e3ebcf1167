//! Limits that several proxies count together, by the rate limit service.

use std::hash::Hasher;

use portcullis_kit::{Action, Headers, Host, StreamId};
use portcullis_proto::ratelimit::RateLimitDescriptor;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::ahead::InStore;
use crate::applied::Applied;
use crate::config::FailureMode;
use crate::counted::Exceeded;
use crate::denial::{Denial, Reason};
use crate::filter::{Stream, TokenBucket};
use crate::key::LongHash;
use crate::service::{Purpose, Said, Status, Verdict, descriptor};
use crate::standing::Standing;

impl TokenBucket {
    /// Takes from what was taken in advance: from all limits or from none.
    pub(crate) fn take_ahead(
        &mut self,
        applied: &[Applied],
        stream: &mut Stream,
        (now, host): (u64, &mut dyn Host),
    ) -> Result<(), Denial> {
        let (mut enough, mut failed, mut exceeded) = (Vec::new(), Vec::new(), Vec::new());
        let keyed: Vec<_> = applied.iter().map(|it| (it, self.long_hash(it))).collect();
        for &(it, key) in &keyed {
            let Some(Some(ahead)) = self.ahead.get_mut(it.limit) else { continue };
            match ahead.look(key, it.tokens, now) {
                InStore::Enough => enough.push((it, key)),
                InStore::Failed => failed.push(it.clone()),
                InStore::Short(_) if !it.is_enforced => {
                    self.count(it.limit, |metrics| metrics.shadow_denied, host);
                }
                InStore::Short(until) => exceeded.push((it, Some(until))),
            }
        }
        let decided = match exceeded.is_empty() {
            true => self.service_failed(&failed, stream, (now, host)),
            false => Err(self.over_limit(exceeded.into_iter(), host)),
        };
        if decided.is_ok() {
            for (it, key) in enough {
                stream.passed.push(it.limit);
                stream.ahead.push((it.limit, key, it.tokens));
                if let Some(Some(ahead)) = self.ahead.get_mut(it.limit) {
                    ahead.take(key, it.tokens, now);
                }
            }
        }
        // Also for those that are denied, or nobody would ever ask again.
        keyed.into_iter().for_each(|(it, key)| self.ask_ahead(it, key, (now, host)));
        decided
    }

    fn ask_ahead(&mut self, applied: &Applied, key: LongHash, (now, host): (u64, &mut dyn Host)) {
        let limit = applied.limit;
        let Some(Some(ahead)) = self.ahead.get_mut(limit) else { return };
        let Some(tokens) = ahead.ask(key, applied.tokens, now) else { return };
        let descriptors = self.descriptor(applied, tokens.into()).into_iter().collect();
        let purpose = Purpose::Ahead { limit, key, tokens };
        let asked = self.service.as_mut().and_then(|service| service.ask(purpose, descriptors, host));
        if let (None, Some(Some(ahead))) = (asked, self.ahead.get_mut(limit)) {
            ahead.on_answer(key, tokens, &Verdict::Failed, now);
        }
    }

    /// Whether the limit takes its tokens in advance.
    pub(crate) fn is_ahead(&self, applied: &Applied) -> bool {
        matches!(self.ahead.get(applied.limit), Some(Some(_)))
    }

    fn long_hash(&self, applied: &Applied) -> LongHash {
        let mut hasher = SipHasher13::new_with_key(&self.seed);
        hasher.write(&applied.key());
        hasher.finish128().as_u128()
    }

    /// Takes what the rate limit service has said of a request.
    pub(crate) fn on_verdict(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        request: &mut Headers,
        (now, host): (u64, &mut dyn Host),
    ) -> Result<Action, Denial> {
        let Some(verdict) = self.service.as_mut().and_then(|service| service.take_verdict(id)) else {
            return Ok(Action::Pause);
        };
        let asked: Vec<_> = stream.global.iter().filter(|it| !self.is_ahead(it)).cloned().collect();
        match verdict {
            Verdict::Failed => self.service_failed(&asked, stream, (now, host))?,
            Verdict::OverLimit(said) => {
                // Some servers do not say which.
                let any = said.statuses.iter().any(|status| status.is_over);
                let has_status = any && said.statuses.len() == asked.len();
                let is_over = |at: usize| !has_status || said.statuses.get(at).is_some_and(|it| it.is_over);
                let over = || asked.iter().enumerate().filter(|(at, _)| is_over(*at));
                let until = |at: usize| said.statuses.get(at).and_then(|status| status.fill.next);
                for (_, it) in over().filter(|(_, it)| !it.is_enforced) {
                    self.count(it.limit, |metrics| metrics.shadow_denied, host);
                }
                let within = asked.iter().enumerate().filter(|(at, _)| !is_over(*at));
                stream.passed.extend(within.map(|(_, it)| it.limit));
                let mut enforced =
                    over().filter(|(_, it)| it.is_enforced).map(|(at, it)| (it, until(at))).peekable();
                if enforced.peek().is_some() {
                    let mut denial = self.over_limit(enforced, host);
                    denial.standings = self.standings(&asked, &said);
                    denial.headers = said.response_headers;
                    denial.body = said.body;
                    return Err(denial);
                }
            }
            Verdict::Ok(said) => {
                stream.passed.extend(asked.iter().map(|it| it.limit));
                if self.policy.reply.is_always_shown() {
                    stream.standings.extend(self.standings(&asked, &said));
                }
                stream.headers = said.response_headers;
                // What the service says counts, and not what a client says in its place.
                said.request_headers.iter().for_each(|(name, value)| request.set(name, value));
            }
        }
        Ok(Action::Continue)
    }

    /// What the service says is left of its limits.
    fn standings(&self, asked: &[Applied], said: &Said) -> Vec<Standing> {
        let of = |(it, status): (&Applied, &Status)| {
            let (name, quota) = self.names(it.limit, it.tier)?;
            let mut standing = Standing::new(name, quota, status.fill);
            if let Some((limit, window)) = status.limit {
                (standing.burst, standing.window) = (limit, window);
            }
            Some(standing)
        };
        asked.iter().zip(&said.statuses).filter(|(_, status)| status.is_limited).filter_map(of).collect()
    }

    /// What holds for limits of the service while it fails.
    pub(crate) fn service_failed(
        &mut self,
        applied: &[Applied],
        stream: &mut Stream,
        (now, host): (u64, &mut dyn Host),
    ) -> Result<(), Denial> {
        for it in applied {
            self.count(it.limit, |metrics| metrics.fallback, host);
            let mode = self.policy.limits.get(it.limit).map(|limit| limit.failure_mode).unwrap_or_default();
            match mode {
                FailureMode::Allow => stream.passed.push(it.limit),
                FailureMode::Deny if !it.is_enforced => {
                    self.count(it.limit, |metrics| metrics.shadow_denied, host);
                }
                FailureMode::Deny => {
                    let exceeded = Exceeded { limit: it.limit, tier: it.tier, shortage: None };
                    return Err(self.exceeded(&[exceeded], host));
                }
                FailureMode::Local => match self.counting((now, host)).take_fallback(it) {
                    Ok(taken) => {
                        stream.passed.extend(taken.iter().map(|taken| taken.limit));
                        stream.taken.extend(taken);
                    }
                    Err(exceeded) => return Err(self.exceeded(&[exceeded], host)),
                },
            }
        }
        Ok(())
    }

    /// A denial for limits of the service.
    fn over_limit<'l>(
        &self,
        over: impl Iterator<Item = (&'l Applied, Option<u64>)>,
        host: &mut dyn Host,
    ) -> Denial {
        let mut denial = Denial::from(Reason::LimitExceeded);
        for (it, until) in over {
            self.count(it.limit, |metrics| metrics.denied, host);
            let Some((name, _)) = self.names(it.limit, it.tier) else { continue };
            denial.violated.push(name.to_owned());
            denial.retry_after = denial.retry_after.max(until);
        }
        denial
    }

    pub(crate) fn descriptor(&self, applied: &Applied, tokens: u64) -> Option<RateLimitDescriptor> {
        let limit = self.policy.limits.get(applied.limit)?;
        Some(descriptor(limit.key.names(), applied.parts.as_deref().ok()?, tokens))
    }

    /// Tells the service what a response has cost.
    pub(crate) fn charge_global(&mut self, applied: &Applied, tokens: u64, host: &mut dyn Host) {
        let descriptor = self.descriptor(applied, tokens);
        let told =
            descriptor.zip(self.service.as_mut()).is_some_and(|(it, service)| service.charge(it, host));
        if !told {
            self.count(applied.limit, |metrics| metrics.fallback, host);
        }
    }
}
