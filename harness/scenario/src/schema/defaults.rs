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
        if one && self.config_text.is_none() && self.config_from.is_none() {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::parse_scenario;

    fn defaults(text: &str) -> DefaultsFile {
        parse_scenario("d", text).unwrap()
    }

    #[test]
    fn what_a_scenario_says_itself_goes_before_defaults() {
        let text = "name: n\nfilter: own\nconfig: {a: {b: 1}, l: [1]}\nworkers: 2\nclusters: {x: {answers: [{status: 201}]}}\n\
                    shared_data: [{key: own, value: v}]\n\
                    steps: [{request: {path: /own, headers: {x-a: own, x-b: []}}}, {concurrent: [{request: {}}]}]\n";
        let mut scenario: ScenarioFile = parse_scenario("s", text).unwrap();
        scenario.fill(defaults(
            "{module: other, config: {a: {b: 2, c: 3}, d: 4, l: [5, 6]}, workers: 4, seed: 9,
              clusters: {x: {}, y: {}}, shared_data: [{key: first, value: v}],
              request: {method: PUT, path: /x, headers: {x-a: d, x-b: d, x-c: d}}}",
        ));
        assert_eq!((scenario.filter.as_deref(), scenario.module), (Some("own"), None));
        assert_eq!(scenario.config, Some(json!({"a": {"b": 1, "c": 3}, "d": 4, "l": [1]})));
        assert_eq!((scenario.workers, scenario.seed), (Some(2), Some(9)));
        assert_eq!(scenario.clusters["x"].answers.len(), 1);
        assert!(scenario.clusters.contains_key("y") && scenario.shared_data.len() == 2);
        let request = scenario.steps[0].value.request.as_ref().unwrap();
        assert_eq!((request.method.as_deref(), request.path.as_deref()), (Some("PUT"), Some("/own")));
        assert_eq!(request.headers.len(), 3);
        let concurrent = &scenario.steps[1].value.concurrent[0].request;
        assert_eq!(concurrent.path.as_deref(), Some("/x"));
    }

    #[test]
    fn the_later_defaults_go_before_the_earlier() {
        let both = defaults("{filter: later, config: {a: 1}}")
            .over(defaults("{module: m, config: {a: 2, b: 3}, seed: 1}"));
        assert_eq!((both.filter.as_deref(), both.module, both.seed), (Some("later"), None, Some(1)));
        assert_eq!(both.config, Some(json!({"a": 1, "b": 3})));
    }

    #[test]
    fn a_chain_and_a_configuration_as_text_take_no_default_plugin() {
        let mut chain: ScenarioFile = parse_scenario("s", "name: n\nplugins: [{module: m}]\n").unwrap();
        chain.fill(defaults("{filter: f, config: {a: 1}}"));
        assert_eq!((chain.filter, chain.config), (None, None));
        let mut text: ScenarioFile = parse_scenario("s", "name: n\nconfig_text: t\n").unwrap();
        text.fill(defaults("{filter: f, config: {a: 1}}"));
        assert_eq!((text.filter.as_deref(), text.config), (Some("f"), None));
    }
}
