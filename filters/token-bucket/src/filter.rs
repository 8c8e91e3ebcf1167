use std::time::Duration;

use portcullis_kit::rules::is_grpc;
use portcullis_kit::{
    Action, CallId, ConfigError, GrpcAnswer, Headers, Host, HttpFilter, LocalReply, StreamId, parse_config,
};

use crate::ahead::{Ahead, InStore};
use crate::applied::Applied;
use crate::bucket::Quota;
use crate::config::{FailureMode, Scope, TokenBucketConfig};
use crate::counted::{Counted, Counting, Exceeded, Taken};
use crate::denial::{Denial, Reason};
use crate::key::{Request, joined};
use crate::limit::Limit;
use crate::policy::Policy;
use crate::reply::Standing;
use crate::service::{Purpose, Said, Service, Status, Verdict, descriptor};
use crate::waiting::Waiting;

/// The time between two looks at who waits for tokens.
const WATCHFUL: Duration = Duration::from_millis(5);
/// The time between two looks at loans that nobody uses.
const CALM: Duration = Duration::from_millis(100);

/// The filter: admits a request as long as its limits have tokens.
#[derive(Debug)]
pub struct TokenBucket {
    pub(crate) policy: Policy,
    /// By limit.
    pub(crate) counted: Vec<Counted>,
    service: Option<Service>,
    /// By limit, where tokens are taken in advance.
    ahead: Vec<Option<Ahead>>,
    waiting: Waiting,
    reads_request: bool,
    tick: Duration,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub struct Stream {
    pub(crate) progress: Progress,
    pub(crate) taken: Vec<Taken>,
    /// The limits of the rate limit service that it is under.
    pub(crate) global: Vec<Applied>,
    /// Limits that have let it pass.
    passed: Vec<usize>,
    /// In how many nanoseconds its tokens are there, and the limit that it waits for.
    wait: Option<(u64, usize)>,
    /// What its response shows.
    pub(crate) standings: Vec<Standing>,
    /// Whether there was a response.
    pub(crate) is_answered: bool,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    #[default]
    New,
    /// The rate limit service is being asked.
    Asked,
    /// It waits for its tokens.
    Waiting,
    Passed,
}

impl HttpFilter for TokenBucket {
    const NAME: &'static str = "token-bucket";
    const MAX_ANSWER: usize = 64 << 10;
    type Stream = Stream;

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        let mut policy = Policy::try_from(parse_config::<TokenBucketConfig>(configuration)?)?;
        Ok(Self {
            ahead: policy.limits.iter().map(|limit| limit.ahead.map(Ahead::new)).collect(),
            service: policy.service.take().map(Service::new),
            reads_request: policy.limits.iter().any(Limit::reads_headers),
            counted: Vec::new(),
            waiting: Waiting::default(),
            tick: Duration::ZERO,
            policy,
        })
    }

    fn start(&mut self, host: &mut dyn Host) {
        let domain = self.policy.domain.clone().unwrap_or_else(|| {
            let name = host.property(&["plugin_name"]).unwrap_or_default();
            String::from_utf8_lossy(&name).into_owned()
        });
        let prefix = &self.policy.stat_prefix;
        self.counted =
            self.policy.limits.iter().map(|limit| Counted::new(limit, &domain, prefix, host)).collect();
    }

    fn inherit(&mut self, former: &Self) {
        for counted in &mut self.counted {
            former.counted.iter().for_each(|theirs| counted.inherit(theirs));
        }
    }

    fn reads_request(&self) -> bool {
        self.reads_request
    }

    fn on_request_headers(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        request: &mut Headers,
        host: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        let now = now(host);
        let decided = match stream.progress {
            Progress::New => self.begin((id, stream), request, (now, host)),
            Progress::Asked => self.on_verdict((id, stream), request, (now, host)),
            Progress::Waiting if self.waiting.is_waiting(id, now) => return Ok(Action::Pause),
            Progress::Waiting | Progress::Passed => Ok(Action::Continue),
        };
        match decided {
            Ok(Action::Pause) => Ok(Action::Pause),
            Ok(Action::Continue) => Ok(self.pass((id, stream), (now, host))),
            Err(denial) => Err(self.deny(&denial, stream, request, (now, host))),
        }
    }

    fn watches(&self, stream: &Stream) -> bool {
        let limit = |index: usize| self.policy.limits.get(index);
        let mut limits = stream.passed.iter().filter_map(|index| limit(*index));
        !stream.standings.is_empty() || limits.any(Limit::watches)
    }

    fn reads_response(&self, stream: &Stream) -> bool {
        let mut limits = stream.passed.iter().filter_map(|index| self.policy.limits.get(*index));
        limits.any(Limit::watches)
    }

    fn on_response_headers(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        response: &mut Headers,
        host: &mut dyn Host,
    ) {
        self.policy.reply.show(&stream.standings, response);
        self.settle_response(stream, response, (now(host), host));
    }

    fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        let answered = self.service.as_mut().and_then(|service| service.on_answer(call, answer, host));
        match answered {
            Some((Purpose::Check(stream), _)) => vec![stream],
            Some((Purpose::Ahead { limit, key, tokens }, verdict)) => {
                if let Some(Some(ahead)) = self.ahead.get_mut(limit) {
                    ahead.on_answer(&key, tokens, &verdict, now(host));
                }
                Vec::new()
            }
            Some((Purpose::Charge, _)) | None => Vec::new(),
        }
    }

    fn on_end(&mut self, (id, stream): (StreamId, Stream), host: &mut dyn Host) {
        self.waiting.remove(id);
        if let Some(service) = &mut self.service {
            service.forget(id);
        }
        let now = now(host);
        match stream.progress {
            Progress::Passed => self.settle_end(&stream, (now, host)),
            // Its client has left before it could pass.
            _ => self.counting((now, host)).refund(&stream.taken),
        }
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        let now = now(host);
        let mut has_loans = false;
        for counted in &mut self.counted {
            has_loans |= counted.on_tick(now, host);
        }
        let due = self.waiting.due(now);
        self.watch(has_loans, host);
        due
    }
}

impl TokenBucket {
    /// Finds the limits of a request and takes its tokens.
    fn begin(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        headers: &mut Headers,
        (now, host): (u64, &mut dyn Host),
    ) -> Result<Action, Denial> {
        let applied = self.applied(headers, host)?;
        let (global, local): (Vec<_>, Vec<_>) = applied.into_iter().partition(|it| {
            self.policy.limits.get(it.limit).is_some_and(|limit| limit.scope == Scope::Global)
        });
        let admitted = match self.counting((now, host)).take(&local) {
            Ok(admitted) => admitted,
            Err(exceeded) => return Err(self.exceeded(&exceeded, host)),
        };
        if self.policy.reply.is_always_shown() {
            let standings = admitted.levels.iter().filter_map(|(limit, tier, level)| {
                let (name, quota) = self.names(*limit, *tier)?;
                Some(Standing::new(name, quota, *level))
            });
            stream.standings = standings.collect();
        }
        stream.passed.extend(admitted.taken.iter().map(|taken| taken.limit));
        stream.taken = admitted.taken;
        stream.wait = admitted.wait;
        let (ahead, check): (Vec<_>, Vec<_>) =
            global.into_iter().partition(|it| matches!(self.ahead.get(it.limit), Some(Some(_))));
        self.take_ahead(&ahead, stream, (now, host))?;
        stream.global = ahead;
        if check.is_empty() {
            return Ok(Action::Continue);
        }
        let descriptors = check.iter().filter_map(|it| self.descriptor(it, it.tokens)).collect();
        let asked = self.service.as_mut().is_some_and(|it| it.ask(Purpose::Check(id), descriptors, host));
        if asked {
            stream.progress = Progress::Asked;
            stream.global.extend(check);
            return Ok(Action::Pause);
        }
        self.service_failed(&check, stream, (now, host))?;
        Ok(Action::Continue)
    }

    /// The limits that a request is under.
    fn applied(&self, headers: &Headers, host: &mut dyn Host) -> Result<Vec<Applied>, Denial> {
        let mut request = Request::new(headers, host);
        let mut applied = Vec::with_capacity(self.policy.limits.len());
        for (index, limit) in self.policy.limits.iter().enumerate() {
            let Some(it) = Applied::of((index, limit), &mut request)? else { continue };
            match (it.parts.is_some(), it.is_enforced) {
                (true, _) => applied.push(it),
                (false, true) => {
                    self.count(index, |metrics| metrics.denied, request.host);
                    return Err(Denial { violated: vec![limit.name.clone()], ..Reason::KeyMissing.into() });
                }
                (false, false) => self.count(index, |metrics| metrics.shadow_denied, request.host),
            }
        }
        Ok(applied)
    }

    /// Takes from what was taken in advance: from all limits or from none.
    fn take_ahead(
        &mut self,
        applied: &[Applied],
        stream: &mut Stream,
        (now, host): (u64, &mut dyn Host),
    ) -> Result<(), Denial> {
        let (mut enough, mut failed, mut exceeded) = (Vec::new(), Vec::new(), Vec::new());
        for it in applied {
            let Some(Some(ahead)) = self.ahead.get_mut(it.limit) else { continue };
            let key = joined(it.parts.as_deref().unwrap_or_default());
            match ahead.look(&key, it.tokens, now) {
                InStore::Enough => enough.push((it, key)),
                InStore::Failed => failed.push(it.clone()),
                InStore::Short(_) if !it.is_enforced => {
                    self.count(it.limit, |metrics| metrics.shadow_denied, host);
                }
                InStore::Short(until) => exceeded.push((it, until)),
            }
        }
        if !exceeded.is_empty() {
            return Err(self.over_limit(exceeded.into_iter(), host));
        }
        self.service_failed(&failed, stream, (now, host))?;
        for (it, key) in enough {
            stream.passed.push(it.limit);
            let Some(Some(ahead)) = self.ahead.get_mut(it.limit) else { continue };
            let Some(tokens) = ahead.take(&key, it.tokens, now) else { continue };
            let descriptors = self.descriptor(it, tokens.into()).into_iter().collect();
            let purpose = Purpose::Ahead { limit: it.limit, key: key.clone(), tokens };
            let asked = self.service.as_mut().is_some_and(|service| service.ask(purpose, descriptors, host));
            if let (false, Some(Some(ahead))) = (asked, self.ahead.get_mut(it.limit)) {
                ahead.on_answer(&key, tokens, &Verdict::Failed, now);
            }
        }
        Ok(())
    }

    /// Takes what the rate limit service has said of a request.
    fn on_verdict(
        &mut self,
        (id, stream): (StreamId, &mut Stream),
        request: &mut Headers,
        (now, host): (u64, &mut dyn Host),
    ) -> Result<Action, Denial> {
        let Some(verdict) = self.service.as_mut().and_then(|service| service.take_verdict(id)) else {
            return Ok(Action::Pause);
        };
        let is_asked = |it: &&Applied| !matches!(self.ahead.get(it.limit), Some(Some(_)));
        let asked: Vec<_> = stream.global.iter().filter(is_asked).cloned().collect();
        match verdict {
            Verdict::Failed => self.service_failed(&asked, stream, (now, host))?,
            Verdict::OverLimit(said) => {
                let has_status = said.statuses.len() == asked.len();
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
                said.request_headers.iter().for_each(|(name, value)| request.add(name, value));
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
        asked.iter().zip(&said.statuses).filter_map(of).collect()
    }

    /// What holds for limits of the service while it fails.
    fn service_failed(
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
                FailureMode::Deny if !it.is_enforced => {}
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

    fn pass(&mut self, (id, stream): (StreamId, &mut Stream), (now, host): (u64, &mut dyn Host)) -> Action {
        if let Some((wait, limit)) = stream.wait.take() {
            self.count(limit, |metrics| metrics.delayed, host);
            self.waiting.add(id, now.saturating_add(wait), limit);
            stream.progress = Progress::Waiting;
            self.watch(true, host);
            return Action::Pause;
        }
        self.waiting.remove(id);
        stream.progress = Progress::Passed;
        for limit in &stream.passed {
            self.count(*limit, |metrics| metrics.allowed, host);
        }
        if self.tick.is_zero() && self.counted.iter().any(Counted::has_loans) {
            self.watch(true, host);
        }
        Action::Continue
    }

    fn deny(
        &mut self,
        denial: &Denial,
        stream: &mut Stream,
        request: &Headers,
        (now, host): (u64, &mut dyn Host),
    ) -> LocalReply {
        let taken = std::mem::take(&mut stream.taken);
        self.counting((now, host)).refund(&taken);
        for it in &stream.global {
            if let Some(Some(ahead)) = self.ahead.get_mut(it.limit)
                && stream.passed.contains(&it.limit)
            {
                ahead.refund(&joined(it.parts.as_deref().unwrap_or_default()), it.tokens, now);
            }
        }
        let is_grpc = match self.reads_request {
            true => is_grpc(request),
            false => {
                let kind = host.property(&["request", "headers", "content-type"]);
                is_grpc(&Headers::from_iter(kind.map(|kind| ("content-type", kind))))
            }
        };
        self.policy.reply.render(denial, is_grpc)
    }

    /// A denial for limits that have not enough, or cannot be had.
    fn exceeded(&self, exceeded: &[Exceeded], host: &mut dyn Host) -> Denial {
        let is_limit = exceeded.iter().any(|it| it.shortage.is_some());
        let reason = if is_limit { Reason::LimitExceeded } else { Reason::Unavailable };
        let mut denial = Denial::from(reason);
        for it in exceeded {
            self.count(it.limit, |metrics| metrics.denied, host);
            let Some((name, quota)) = self.names(it.limit, it.tier) else { continue };
            let Some((shortage, level)) = it.shortage else { continue };
            denial.violated.push(name.to_owned());
            denial.standings.push(Standing::new(name, quota, level));
            denial.retry_after = denial.retry_after.max(shortage.until);
        }
        // One that never has enough leaves nothing to wait for.
        if exceeded.iter().any(|it| it.shortage.is_some_and(|(shortage, _)| shortage.until.is_none())) {
            denial.retry_after = None;
        }
        if !is_limit {
            let wait = self.service.as_ref().map(|service| service.retry_after(host));
            denial.retry_after = Some(wait.unwrap_or_default());
        }
        denial
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

    pub(crate) fn descriptor(
        &self,
        applied: &Applied,
        tokens: u64,
    ) -> Option<portcullis_proto::RateLimitDescriptor> {
        let limit = self.policy.limits.get(applied.limit)?;
        Some(descriptor(limit.key.names(), applied.parts.as_deref()?, tokens))
    }

    /// Tells the service what a response has cost; nobody waits for its answer.
    pub(crate) fn charge_global(&mut self, applied: &Applied, tokens: u64, host: &mut dyn Host) {
        let descriptors = self.descriptor(applied, tokens).into_iter().collect();
        let asked = self.service.as_mut().is_some_and(|it| it.ask(Purpose::Charge, descriptors, host));
        if !asked {
            self.count(applied.limit, |metrics| metrics.fallback, host);
        }
    }

    pub(crate) fn counting<'a>(&'a mut self, (now, host): (u64, &'a mut dyn Host)) -> Counting<'a> {
        let waiting = &self.waiting;
        Counting { limits: &self.policy.limits, counted: &mut self.counted, waiting, host, now }
    }

    fn names(&self, limit: usize, tier: usize) -> Option<(&str, &Quota)> {
        let limit = self.policy.limits.get(limit)?;
        Some((&limit.name, limit.quotas.get(tier)?))
    }

    fn count(
        &self,
        limit: usize,
        which: fn(&crate::metrics::Metrics) -> portcullis_kit::Counter,
        host: &mut dyn Host,
    ) {
        if let Some(counted) = self.counted.get(limit) {
            host.add(which(&counted.metrics), 1);
        }
    }

    /// Sets the tick by what there is to look after.
    fn watch(&mut self, has_loans: bool, host: &mut dyn Host) {
        let tick = match (self.waiting.is_empty(), has_loans) {
            (false, _) => WATCHFUL,
            (true, true) => CALM,
            (true, false) => Duration::ZERO,
        };
        if self.tick != tick {
            self.tick = tick;
            host.set_tick(tick);
        }
    }
}

/// Nanoseconds on the clock that all workers share.
pub(crate) fn now(host: &dyn Host) -> u64 {
    u64::try_from(host.monotonic().as_nanos()).unwrap_or(u64::MAX)
}
