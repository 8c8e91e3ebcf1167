//! Members of a configuration that do not go together: what would do nothing, or harm.

use portcullis_kit::ConfigError;

use crate::config::{
    Parent, Side, TraceInjectionConfig, TraceResponse, Treatment, TrustConfig, TrustRuleConfig,
    WithEnvoyTracing,
};

pub(super) fn check(config: &TraceInjectionConfig) -> Result<(), ConfigError> {
    let mistake = |member: &str, problem: &str| Err(ConfigError::at(member, problem));
    if config.with_envoy_tracing == WithEnvoyTracing::Complement {
        return complements(config);
    }
    if config.trust.is_none() && config.baggage.untrusted.is_some() {
        return mistake("baggage.untrusted", "everybody is trusted; write trust, or leave it out");
    }
    if config.export.is_none() {
        if config.trust.as_ref().is_some_and(links) {
            return mistake("trust", "link needs a span that links; write export, or drop in its place");
        }
        if config.sampling.errors {
            return mistake("sampling.errors", "true, and there are no spans; write export, or leave it out");
        }
        if config.spans.is_some() {
            return mistake("spans", "there are none; write export, or leave it out");
        }
    }
    if config.each_try && config.side != Side::Client {
        return mistake("each_try", "true, and tries are made on the client's side; write side: client");
    }
    // Envoy 1.40 ends with a segmentation fault where a filter of a cluster reads `source.address` and the request is one of Envoy's own.
    let by_sender = |rule: &TrustRuleConfig| rule.addresses.is_some() || rule.peers.is_some();
    if config.each_try && config.trust.as_ref().is_some_and(|trust| trust.rules.iter().any(by_sender)) {
        let problem = "a filter that runs for each try does not see who has sent the request; leave out addresses and peers";
        return mistake("trust.rules", problem);
    }
    Ok(())
}

fn links(trust: &TrustConfig) -> bool {
    trust.rules.iter().map(|rule| rule.parent).chain([trust.otherwise]).any(|it| it == Treatment::Link)
}

/// Envoy has continued a trace, or begun one, and decided about it, before any filter runs.
fn complements(config: &TraceInjectionConfig) -> Result<(), ConfigError> {
    let sampling = &config.sampling;
    let decides = sampling.sampler.is_some()
        || !sampling.rules.is_empty()
        || sampling.parent != Parent::Follow
        || sampling.errors;
    let all = [
        ("export", config.export.is_some()),
        ("spans", config.spans.is_some()),
        ("trust", config.trust.is_some()),
        ("baggage.untrusted", config.baggage.untrusted.is_some()),
        ("sampling", decides),
        ("each_try", config.each_try),
        ("traceresponse", config.traceresponse != TraceResponse::Never),
        ("filter_state", config.filter_state),
    ];
    if let Some((member, _)) = all.iter().find(|(_, is_there)| *is_there) {
        let problem = "Envoy's tracer has done this before the filter runs; leave it out, or write with_envoy_tracing: replace";
        return Err(ConfigError::at(*member, problem));
    }
    if config.extract.len() == 1 && config.extract == config.inject {
        let problem = "the same as extract, and nothing would change; write the dialects that Envoy's tracer does not write, as in [b3]";
        return Err(ConfigError::at("inject", problem));
    }
    Ok(())
}
