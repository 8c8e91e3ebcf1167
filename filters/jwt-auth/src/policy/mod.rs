//! The configuration once it has been checked: after this, nothing in it can be wrong.

mod provider;
mod reply;
mod requirement;

use portcullis_kit::rules::{Matcher, Rules, is_token};
use portcullis_kit::{ConfigError, Headers, Host, Size, stat_prefix};
use sha2::{Digest, Sha256};

use crate::Condition;
use crate::config::{CacheConfig, JwtAuthConfig, Mode, ProviderConfig, RuleConfig};
use crate::denial::Denial;
use crate::metrics::metric_name;
use crate::outputs::reads_as;
use crate::provider::Provider;
use crate::trust::Trust;
pub(crate) use reply::Reply;
use requirement::Scope;
pub(crate) use requirement::{Need, Wanted};

/// What a request has to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule<'a> {
    pub(crate) need: &'a Need,
    /// What the claims of its tokens have to say besides.
    pub(crate) authorize: Option<&'a Condition>,
}

/// A validated [`JwtAuthConfig`].
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) providers: Vec<Provider>,
    pub(crate) rules: Rules<Option<Conditional>>,
    pub(crate) by_filter_state: Option<(String, Vec<(String, Need)>)>,
    pub(crate) otherwise: Need,
    /// Request headers that only we may set.
    pub(crate) reserved: Vec<String>,
    pub(crate) bypass_cors_preflight: bool,
    pub(crate) shadow: bool,
    pub(crate) reply: Reply,
    pub(crate) cache: CacheConfig,
    /// With an underscore behind it, or empty.
    pub(crate) stat_prefix: String,
}

impl Policy {
    /// Validates a configuration, and reads what the tokens of each provider are checked against.
    pub(crate) fn new(config: JwtAuthConfig) -> Result<(Self, Vec<Trust>), ConfigError> {
        let (providers, trust) = providers(config.providers)?;
        let scope = Scope::new(&providers, &config.requirements);
        for (name, requirement) in &config.requirements {
            scope.resolve(requirement, &format!("requirements.{name}"))?;
        }
        let otherwise = scope.resolve(&config.otherwise, "otherwise")?;
        let by_filter_state = config.by_filter_state.map(|state| {
            let path = |text: &str| format!("by_filter_state.requires.{text}");
            let requires = state.requires.iter();
            let needs = requires.map(|(text, it)| Ok((text.clone(), scope.resolve(it, &path(text))?)));
            Ok::<_, ConfigError>((state.name, needs.collect::<Result<Vec<_>, ConfigError>>()?))
        });
        let by_filter_state = by_filter_state.transpose()?;
        let mut needs = vec![&otherwise];
        needs.extend(by_filter_state.iter().flat_map(|(_, needs)| needs).map(|(_, need)| need));
        let rules = rules(&config.rules, &scope)?;
        needs.extend(rules.iter().map(|(_, (need, _))| need));
        marks_are_free(&providers, &needs)?;
        let reserved = reserved(&providers, &needs);
        headers_are_free(&providers, &config.rules, &reserved)?;
        if let Some(at) = rules.iter().position(|(matcher, _)| matcher.is_by_route()) {
            nothing_reroutes(&providers, &reserved)
                .map_err(|error| error.under(&format!("rules[{at}].match")))?;
        }
        let rules = rules.into_iter().map(|(matcher, rule)| (matcher, Some(rule)));
        let policy = Self {
            rules: Rules::new(rules.collect(), None),
            by_filter_state,
            otherwise,
            reserved,
            bypass_cors_preflight: config.bypass_cors_preflight,
            shadow: config.mode == Mode::Shadow,
            reply: Reply::try_from(config.reply).map_err(|error| error.under("reply"))?,
            cache: checked(config.cache).map_err(|error| error.under("cache"))?,
            stat_prefix: stat_prefix(config.stat_prefix)?,
            providers,
        };
        Ok((policy, trust))
    }
}

impl Policy {
    /// The token that a denial is about, for a log: a hash, since nothing of a token may be read there.
    pub(crate) fn token_hash(&self, denial: &Denial, request: &Headers) -> String {
        let provider = denial.provider.and_then(|index| self.providers.get(index));
        let mut tokens = provider.iter().flat_map(|it| &it.sources).flat_map(|source| source.tokens(request));
        let Some(token) = tokens.next() else { return String::new() };
        let digest: String = Sha256::digest(token).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!(", token sha256:{digest}")
    }

    /// What a request needs that no rule matches.
    pub(crate) fn unmatched(&self, host: &mut dyn Host) -> &Need {
        let Some((name, needs)) = &self.by_filter_state else { return &self.otherwise };
        let value = match name.strip_prefix("wasm.") {
            Some(property) => host.property(&[property]),
            None => host.property(&["filter_state", name]),
        };
        let found = needs.iter().find(|(text, _)| value.as_deref() == Some(text.as_bytes()));
        found.map_or(&self.otherwise, |(_, need)| need)
    }
}

fn providers(configured: Vec<ProviderConfig>) -> Result<(Vec<Provider>, Vec<Trust>), ConfigError> {
    if configured.is_empty() {
        return Err(ConfigError::at("providers", "empty; name at least one issuer and its keys"));
    }
    let (mut providers, mut trust): (Vec<Provider>, Vec<Trust>) = (Vec::new(), Vec::new());
    for (index, provider) in configured.into_iter().enumerate() {
        let path = format!("providers[{index}]");
        if providers.iter().any(|other| other.name == provider.name) {
            let problem =
                format!("{:?} is the name of another provider too; give each its own", provider.name);
            return Err(ConfigError::at(format!("{path}.name"), problem));
        }
        let counted = |name: &str| metric_name(name);
        if let Some(other) = providers.iter().find(|other| counted(&other.name) == counted(&provider.name)) {
            let problem = format!(
                "{:?} would be counted together with {:?}; metrics know letters, digits and _ alone",
                provider.name, other.name
            );
            return Err(ConfigError::at(format!("{path}.name"), problem));
        }
        let (provider, its) = Provider::new(provider).map_err(|error| error.under(&path))?;
        providers.push(provider);
        trust.push(its);
    }
    Ok((providers, trust))
}

type Conditional = (Need, Option<Condition>);

fn rules(configured: &[RuleConfig], scope: &Scope<'_>) -> Result<Vec<(Matcher, Conditional)>, ConfigError> {
    let rules = configured.iter().enumerate().map(|(index, rule)| {
        let path = format!("rules[{index}]");
        let matcher =
            Matcher::try_from(rule.matches.clone()).map_err(|e| e.under(&format!("{path}.match")))?;
        let need = scope.resolve(&rule.require, &format!("{path}.require"))?;
        let condition = rule.authorize.clone().map(Condition::try_from).transpose();
        let condition = condition.map_err(|error| error.under(&format!("{path}.authorize")))?;
        match condition.is_some() && !need.is_about_verified_tokens() {
            true => Err(ConfigError::at(
                format!("{path}.authorize"),
                "require lets requests pass without a token that was checked, so there are no claims to go by; require a provider",
            )),
            false => Ok((matcher, (need, condition))),
        }
    });
    rules.collect()
}

/// What says that claims are unchecked must not be one of them.
fn marks_are_free(providers: &[Provider], needs: &[&Need]) -> Result<(), ConfigError> {
    for (index, provider) in providers.iter().enumerate() {
        let mut outputs = provider.outputs.header_names();
        let marks = || needs.iter().flat_map(|need| need.status_headers());
        if let Some(name) = outputs.find(|name| marks().any(|mark| reads_as(name.as_bytes(), mark))) {
            let problem =
                format!("{name:?} is the status_header of an extract_only too; name another header");
            return Err(ConfigError::at(format!("providers[{index}]"), problem));
        }
    }
    Ok(())
}

/// Request headers that only we may set.
fn reserved(providers: &[Provider], needs: &[&Need]) -> Vec<String> {
    let outputs = providers.iter().flat_map(|provider| provider.outputs.header_names());
    let mut names: Vec<_> = outputs.chain(needs.iter().flat_map(|need| need.status_headers())).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

/// Envoy picks the route anew after a filter has changed the request headers, and a decision by the first route would hold for
/// another. So nothing may be changed where a rule decides by route or cluster.
fn nothing_reroutes(providers: &[Provider], reserved: &[String]) -> Result<(), ConfigError> {
    let changes = |provider: &&Provider| !provider.forward || provider.clear_route_cache;
    let what = match (reserved.first(), providers.iter().find(changes)) {
        (Some(header), _) => format!("{header:?} is set and removed"),
        (None, Some(provider)) => format!("provider {:?} takes the token out", provider.name),
        (None, None) => return Ok(()),
    };
    let problem = format!(
        "route and cluster cannot be trusted once headers change, and {what}; match on host and path, or write forward: true for every provider, and no claims_to_headers, payload_header, extract_only and clear_route_cache",
    );
    Err(ConfigError::at("", problem))
}

/// What a client sends under the name of a header of ours is removed before rules and tokens are looked at: neither would ever be
/// found there.
fn headers_are_free(
    providers: &[Provider],
    rules: &[RuleConfig],
    reserved: &[String],
) -> Result<(), ConfigError> {
    let is_ours =
        |name: &str| reserved.iter().any(|header| reads_as(name.to_ascii_lowercase().as_bytes(), header));
    for (index, provider) in providers.iter().enumerate() {
        if let Some(at) = provider.sources.iter().position(|source| is_ours(source.header())) {
            let path = format!("providers[{index}].from[{at}]");
            return Err(ConfigError::at(
                path,
                "this header is for what we hand on, as no client may; name another",
            ));
        }
    }
    for (index, rule) in rules.iter().enumerate() {
        let headers = rule.matches.headers.iter().flatten();
        if let Some(at) = headers.into_iter().position(|header| is_ours(&header.name)) {
            let path = format!("rules[{index}].match.headers[{at}].name");
            return Err(ConfigError::at(
                path,
                "this header is for what we hand on, and no client can send it; name another",
            ));
        }
    }
    Ok(())
}

/// A module has at most 4 GiB, and nothing is left to do where they are gone.
fn checked(cache: CacheConfig) -> Result<CacheConfig, ConfigError> {
    const MOST: Size = Size::from_kib(256 << 10);
    const LONGEST: Size = Size::from_kib(16);
    for (member, size, most) in [
        ("verified", cache.verified, MOST),
        ("rejected", cache.rejected, MOST),
        ("max_token", cache.max_token, LONGEST),
    ] {
        if size > most {
            return Err(ConfigError::at(member, format!("{size}; write at most {most}")));
        }
    }
    Ok(cache)
}

/// A field name in lower case (RFC 9110 section 5.1). Those by which proxies route, frame and report are not for claims and
/// tokens.
fn header_name(name: &str) -> Result<String, ConfigError> {
    const RESERVED: [&str; 13] = [
        "connection",
        "content-length",
        "content-type",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let lower = name.to_ascii_lowercase();
    let is_proxys = ["x-forwarded-", "x-envoy-"].iter().any(|prefix| lower.starts_with(prefix));
    if !is_token(&lower) || is_proxys || RESERVED.contains(&lower.as_str()) {
        let problem = format!("{name:?} is not a header for this; write one such as x-jwt-sub");
        return Err(ConfigError::at("", problem));
    }
    Ok(lower)
}
