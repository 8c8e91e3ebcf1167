use portcullis_kit::{ConfigError, UnixTime};
use portcullis_sim::{
    Answer, Cluster, FailurePolicy, Faults, PluginSetup, Profile, Reachability, Setup, SharedDatum,
};
use serde_json::Value;

use super::capabilities::known;
use super::message::{answer, bytes};
use crate::scenario::PluginRef;
use crate::schema::{
    ClusterFile, FailurePolicyName, FaultsFile, PluginFile, ProfileName, ReachabilityName, ScenarioFile,
    SharedDatumFile,
};
use crate::vars::Vars;

/// More of them tell no more, and each has a VM per module.
const MOST_WORKERS: u32 = 64;
/// Each has a VM per worker.
const MOST_PLUGINS: usize = 64;

impl From<FaultsFile> for Faults {
    fn from(file: FaultsFile) -> Self {
        let FaultsFile { cas_conflicts, call_outs_percent, upstream_percent } = file;
        Self { cas_conflicts, call_outs_percent, upstream_percent }
    }
}

/// What is to be loaded, each once, and how.
pub(super) fn setup(file: &ScenarioFile, vars: &Vars) -> Result<(Vec<PluginRef>, Setup), ConfigError> {
    let (references, plugins) = chain(file, vars)?;
    let workers = file.workers.unwrap_or(1);
    if !(1..=MOST_WORKERS).contains(&workers) {
        return Err(ConfigError::at("workers", format!("{workers}; write 1 to {MOST_WORKERS}")));
    }
    let clusters = file.clusters.iter().map(|(name, cluster)| {
        let built = build_cluster(cluster, vars).map_err(|error| error.under(&format!("clusters.{name}")))?;
        Ok((name.clone(), built))
    });
    let shared_data = file.shared_data.iter().enumerate().map(|(index, datum)| {
        shared_datum(datum, vars).map_err(|error| error.under(&format!("shared_data[{index}]")))
    });
    let setup = Setup {
        plugins,
        workers,
        clock: file.clock.as_deref().map(clock).transpose()?,
        seed: file.seed.unwrap_or_default(),
        profile: file.profile.map_or(Profile::Envoy, Profile::from),
        upstream: file.upstream.map_or(Reachability::Healthy, Reachability::from),
        clusters: clusters.collect::<Result<_, ConfigError>>()?,
        shared_data: shared_data.collect::<Result<_, _>>()?,
        interleaving: None,
        faults: Faults::from(file.faults),
        costs: !file.budget.is_empty() || file.golden_fuel.is_some(),
        journal: false,
    };
    let Faults { call_outs_percent, upstream_percent, .. } = setup.faults;
    for (member, percent) in
        [("call_outs_percent", call_outs_percent), ("upstream_percent", upstream_percent)]
    {
        if percent > 100 {
            return Err(ConfigError::at(format!("faults.{member}"), "a hundred is all of them"));
        }
    }
    Ok((references, setup))
}

fn chain(file: &ScenarioFile, vars: &Vars) -> Result<(Vec<PluginRef>, Vec<PluginSetup>), ConfigError> {
    let one = PluginFile {
        filter: file.filter.clone(),
        module: file.module.clone(),
        config: file.config.clone(),
        config_text: file.config_text.clone(),
        ..PluginFile::default()
    };
    if file.plugins.len() > MOST_PLUGINS {
        let problem = format!("{} of them; write 1 to {MOST_PLUGINS}", file.plugins.len());
        return Err(ConfigError::at("plugins", problem));
    }
    let mut references = Vec::new();
    if file.plugins.is_empty() {
        let plugin = build_plugin(&one, &mut references, vars)?;
        return Ok((references, vec![plugin]));
    }
    if one.filter.is_some() || one.module.is_some() || one.config.is_some() || one.config_text.is_some() {
        let problem =
            "there is a plugin beside the list too; write filter, module and config within the list";
        return Err(ConfigError::at("plugins", problem));
    }
    let plugins = file.plugins.iter().enumerate().map(|(index, plugin)| {
        build_plugin(plugin, &mut references, vars).map_err(|error| error.under(&format!("plugins[{index}]")))
    });
    let plugins = plugins.collect::<Result<_, _>>()?;
    Ok((references, plugins))
}

/// One plugin; what it loads is added to `references` unless it is there already.
fn build_plugin(
    file: &PluginFile,
    references: &mut Vec<PluginRef>,
    vars: &Vars,
) -> Result<PluginSetup, ConfigError> {
    let reference = reference(file)?;
    known(&file.capabilities)?;
    let code = references.iter().position(|known| *known == reference).unwrap_or_else(|| {
        references.push(reference);
        references.len() - 1
    });
    let text = |key: &str, text: &str| vars.text(text).map_err(|error| ConfigError::at(key, error));
    let environment = file
        .environment
        .iter()
        .map(|(name, value)| Ok((name.clone(), text(&format!("environment.{name}"), value)?)));
    Ok(PluginSetup {
        code,
        name: file.name.clone(),
        root_id: file.root_id.clone(),
        configuration: configuration(file.config.as_ref(), file.config_text.as_deref(), vars)?,
        vm_id: file.vm_id.clone(),
        vm_configuration: file.vm_config_text.clone().into_bytes(),
        environment: environment.collect::<Result<_, ConfigError>>()?,
        failure_policy: file.failure_policy.into(),
        allow_on_headers_stop_iteration: file.allow_on_headers_stop_iteration,
        capabilities: file.capabilities.clone(),
    })
}

fn reference(file: &PluginFile) -> Result<PluginRef, ConfigError> {
    match (&file.filter, &file.module) {
        (Some(name), None) => Ok(PluginRef::Filter(name.clone())),
        (None, Some(path)) => Ok(PluginRef::Module(path.clone())),
        _ => {
            let problem =
                "write either filter, for one of ours, or module, for the path of a .wasm or .wat file";
            Err(ConfigError::at("", problem))
        }
    }
}

fn configuration(config: Option<&Value>, text: Option<&str>, vars: &Vars) -> Result<Vec<u8>, ConfigError> {
    match (config, text) {
        (Some(_), Some(_)) => Err(ConfigError::at("config_text", "config is there too; write one of them")),
        (Some(config), None) => {
            let config = vars.json(config).map_err(|error| ConfigError::at("config", error))?;
            Ok(config.to_string().into_bytes())
        }
        (None, text) => Ok(text.unwrap_or_default().into()),
    }
}

fn clock(text: &str) -> Result<UnixTime, ConfigError> {
    let since_epoch = humantime::parse_rfc3339(text)
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .ok_or_else(|| {
            ConfigError::at("clock", format!("{text:?} is not a time; write 2026-01-01T00:00:00Z"))
        })?;
    Ok(UnixTime::from_nanos(0).saturating_add(since_epoch))
}

fn build_cluster(file: &ClusterFile, vars: &Vars) -> Result<Cluster, ConfigError> {
    let answers = file.answers.iter().enumerate().map(|(index, file)| {
        answer(Some(file), vars).map_err(|error| error.under(&format!("answers[{index}]")))
    });
    let answers: Vec<Answer> = answers.collect::<Result<_, _>>()?;
    Ok(Cluster { reachability: file.reachability.into(), answers })
}

fn shared_datum(file: &SharedDatumFile, vars: &Vars) -> Result<SharedDatum, ConfigError> {
    Ok(SharedDatum {
        vm_id: file.vm_id.clone(),
        key: bytes(&file.key, vars).map_err(|problem| ConfigError::at("key", problem))?,
        value: bytes(&file.value, vars).map_err(|problem| ConfigError::at("value", problem))?,
    })
}

impl From<FailurePolicyName> for FailurePolicy {
    fn from(name: FailurePolicyName) -> Self {
        match name {
            FailurePolicyName::Closed => Self::Closed,
            FailurePolicyName::Open => Self::Open,
            FailurePolicyName::Reload => Self::Reload,
        }
    }
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Envoy => Self::Envoy,
            ProfileName::Spec => Self::Spec,
        }
    }
}

impl From<ReachabilityName> for Reachability {
    fn from(name: ReachabilityName) -> Self {
        match name {
            ReachabilityName::Healthy => Self::Healthy,
            ReachabilityName::NoHealthyHost => Self::NoHealthyHost,
            ReachabilityName::ConnectError => Self::ConnectError,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_sim::AnswerKind;

    use super::*;
    use crate::Scenario;

    fn load(text: &str) -> Result<Scenario, String> {
        let text = format!("name: n\n{text}\nsteps: [{{request: {{}}}}]\n");
        Scenario::load("s.yaml", &text, &|_| Err(String::new())).map_err(|error| error.problem)
    }

    #[test]
    fn plugins_of_the_same_code_are_loaded_once() {
        let scenario = load(
            "plugins: [{module: a}, {filter: b, vm_id: v}, {module: a, failure_policy: open, config: {x: 1}}]",
        );
        let Scenario { plugins, setup, .. } = scenario.unwrap();
        assert_eq!(plugins, [PluginRef::Module("a".into()), PluginRef::Filter("b".into())]);
        assert_eq!(setup.plugins.iter().map(|plugin| plugin.code).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(setup.plugins[1].vm_id, "v");
        assert_eq!(setup.plugins[2].failure_policy, FailurePolicy::Open);
        assert_eq!(setup.plugins[2].configuration, br#"{"x":1}"#);
    }

    #[test]
    fn what_is_around_the_proxy_is_as_it_is_written() {
        let scenario = load(
            "module: a\nworkers: 2\nseed: 7\nprofile: spec\nupstream: connect_error\nvars: {v: \"1\"}\nclusters:\n  auth:\n    \
             reachability: no_healthy_host\n    answers: [{fault: timeout, after: 10ms}, {grpc: {messages: [\"${v}\"], status: 5}}]\n\
             shared_data: [{vm_id: x, key: k, value: {hex: \"00ff\"}}]",
        );
        let setup = scenario.unwrap().setup;
        assert_eq!((setup.workers, setup.seed, setup.profile), (2, 7, Profile::Spec));
        assert_eq!(setup.upstream, Reachability::ConnectError);
        let auth = &setup.clusters["auth"];
        assert_eq!(auth.reachability, Reachability::NoHealthyHost);
        assert_eq!(auth.answers[0], Answer { after: Duration::from_millis(10), kind: AnswerKind::Timeout });
        let AnswerKind::Grpc(grpc) = &auth.answers[1].kind else { panic!("{auth:?}") };
        assert_eq!((grpc.messages.as_slice(), grpc.status), (&[b"1".to_vec()][..], 5));
        let datum = SharedDatum { vm_id: "x".into(), key: b"k".to_vec(), value: b"\x00\xff".to_vec() };
        assert_eq!(setup.shared_data, [datum]);
    }

    #[test]
    fn mistakes_name_their_key() {
        for (text, expected) in [
            ("module: a\nworkers: 0", "workers: 0; write 1 to 64"),
            ("module: a\nplugins: [{module: b}]", "plugins: there is a plugin beside the list too"),
            ("plugins: [{module: a}, {module: b, filter: c}]", "plugins[1]: write either filter"),
            (
                "plugins: [{module: a, config: {}, config_text: x}]",
                "plugins[0].config_text: config is there too",
            ),
            ("plugins: [{module: a, environment: {K: \"${v}\"}}]", "plugins[0].environment.K: no variable"),
            (
                "module: a\nclusters: {c: {answers: [{fault: reset, body: x}]}}",
                "clusters.c.answers[0].fault: there is no answer",
            ),
            (
                "plugins: [{module: a, capabilities: [proxy_on_log, fd_write, proxy_lgo]}]",
                "plugins[0].capabilities: \"proxy_lgo\" is no function of the ABI or of WASI and no callback; did you mean proxy_log?",
            ),
            (&format!("plugins: [{}]", "{module: a},".repeat(65)), "plugins: 65 of them; write 1 to 64"),
            (
                "module: a\nshared_data: [{key: k, value: {repeat: x, times: 60000000}}, {key: k, value: {repeat: x, times: 60000000}}, \
                 {key: k, value: {repeat: x, times: 60000000}}, {key: k, value: {repeat: x, times: 60000000}}, {key: k, value: {repeat: x, \
                 times: 60000000}}]",
                "shared_data[4].value: the scenario becomes more than 268435456 bytes",
            ),
            ("module: a\nshared_data: [{key: {hex: f}, value: v}]", "shared_data[0].key: hex \"f\""),
        ] {
            let problem = load(text).unwrap_err();
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
    }
}
