//! Configurations that stand in manifests.

use portcullis_kit::ConfigError;
use portcullis_manifest::{Plugin, documents, plugins};

use super::Include;
use crate::schema::ScenarioFile;

/// Puts configurations in the place of the manifests that have them, which then belong to the scenario.
pub(super) fn fill(file: &mut ScenarioFile, include: &Include<'_>) -> Result<(), ConfigError> {
    let has_other = file.config.is_some() || file.config_text.is_some();
    if let Some(reference) = &file.config_from {
        file.config_text = Some(configuration(reference, has_other, include)?);
        file.include.push(path(reference).to_owned());
    }
    for (index, plugin) in file.plugins.iter_mut().enumerate() {
        let has_other = plugin.config.is_some() || plugin.config_text.is_some();
        if let Some(reference) = &plugin.config_from {
            let text = configuration(reference, has_other, include);
            plugin.config_text = Some(text.map_err(|error| error.under(&format!("plugins[{index}]")))?);
            file.include.push(path(reference).to_owned());
        }
    }
    Ok(())
}

fn path(reference: &str) -> &str {
    reference.split('#').next().unwrap_or_default()
}

/// The configuration that `envoy.yaml` or `envoy.yaml#jwt-auth` refers to.
fn configuration(reference: &str, has_other: bool, include: &Include<'_>) -> Result<String, ConfigError> {
    let fail = |problem: String| ConfigError::at("config_from", format!("{reference:?}: {problem}"));
    if has_other {
        return Err(fail("config is there too; write one of them".to_owned()));
    }
    let text = include(path(reference)).map_err(fail)?;
    let documents = documents(&text).map_err(|error| {
        let line = error.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        fail(format!("{line}{error}"))
    })?;
    let all: Vec<_> = documents.iter().flat_map(plugins).collect();
    let wanted = reference.split_once('#').map(|(_, name)| name);
    let is_wanted = |plugin: &&Plugin| wanted.is_none_or(|name| plugin.name == name);
    let found: Vec<_> = all.iter().filter(is_wanted).collect();
    let [plugin] = found.as_slice() else {
        let names: Vec<_> = all.iter().map(|plugin| plugin.name.as_str()).collect();
        return Err(fail(match names.as_slice() {
            [] => "there is no plugin in it; name a manifest of Envoy, Istio or Envoy Gateway".to_owned(),
            names => format!("there is {}; name one of them behind #", names.join(", ")),
        }));
    };
    let bytes = plugin.bytes().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| fail("its configuration is no google.protobuf.StringValue".to_owned()))
}

#[cfg(test)]
mod tests {
    use crate::Scenario;

    const MANIFEST: &str = "kind: WasmPlugin\nmetadata: {name: a}\nspec: {pluginConfig: {x: 1}}\n";

    fn load(text: &str, manifest: &str) -> Result<Scenario, String> {
        let text = format!("name: n\n{text}\nsteps: [{{advance: 1s}}]\n");
        let include = |path: &str| match path {
            "../a.yaml" => Ok(manifest.to_owned()),
            _ => Err("no such file".to_owned()),
        };
        Scenario::load("s.yaml", &text, &include).map_err(|error| error.to_string())
    }

    #[test]
    fn a_plugin_has_the_configuration_of_a_manifest() {
        for text in
            ["filter: f\nconfig_from: ../a.yaml", "plugins: [{filter: f, config_from: '../a.yaml#a'}]"]
        {
            let scenario = load(text, MANIFEST).unwrap();
            assert_eq!(scenario.setup.plugins[0].configuration, br#"{"x":1}"#);
            assert_eq!(scenario.include, ["../a.yaml"]);
        }
    }

    #[test]
    fn what_is_not_there_is_told() {
        let two = format!("{MANIFEST}---\n{}", MANIFEST.replace("name: a", "name: b"));
        for (reference, manifest, expected) in [
            ("config_from: b.yaml", MANIFEST, "s.yaml:3:1: config_from: \"b.yaml\": no such file"),
            ("config_from: ../a.yaml", "kind: Service\n", "there is no plugin in it"),
            ("config_from: ../a.yaml", &two, "there is a, b; name one of them behind #"),
            ("config_from: ../a.yaml#c", &two, "there is a, b; name one of them behind #"),
            ("config_from: ../a.yaml\nconfig: {}", MANIFEST, "config is there too"),
        ] {
            let error = load(&format!("filter: f\n{reference}"), manifest).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
