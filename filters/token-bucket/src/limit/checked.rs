use std::time::Duration;

use portcullis_kit::bucket::{Quota, Rate};
use portcullis_kit::parts::{Member, OneOf, Part, PartConfig};
use portcullis_kit::rules::{Matcher, Rules, is_token};
use portcullis_kit::{ConfigError, Statuses, stat_name};

use super::{After, Delay, Enforce, Limit, Refund, Seats};
use crate::config::{
    AfterConfig, CostFrom, DelayConfig, EnforceConfig, Evicted, LimitConfig, Mode, RefundConfig, Scope,
    TierConfig,
};
use crate::key::Key;
use crate::table::Shape;

const MOST_KEYS: u64 = 16 << 20;
const MOST_LEASED: u32 = 1 << 20;
/// The most that one request or response may cost: what the largest single number in use is (Envoy's `hits_addend`).
const MOST_TOKENS: u64 = 1_000_000_000;
/// How long a request may wait at most.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

impl TryFrom<LimitConfig> for Limit {
    type Error = ConfigError;

    fn try_from(config: LimitConfig) -> Result<Self, ConfigError> {
        fits_together(&config)?;
        let delay = config.delay.as_ref().map(|delay| delay.max.0).unwrap_or_default();
        if let Some(delay) = &config.delay {
            checked_delay(delay)?;
        }
        let after = config.after.into_iter().enumerate().map(|(index, after)| {
            After::try_from(after).map_err(|error| error.under(&format!("after[{index}]")))
        });
        let after = after.collect::<Result<Vec<_>, _>>()?;
        let key = Key::new(config.key).map_err(|error| error.under("key"))?;
        if config.scope == Scope::Global {
            key.check_names().map_err(|error| error.under("key"))?;
        }
        let has_key = !key.is_empty();
        let dearest = after.iter().map(After::most).fold(0, u64::saturating_add);
        let quotas = quotas(config.rate, config.burst, &config.tiers, nanos(delay), dearest)?;
        let smallest = quotas.iter().map(Quota::burst).min().unwrap_or(1);
        let cost = config.cost.unwrap_or(1);
        if let Some(at) = quotas.iter().position(|quota| cost > quota.burst()) {
            let who = at.checked_sub(1).map(|tier| format!(" of tiers[{tier}]")).unwrap_or_default();
            let burst = quotas.get(at).map_or(0, Quota::burst);
            let problem =
                format!("{cost}, and no request{who} would ever pass; write at most its burst, {burst}");
            return Err(ConfigError::at("cost", problem));
        }
        let when = config.when.map(Matcher::try_from).transpose().map_err(|error| error.under("when"))?;
        Ok(Self {
            name: stat_name(config.name)?,
            scope: config.scope,
            lease: lease(config.lease, smallest)?,
            ahead: config.ahead,
            quotas,
            tiers: members(config.tiers.into_iter().map(|tier| (tier.of, tier.values)), "tiers")?,
            shape: shape(&key, config.max_keys)?,
            key,
            when: when.map(|matcher| Rules::new(vec![(matcher, true)], false)),
            exempt: members(config.exempt.into_iter().map(|it| (it.of, it.values)), "exempt")?,
            cost,
            cost_from: config.cost_from.map(cost_from).transpose()?,
            start: config.start,
            remembers: config.evicted == Evicted::Remembered,
            delay: config
                .delay
                .map(|it| Delay { longest: nanos(it.max.0), seats: seats(it.max_waiting, has_key) }),
            after,
            refund: config.refund.map(refund).transpose()?,
            enforce: enforce(config.mode, config.enforce)?,
            failure_mode: config.failure_mode,
        })
    }
}

/// What only counts with the rate limit service, and what it has no words for.
fn fits_the_service(config: &LimitConfig) -> Result<(), ConfigError> {
    let fail = |member: &str, problem: &str| Err(ConfigError::at(member, problem));
    if config.key.is_empty() {
        return fail(
            "key",
            "empty, and the rate limit service needs a descriptor; write key: [{constant: all}] for one bucket of all",
        );
    }
    if config.cost == Some(0) {
        return fail("cost", "0, and servers read that as 1; write at least 1");
    }
    let dearest = config.cost.unwrap_or(1).max(config.cost_from.as_ref().map_or(0, |from| from.max));
    if config.ahead.is_some_and(|tokens| u64::from(tokens) < dearest) {
        return fail(
            "ahead",
            "less than a request may cost, and such a request would never pass; write more",
        );
    }
    if config.delay.is_some() {
        return fail(
            "delay",
            "the rate limit service does not say when tokens come; leave it out, or change the scope",
        );
    }
    if config.refund.is_some() {
        return fail(
            "refund",
            "the rate limit service takes nothing back; leave it out, or change the scope",
        );
    }
    Ok(())
}

fn checked_delay(delay: &DelayConfig) -> Result<(), ConfigError> {
    if delay.max.0.is_zero() || delay.max.0 > LONGEST_DELAY {
        return Err(ConfigError::at(
            "delay.max",
            format!("{}; write a time up to 60s, or leave delay out", delay.max),
        ));
    }
    match delay.max_waiting {
        0 => Err(ConfigError::at(
            "delay.max_waiting",
            "0, and nobody could wait; write at least 1, or leave delay out",
        )),
        _ => Ok(()),
    }
}

/// No key keeps more than a quarter of the seats from the others.
fn seats(max_waiting: u32, has_key: bool) -> Seats {
    let all = usize::try_from(max_waiting).unwrap_or(usize::MAX);
    Seats { all, of_key: if has_key { all.div_ceil(4) } else { all } }
}

/// Members that contradict each other, or would do nothing.
fn fits_together(config: &LimitConfig) -> Result<(), ConfigError> {
    let fail = |member: &str, problem: &str| Err(ConfigError::at(member, problem));
    let is_global = config.scope == Scope::Global;
    if config.lease.is_some() && config.scope != Scope::Leased {
        return fail("lease", "only scope: leased has it; change the scope or leave it out");
    }
    if config.ahead.is_some() && !is_global {
        return fail("ahead", "only scope: global has it; change the scope or leave it out");
    }
    if config.ahead.is_some_and(|tokens| tokens == 0 || tokens > MOST_LEASED) {
        return fail("ahead", "not from 1 to 1048576; write how many tokens to take in advance");
    }
    if config.max_keys.is_some() && config.key.is_empty() {
        return fail("max_keys", "there is one bucket without a key; write a key or leave it out");
    }
    if config.max_keys.is_some() && is_global {
        return fail("max_keys", "the rate limit service keeps the buckets; leave it out");
    }
    if config.cost == Some(0) && config.refund.is_some() {
        return fail(
            "refund",
            "a request takes nothing (cost: 0), so nothing goes back; leave out one of the two",
        );
    }
    if config.cost_from.as_ref().is_some_and(|from| (1..config.cost.unwrap_or(1)).contains(&from.max)) {
        return fail("cost_from.max", "less than cost, which every request takes; write more");
    }
    if is_global {
        fits_the_service(config)?;
    }
    if config.mode == Mode::Shadow && config.enforce.is_some() {
        return fail("enforce", "nothing is enforced in mode: shadow; leave out one of the two");
    }
    let share = config.enforce.as_ref().filter(|enforce| enforce.by.is_none());
    if share.is_some() && config.key.is_empty() {
        return fail(
            "enforce.by",
            "missing, and there is no key to choose by; name a part, a header for instance",
        );
    }
    match config.start {
        Some(start) if start > config.burst.unwrap_or_else(|| config.rate.written().into()) => {
            fail("start", "more than the burst; write at most that, or leave it out for a full bucket")
        }
        _ => Ok(()),
    }
}

fn quotas(
    rate: Rate,
    burst: Option<u64>,
    tiers: &[TierConfig],
    delay: u64,
    dearest: u64,
) -> Result<Vec<Quota>, ConfigError> {
    let all = [(String::new(), rate, burst)].into_iter().chain(
        tiers.iter().enumerate().map(|(index, tier)| (format!("tiers[{index}]."), tier.rate, tier.burst)),
    );
    let quotas = all.map(|(path, rate, burst)| {
        let at = |problem| ConfigError::at(format!("{path}burst"), problem);
        let burst = burst.unwrap_or_else(|| rate.written().into());
        if burst == 0 {
            return Err(at(
                "0, and no request would ever pass; write how many tokens the bucket holds".to_owned()
            ));
        }
        let quota = Quota::new(rate, burst).ok_or_else(|| {
            at(format!(
                "{burst} at {rate} take more than 100 years to come; write a smaller burst or a faster rate"
            ))
        })?;
        // What the dearest response costs may come on top of an empty bucket, and that of another one beside it.
        let behind = quota.comes_in(dearest.saturating_mul(2));
        Ok(quota.with_overdraft(delay.max(behind)))
    });
    quotas.collect()
}

fn lease(configured: Option<u32>, burst: u64) -> Result<u32, ConfigError> {
    match configured {
        None => Ok(u32::try_from(burst / 8).unwrap_or(u32::MAX).clamp(1, 1024)),
        Some(tokens) if tokens > 0 && tokens <= MOST_LEASED && u64::from(tokens) <= burst => Ok(tokens),
        Some(tokens) => Err(ConfigError::at(
            "lease",
            format!("{tokens}; write a number from 1 to the burst, at most {MOST_LEASED}"),
        )),
    }
}

fn shape(key: &Key, max_keys: Option<u64>) -> Result<Shape, ConfigError> {
    match max_keys {
        _ if key.is_empty() => Ok(Shape::ONE),
        None => Ok(Shape::of_keys(65_536)),
        Some(keys) if (1..=MOST_KEYS).contains(&keys) => Ok(Shape::of_keys(keys)),
        Some(keys) => {
            Err(ConfigError::at("max_keys", format!("{keys}; write a number from 1 to {MOST_KEYS}")))
        }
    }
}

fn members(
    configured: impl Iterator<Item = (PartConfig, Vec<String>)>,
    member: &str,
) -> Result<Vec<Member>, ConfigError> {
    let members = configured.enumerate().map(|(index, (of, values))| {
        let one = OneOf { of, values };
        Member::try_from(one).map_err(|error| error.under(&format!("{member}[{index}]")))
    });
    members.collect()
}

fn cost_from(config: CostFrom) -> Result<CostFrom, ConfigError> {
    Ok(CostFrom {
        header: header(config.header, "cost_from.header")?,
        max: tokens(config.max, "cost_from.max")?,
    })
}

fn refund(config: RefundConfig) -> Result<Refund, ConfigError> {
    if config.statuses.is_empty() && !config.unanswered {
        return Err(ConfigError::at("refund", "never happens; write statuses, or unanswered: true"));
    }
    let statuses = Statuses::new(&config.statuses).map_err(|error| error.under("refund.statuses"))?;
    Ok(Refund { statuses, unanswered: config.unanswered })
}

fn enforce(mode: Mode, config: Option<EnforceConfig>) -> Result<Enforce, ConfigError> {
    match (mode, config) {
        (Mode::Shadow, _) => Ok(Enforce::Never),
        (Mode::Enforce, None) => Ok(Enforce::Always),
        (Mode::Enforce, Some(EnforceConfig { percent, .. })) if percent > 100 => {
            Err(ConfigError::at("enforce.percent", format!("{percent}; write a number from 0 to 100")))
        }
        (Mode::Enforce, Some(EnforceConfig { percent, by })) => {
            let by = by.map(Part::plain).transpose().map_err(|error| error.under("enforce.by"))?;
            Ok(Enforce::Percent(percent, by))
        }
    }
}

impl TryFrom<AfterConfig> for After {
    type Error = ConfigError;

    fn try_from(config: AfterConfig) -> Result<Self, ConfigError> {
        let most = tokens(config.tokens, "tokens")?;
        match (config.header, config.bytes, config.statuses) {
            (Some(name), None, None) => Ok(Self::Header { name: header(name, "header")?, most }),
            (None, Some(size), None) if size.0 > 0 => Ok(Self::Bytes { per_token: size.0, most }),
            (None, Some(_), None) => {
                Err(ConfigError::at("bytes", "0B; write how many bytes one token is for"))
            }
            (None, None, Some(statuses)) if statuses.is_empty() => Err(ConfigError::at(
                "statuses",
                "empty, so it never costs anything; write one as 404, 5xx or 500-599",
            )),
            (None, None, Some(statuses)) => {
                let statuses = Statuses::new(&statuses).map_err(|error| error.under("statuses"))?;
                Ok(Self::Statuses { statuses, tokens: most })
            }
            _ => Err(ConfigError::at(
                "",
                "not exactly one of header, bytes and statuses; write one entry for each",
            )),
        }
    }
}

fn header(name: String, member: &str) -> Result<String, ConfigError> {
    match is_token(&name) {
        true => Ok(name.to_ascii_lowercase()),
        false => {
            Err(ConfigError::at(member, format!("{name:?} is no header name; write one such as x-cost")))
        }
    }
}

fn tokens(tokens: u64, member: &str) -> Result<u64, ConfigError> {
    match (1..=MOST_TOKENS).contains(&tokens) {
        true => Ok(tokens),
        false => Err(ConfigError::at(member, format!("{tokens}; write a number from 1 to {MOST_TOKENS}"))),
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
