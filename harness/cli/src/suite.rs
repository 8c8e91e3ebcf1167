//! Plays as one module what scenarios load as several: the suite.

use portcullis_kit::Module;
use portcullis_scenario::{PluginRef, Scenario};
use portcullis_sim::PluginSetup;
use portcullis_suite::{MEMBERS, Suite};
use serde_json::{Map, Value};

/// From now on filters of ours that stand one behind the other, in the order of the suite, are one plugin. A scenario about a
/// configuration that is refused stays as it is: the line in the log is another one.
pub(crate) fn join(scenario: &mut Scenario) {
    if scenario.refusal.is_some() {
        return;
    }
    let suite = scenario.plugins.len();
    let mut joined: Vec<(PluginSetup, Option<Run>)> = Vec::new();
    for plugin in std::mem::take(&mut scenario.setup.plugins) {
        let place = place(scenario.plugins.get(plugin.code), &plugin);
        match (place, joined.last_mut()) {
            (Some((place, config)), Some((first, Some(run))))
                if run.last < place && is_alike(first, &plugin) =>
            {
                run.add(place, config);
            }
            (Some((place, config)), _) => {
                joined.push((PluginSetup { code: suite, ..plugin }, Some(Run::new(place, config))));
            }
            (None, _) => joined.push((plugin, None)),
        }
    }
    let plugins = joined.into_iter().map(|(plugin, run)| match run {
        Some(run) => {
            PluginSetup { configuration: Value::Object(run.members).to_string().into_bytes(), ..plugin }
        }
        None => plugin,
    });
    scenario.setup.plugins = plugins.collect();
    scenario.plugins.push(PluginRef::Filter(Suite::TITLE.to_owned()));
    // Figures and journals are those of other modules.
    scenario.golden_fuel = None;
    scenario.steps.iter_mut().for_each(|step| step.golden = None);
}

/// Filters that stand one behind the other.
struct Run {
    last: usize,
    members: Map<String, Value>,
}

impl Run {
    fn new(place: usize, config: Value) -> Self {
        let mut run = Self { last: place, members: Map::new() };
        run.add(place, config);
        run
    }

    fn add(&mut self, place: usize, config: Value) {
        self.last = place;
        if let Some((member, _)) = MEMBERS.get(place) {
            self.members.insert((*member).to_owned(), config);
        }
    }
}

/// Which member of the suite a plugin is, and its configuration.
fn place(plugin: Option<&PluginRef>, setup: &PluginSetup) -> Option<(usize, Value)> {
    let PluginRef::Filter(name) = plugin? else { return None };
    let place = MEMBERS.iter().position(|(_, filter)| filter == name)?;
    Some((place, serde_json::from_slice(&setup.configuration).ok()?))
}

/// Whether two plugins differ in nothing but their code, name and configuration.
fn is_alike(one: &PluginSetup, other: &PluginSetup) -> bool {
    let rest = |plugin: &PluginSetup| PluginSetup {
        code: 0,
        name: String::new(),
        configuration: Vec::new(),
        ..plugin.clone()
    };
    rest(one) == rest(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &str = "\nsteps: [{request: {}}]";

    /// What plugins become: the module of each, and its configuration.
    fn played(text: &str) -> Vec<(PluginRef, String)> {
        joined(&format!("{text}{STEPS}"))
    }

    fn joined(text: &str) -> Vec<(PluginRef, String)> {
        let text = format!("name: n\n{text}\n");
        let mut scenario = Scenario::load("s.yaml", &text, &|_| Err(String::new())).unwrap();
        join(&mut scenario);
        let plugins = scenario.setup.plugins.into_iter();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        plugins.map(|it| (scenario.plugins[it.code].clone(), text(it.configuration))).collect()
    }

    fn suite(config: &str) -> (PluginRef, String) {
        (PluginRef::Filter("portcullis".to_owned()), config.to_owned())
    }

    #[test]
    fn filters_in_the_order_of_the_suite_become_one_plugin() {
        let three = "plugins: [{filter: trace-injection, config: {}}, {filter: jwt-auth, config: {a: 1}}, {filter: token-bucket, config: {b: 2}}]";
        assert_eq!(
            played(three),
            [suite(r#"{"jwt_auth":{"a":1},"token_bucket":{"b":2},"trace_injection":{}}"#)]
        );
        assert_eq!(played("filter: audit-log\nconfig: {c: 3}"), [suite(r#"{"audit_log":{"c":3}}"#)]);
    }

    #[test]
    fn what_the_suite_cannot_be_stays_apart() {
        let turned = "plugins: [{filter: jwt-auth, config: {}}, {filter: audit-log, config: {}}, {filter: audit-log, config: {}}]";
        let audit = suite(r#"{"audit_log":{}}"#);
        assert_eq!(played(turned), [suite(r#"{"jwt_auth":{}}"#), audit.clone(), audit]);
        let others =
            "plugins: [{filter: jwt-auth, config: {}}, {module: m.wasm}, {filter: token-bucket, config: {}}]";
        let module = (PluginRef::Module("m.wasm".to_owned()), String::new());
        assert_eq!(played(others), [suite(r#"{"jwt_auth":{}}"#), module, suite(r#"{"token_bucket":{}}"#)]);
        let vms = "plugins: [{filter: jwt-auth, vm_id: a, config: {}}, {filter: token-bucket, vm_id: b, config: {}}]";
        assert_eq!(played(vms), [suite(r#"{"jwt_auth":{}}"#), suite(r#"{"token_bucket":{}}"#)]);
        let refused = "filter: jwt-auth\nconfig: {}\nconfig_error: {contains: x}";
        assert_eq!(joined(refused), [(PluginRef::Filter("jwt-auth".to_owned()), "{}".to_owned())]);
    }
}
