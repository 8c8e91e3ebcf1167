use std::time::Duration;

use log::Level;
use portcullis_kit::bucket::Quota;
use portcullis_kit::parts::Request;
use portcullis_kit::rules::is_grpc;
use portcullis_kit::{
    Action, CallId, ConfigError, GrpcAnswer, Headers, Host, HttpFilter, LocalReply, Reads, StreamId, domain,
    parse_config,
};

use crate::ahead::Ahead;
use crate::applied::Applied;
use crate::config::{Scope, TokenBucketConfig};
use crate::counted::{Counted, Counting, Exceeded};
use crate::denial::{Denial, Reason};
use crate::key::LongHash;
use crate::limit::Limit;
use crate::policy::Policy;
use crate::receipt::Receipt;
use crate::service::{Purpose, Service};
use crate::standing::Standing;
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
    pub(crate) service: Option<Service>,
    /// By limit, where tokens are taken in advance.
    pub(crate) ahead: Vec<Option<Ahead>>,
    pub(crate) waiting: Waiting,
    reads_request: bool,
    /// What the keys of tokens in advance are hashed with.
    pub(crate) seed: [u8; 16],
    tick: Duration,
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub struct Stream {
    pub(crate) progress: Progress,
    pub(crate) taken: Vec<Receipt>,
    /// The limits of the rate limit service that are charged for its response.
    pub(crate) global: Vec<Applied>,
    /// Tokens that it has taken from those in advance, by limit and key.
    pub(crate) ahead: Vec<(usize, LongHash, u64)>,
    /// The call by which the rate limit service is asked about it.
    pub(crate) call: Option<CallId>,
    /// Limits that have let it pass.
    pub(crate) passed: Vec<usize>,
    /// When its tokens are there, and those that come last.
    wait: Option<(u64, Receipt)>,
    /// What its response shows.
    pub(crate) standings: Vec<Standing>,
    /// What the service adds to its response.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
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
            seed: [0; 16],
            tick: Duration::ZERO,
            policy,
        })
    }

    fn start(&mut self, host: &mut dyn Host) {
        let domain = domain(self.policy.domain.as_deref(), Self::NAME, host);
        match host.random() {
            Some(seed) => self.seed = seed,
            None => host.log(
                Level::Warn,
                "token-bucket: the proxy has no randomness: clients could choose keys that collide",
            ),
        }
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
        !stream.standings.is_empty() || !stream.headers.is_empty() || limits.any(Limit::watches)
    }

    fn reads_response(&self, stream: &Stream) -> Reads {
        let mut limits = stream.passed.iter().filter_map(|index| self.policy.limits.get(*index));
        if limits.any(Limit::watches) { Reads::All } else { Reads::Nothing }
    }

    fn on_response_headers(
        &mut self,
        (_, stream): (StreamId, &mut Stream),
        response: &mut Headers,
        host: &mut dyn Host,
    ) {
        self.policy.reply.show(&stream.standings, response);
        // The upstream's own response keeps its type and its advice.
        let further =
            stream.headers.iter().filter(|(name, _)| name != "content-type" && name != "retry-after");
        further.for_each(|(name, value)| response.add(name, value));
        self.settle_response(stream, response, (now(host), host));
    }

    fn on_grpc_answer(&mut self, call: CallId, answer: &GrpcAnswer, host: &mut dyn Host) -> Vec<StreamId> {
        let answered = self.service.as_mut().and_then(|service| service.on_answer(call, answer, host));
        match answered {
            Some((Purpose::Check(stream), _)) => vec![stream],
            Some((Purpose::Ahead { limit, key, tokens }, verdict)) => {
                if let Some(Some(ahead)) = self.ahead.get_mut(limit) {
                    ahead.on_answer(key, tokens, &verdict, now(host));
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn on_end(&mut self, (id, stream): (StreamId, Stream), host: &mut dyn Host) {
        self.end((id, stream), (now(host), host));
        let has_loans = self.counted.iter().any(Counted::has_loans);
        self.watch(has_loans);
    }

    fn tick(&self) -> Duration {
        self.tick
    }

    fn on_tick(&mut self, host: &mut dyn Host) -> Vec<StreamId> {
        let now = now(host);
        let mut has_loans = false;
        for counted in &mut self.counted {
            has_loans |= counted.on_tick(now, host);
        }
        let due = self.waiting.due(now);
        self.watch(has_loans);
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
        stream.passed = admitted.let_through;
        stream.passed.extend(admitted.taken.iter().map(|taken| taken.limit));
        stream.taken = admitted.taken;
        stream.wait = admitted.wait.map(|(wait, last)| (now.saturating_add(wait), last));
        let (ahead, check): (Vec<_>, Vec<_>) = global.into_iter().partition(|it| self.is_ahead(it));
        self.take_ahead(&ahead, stream, (now, host))?;
        stream.global = ahead;
        if check.is_empty() {
            return Ok(Action::Continue);
        }
        let descriptors = check.iter().filter_map(|it| self.descriptor(it, it.tokens)).collect();
        stream.call = self.service.as_mut().and_then(|it| it.ask(Purpose::Check(id), descriptors, host));
        if stream.call.is_some() {
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
            let Some(it) = Applied::of((index, limit), &mut request) else { continue };
            match (&it.parts, it.is_enforced) {
                (Ok(_), _) => applied.push(it),
                (Err(reason), true) => {
                    self.count(index, |metrics| metrics.denied, request.host);
                    return Err(Denial { violated: vec![limit.name.clone()], ..(*reason).into() });
                }
                (Err(_), false) => self.count(index, |metrics| metrics.shadow_denied, request.host),
            }
        }
        Ok(applied)
    }

    fn pass(&mut self, (id, stream): (StreamId, &mut Stream), (now, host): (u64, &mut dyn Host)) -> Action {
        if let Some((until, last)) = stream.wait.take().filter(|(until, _)| now < *until) {
            self.count(last.limit, |metrics| metrics.delayed, host);
            self.waiting.add(id, until, last);
            stream.progress = Progress::Waiting;
            self.watch(true);
            return Action::Pause;
        }
        self.waiting.remove(id);
        stream.progress = Progress::Passed;
        for limit in &stream.passed {
            self.count(*limit, |metrics| metrics.allowed, host);
        }
        if self.tick.is_zero() && self.counted.iter().any(Counted::has_loans) {
            self.watch(true);
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
        self.give_back(stream, (now, host));
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
    pub(crate) fn exceeded(&self, exceeded: &[Exceeded], host: &mut dyn Host) -> Denial {
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

    pub(crate) fn counting<'a>(&'a mut self, (now, host): (u64, &'a mut dyn Host)) -> Counting<'a> {
        let waiting = &self.waiting;
        let (limits, counted) = (&self.policy.limits, &mut self.counted);
        Counting { limits, counted, waiting, host, now, let_through: Vec::new() }
    }

    pub(crate) fn names(&self, limit: usize, tier: usize) -> Option<(&str, &Quota)> {
        let limit = self.policy.limits.get(limit)?;
        Some((&limit.name, limit.quotas.get(tier)?))
    }

    pub(crate) fn count(
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
    fn watch(&mut self, has_loans: bool) {
        self.tick = match (self.waiting.is_empty(), has_loans) {
            (false, _) => WATCHFUL,
            (true, true) => CALM,
            (true, false) => Duration::ZERO,
        };
    }
}

/// Nanoseconds on the clock that all workers share.
pub(crate) fn now(host: &dyn Host) -> u64 {
    u64::try_from(host.monotonic().as_nanos()).unwrap_or(u64::MAX)
}
