//! What several plugins of one Envoy have in common, and should not.

use super::Ours;
use crate::{Finding, Kind, Plugin};

pub(super) fn of(all: &[Plugin], ours: &[Ours<'_>]) -> Vec<Finding> {
    let in_envoy: Vec<_> = ours.iter().filter(|one| one.plugin.kind == Kind::Envoy).collect();
    let mut findings = Vec::new();
    for (number, one) in in_envoy.iter().enumerate() {
        let before = in_envoy.get(..number).unwrap_or_default();
        findings.extend(before.iter().rev().find_map(|other| same_name(other, one)));
        findings.extend(before.iter().find_map(|other| same_vm(other, one)));
        findings.extend(strangers(all, ours).find_map(|other| same_data(other, one)));
    }
    findings
}

fn same_name(first: &Ours<'_>, second: &Ours<'_>) -> Option<Finding> {
    let (first, plugin) = ((first.filter, first.plugin), second.plugin);
    (first.0 == second.filter && first.1.name == plugin.name).then(|| {
        let problem = format!(
            "{} is {} with the same name {:?}: they have the same metrics, and buckets, breakers and chains in common unless `domain` or vm_id differ; give each a name",
            first.1.place, second.filter, plugin.name
        );
        Finding::warning("same-name", &plugin.place, problem)
    })
}

/// One filter in several listeners may well have one VM; it is only as reliable as before.
fn same_vm(first: &Ours<'_>, second: &Ours<'_>) -> Option<Finding> {
    let module =
        |one: &Ours<'_>| one.plugin.code.as_ref().map(|code| (code.source.clone(), code.sha256.clone()));
    let is_one =
        first.plugin.vm == second.plugin.vm && module(first).is_some() && module(first) == module(second);
    (is_one && first.filter != second.filter).then(|| {
        let problem = format!(
            "{} is in the same VM, of one vm_id, module and VM configuration: a crash of {} stops {} too; give each a vm_id, which costs the memory of another VM",
            first.plugin.place, first.filter, second.filter
        );
        Finding::warning("shared-vm", &second.plugin.place, problem)
    })
}

fn strangers<'a>(all: &'a [Plugin], ours: &'a [Ours<'_>]) -> impl Iterator<Item = &'a Plugin> {
    all.iter().filter(|plugin| {
        plugin.kind == Kind::Envoy && ours.iter().all(|one| one.plugin.place != plugin.place)
    })
}

/// Shared data belongs to a `vm_id`, whatever the module.
fn same_data(stranger: &Plugin, one: &Ours<'_>) -> Option<Finding> {
    (stranger.vm.id == one.plugin.vm.id).then(|| {
        let problem = format!(
            "{} is somebody else's and has the same vm_id {:?}: it can read and write what {} keeps in shared data; write a vm_id of its own",
            stranger.place, stranger.vm.id, one.filter
        );
        Finding::warning("shared-vm", &one.plugin.place, problem)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{documents, plugins};

    const NAMES: [&str; 2] = ["jwt-auth", "token-bucket"];

    /// What is found in a configuration with these plugins, by code and place.
    fn codes(configs: &[Value]) -> Vec<(&'static str, String)> {
        let wasm =
            |config| json!({"@type": "x/envoy.extensions.filters.http.wasm.v3.Wasm", "config": config});
        let document = documents(&Value::from_iter(configs.iter().map(wasm)).to_string()).unwrap().remove(0);
        let (all, configuration) = (plugins(&document), json!({}));
        let ours: Vec<_> = all
            .iter()
            .filter_map(|plugin| {
                Some(Ours { plugin, filter: plugin.filter(&NAMES)?, configuration: &configuration })
            })
            .collect();
        of(&all, &ours).into_iter().map(|finding| (finding.code, finding.place.to_string())).collect()
    }

    fn config(name: &str, root_id: &str, vm_id: &str) -> Value {
        let code = json!({"local": {"filename": "dist/portcullis.wasm"}});
        json!({"name": name, "root_id": root_id, "vm_config": {"vm_id": vm_id, "code": code}})
    }

    #[test]
    fn two_plugins_have_two_names() {
        let two = [config("a", "jwt-auth", "1"), config("a", "jwt-auth", "2")];
        assert_eq!(codes(&two), [("same-name", "[1].config".to_owned())]);
    }

    #[test]
    fn two_filters_in_one_vm_fall_together() {
        let two = |vm_id| [config("a", "jwt-auth", "1"), config("b", "token-bucket", vm_id)];
        assert_eq!(codes(&two("1")), [("shared-vm", "[1].config".to_owned())]);
        assert_eq!(codes(&two("2")), []);
        assert_eq!(codes(&[config("a", "jwt-auth", "1"), config("b", "jwt-auth", "1")]), []);
    }

    #[test]
    fn who_has_the_same_vm_id_has_the_same_data() {
        let two = |vm_id| [config("a", "jwt-auth", vm_id), json!({"name": "b", "root_id": "other"})];
        assert_eq!(codes(&two("")), [("shared-vm", "[0].config".to_owned())]);
        assert_eq!(codes(&two("1")), []);
    }
}
