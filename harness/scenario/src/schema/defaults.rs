use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{ClusterFile, ProfileName, ReachabilityName, RequestFile, ScenarioFile, SharedDatumFile};

/// A file under `include` that has these keys and no others; any other file is a map of variables.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncludedFile {
    /// Variables.
    #[serde(default)]
    pub vars: BTreeMap<String, Value>,
    /// What holds where a scenario says nothing else.
    #[serde(default)]
    pub defaults: DefaultsFile,
}

/// What holds where a scenario says nothing else.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsFile {
    /// For a scenario that names no filter, module or plugins.
    pub filter: Option<String>,
    /// For a scenario that names no filter, module or plugins.
    pub module: Option<String>,
    /// Members of `config` that the scenario does not set, at any depth; for a scenario with one plugin and no `config_text`.
    pub config: Option<Value>,
    /// As in a scenario.
    pub clock: Option<String>,
    /// As in a scenario.
    pub workers: Option<u32>,
    /// As in a scenario.
    pub seed: Option<u64>,
    /// As in a scenario.
    pub profile: Option<ProfileName>,
    /// As in a scenario.
    pub upstream: Option<ReachabilityName>,
    /// Clusters that the scenario does not have.
    #[serde(default)]
    pub clusters: BTreeMap<String, ClusterFile>,
    /// Comes before the scenario's own.
    #[serde(default)]
    pub shared_data: Vec<SharedDatumFile>,
    /// What each request has that it does not set itself, header by header. An empty list takes a header away again:
    /// `x-a: []`.
    #[serde(default)]
    pub request: RequestFile,
}

impl DefaultsFile {
    /// These, and under them what `other` has.
    pub(crate) fn over(mut self, other: Self) -> Self {
        if self.filter.is_none() && self.module.is_none() {
            (self.filter, self.module) = (other.filter, other.module);
        }
        self.config = merged(self.config, other.config);
        self.clock = self.clock.or(other.clock);
        self.workers = self.workers.or(other.workers);
        self.seed = self.seed.or(other.seed);
        self.profile = self.profile.or(other.profile);
        self.upstream = self.upstream.or(other.upstream);
        under(&mut self.clusters, other.clusters);
        self.shared_data.splice(0..0, other.shared_data);
        self.request.fill(&other.request);
        self
    }
}

impl ScenarioFile {
    /// Takes over what it does not say itself.
    pub(crate) fn fill(&mut self, defaults: DefaultsFile) {
        let one = self.plugins.is_empty();
        if one && self.filter.is_none() && self.module.is_none() {
            (self.filter, self.module) = (defaults.filter, defaults.module);
        }
        if one && self.config_text.is_none() {
            self.config = merged(self.config.take(), defaults.config);
        }
        self.clock = self.clock.take().or(defaults.clock);
        self.workers = self.workers.or(defaults.workers);
        self.seed = self.seed.or(defaults.seed);
        self.profile = self.profile.or(defaults.profile);
        self.upstream = self.upstream.or(defaults.upstream);
        under(&mut self.clusters, defaults.clusters);
        self.shared_data.splice(0..0, defaults.shared_data);
        for step in &mut self.steps {
            let step = &mut step.value;
            let cases = step.cases.iter_mut().filter_map(|case| case.request.as_mut());
            let concurrent = step.concurrent.iter_mut().map(|sent| &mut sent.request);
            step.request.iter_mut().chain(cases).chain(concurrent).for_each(|it| it.fill(&defaults.request));
        }
    }
}

impl RequestFile {
    fn fill(&mut self, defaults: &Self) {
        let or = |own: &mut Option<String>, default: &Option<String>| {
            *own = own.take().or_else(|| default.clone());
        };
        or(&mut self.method, &defaults.method);
        or(&mut self.path, &defaults.path);
        or(&mut self.host, &defaults.host);
        self.protocol = self.protocol.or(defaults.protocol);
        self.worker = self.worker.or(defaults.worker);
        self.body = self.body.take().or_else(|| defaults.body.clone());
        self.trailers = self.trailers.take().or_else(|| defaults.trailers.clone());
        under(&mut self.headers, defaults.headers.clone());
    }
}

fn under<T>(own: &mut BTreeMap<String, T>, defaults: BTreeMap<String, T>) {
    for (name, value) in defaults {
        own.entry(name).or_insert(value);
    }
}

/// The members of both, at any depth; where both have one, it is the scenario's own.
fn merged(own: Option<Value>, default: Option<Value>) -> Option<Value> {
    match (own, default) {
        (Some(Value::Object(mut own)), Some(Value::Object(defaults))) => {
            for (name, default) in defaults {
                let value = merged(own.remove(&name), Some(default));
                own.extend(value.map(|value| (name, value)));
            }
            Some(Value::Object(own))
        }
        (own, default) => own.or(default),
    }
}
