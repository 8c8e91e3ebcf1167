//! What Envoy Gateway makes of a plugin.

use super::{Ours, unknown};
use crate::cursor::Cursor;
use crate::{Document, Finding};

/// The fields of `spec.wasm[]`, and of `code` in it.
const OF_A_PLUGIN: [&str; 6] = ["name", "rootID", "code", "config", "failOpen", "env"];
const OF_CODE: [&str; 4] = ["type", "http", "image", "pullPolicy"];

pub(super) fn of(ours: &Ours<'_>, document: &Document) -> Vec<Finding> {
    let place = &ours.plugin.place;
    let Some(wasm) = place.of(&document.value).map(|value| Cursor::at(value, place.clone())) else {
        return Vec::new();
    };
    let code = wasm.get("code");
    let outside = unknown(&wasm, |name| OF_A_PLUGIN.contains(&name));
    outside
        .into_iter()
        .chain(code.iter().flat_map(|code| unknown(code, |name| OF_CODE.contains(&name))))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{documents, plugins};

    #[test]
    fn fields_that_nobody_reads_are_told() {
        let text = "kind: EnvoyExtensionPolicy\nspec: {wasm: [{name: a, failopen: true, code: {type: Image, sha256: b}}]}\n";
        let document = documents(text).unwrap().remove(0);
        let (plugin, configuration) = (plugins(&document).remove(0), json!({}));
        let ours = Ours { plugin: &plugin, filter: "jwt-auth", configuration: &configuration };
        let found: Vec<_> = of(&ours, &document).into_iter().map(|it| it.place.to_string()).collect();
        assert_eq!(found, ["spec.wasm[0].failopen", "spec.wasm[0].code.sha256"]);
    }
}
