//! What goes over the border, as types of the page: `page/src/forms.ts`, which is written by `BLESS=1 cargo test --lib -- forms`.

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_inspect::Description;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::audit::{Found, Keys, Query, RecordRead, Refusal, Verified};
use crate::policy::{Filter, Played, Problem, TokenRead};

/// What the functions of the engine give, by their names.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct Given {
    filters: Vec<Filter>,
    check: Option<Problem>,
    play: Played,
    token: TokenRead,
    inspect: Description,
    audit_verify: Verified,
    audit_search: Found,
    audit_record: RecordRead,
}

/// What they throw instead.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct Thrown {
    play: Problem,
    inspect: Refusal,
    audit: Refusal,
}

/// What they take.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct Taken {
    trust: Keys,
    query: Query,
}

#[test]
fn the_page_has_the_forms_of_the_engine() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let forms = typescript(&page, &border());
    let file = page.join("src/forms.ts");
    if env::var_os("BLESS").is_some() {
        fs::write(&file, &forms).unwrap();
    }
    // Not assert_eq: nobody reads two files in a message.
    let same = fs::read_to_string(file).unwrap_or_default() == forms;
    assert!(same, "page/src/forms.ts is not that of the code: BLESS=1 cargo test --lib -- forms");
}

/// The schema of all of them.
fn border() -> Value {
    // Of later drafts the types are not made.
    let settings = SchemaSettings::draft07();
    let given = || settings.clone().for_serialize().into_generator();
    let taken = settings.clone().for_deserialize().into_generator();
    let sides = [
        given().into_root_schema_for::<Given>(),
        given().into_root_schema_for::<Thrown>(),
        taken.into_root_schema_for::<Taken>(),
    ];
    let mut definitions = Map::new();
    let sides = sides.map(|mut side: Schema| {
        for (name, definition) in side.remove("definitions").into_iter().flat_map(members) {
            // A name is one form, whoever gives or takes it.
            let before = definitions.insert(name.clone(), definition.clone());
            assert!(before.is_none_or(|before| before == definition), "{name} is two forms");
        }
        side
    });
    let [given, thrown, taken] = sides;
    json!({
        "type": "object",
        "properties": { "given": given, "thrown": thrown, "taken": taken },
        "required": ["given", "thrown", "taken"],
        "definitions": definitions,
    })
}

fn members(definitions: Value) -> Map<String, Value> {
    let Value::Object(members) = definitions else { unreachable!("{definitions}") };
    members
}

fn typescript(page: &Path, schema: &Value) -> String {
    let remedy = "run `make test`, or `make playground` before `cargo test`";
    assert!(page.join("node_modules").exists(), "the packages of the page are missing: {remedy}");
    let mut node = Command::new("node");
    node.arg("forms.mjs").current_dir(page).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().unwrap();
    node.stdin.take().unwrap().write_all(schema.to_string().as_bytes()).unwrap();
    let ran = node.wait_with_output().unwrap();
    assert!(ran.status.success(), "forms.mjs: {}; {remedy}", ran.status);
    String::from_utf8(ran.stdout).unwrap()
}
