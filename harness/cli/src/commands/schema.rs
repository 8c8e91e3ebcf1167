use clap::Args;
use portcullis_filters::{FILTERS, Filter};
use portcullis_scenario::schema::ScenarioFile;
use serde_json::{Value, json};

use crate::Verdict;

const SCENARIO: &str = "scenario";
const CATALOG: &str = "catalog";

/// Prints the JSON Schema of scenario files, or of a filter's configuration; or which files each of the schemas is for.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// `scenario`, the name of a filter, or `catalog`, which is as SchemaStore has it.
    name: String,
    /// Where the schemas of the catalogue are.
    #[arg(long, value_name = "URL", default_value = ".")]
    at: String,
}

impl Schema {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        match self.name.as_str() {
            SCENARIO => anstream::println!("{:#}", schemars::schema_for!(ScenarioFile).as_value()),
            CATALOG => anstream::println!("{:#}", catalog(self.at.trim_end_matches('/'))),
            name => {
                let filter =
                    Filter::named(name).map_err(|error| format!("{error}, {SCENARIO} or {CATALOG}"))?;
                anstream::println!("{:#}", (filter.schema)().as_value());
            }
        }
        Ok(Verdict::Good)
    }
}

/// Which schema an editor takes for which file.
fn catalog(at: &str) -> Value {
    let entry = |name: &str, description: &str, files: Value| {
        let url = format!("{at}/{name}.schema.json");
        json!({ "name": format!("Portcullis {name}"), "description": description, "fileMatch": files, "url": url })
    };
    let of_filter = |filter: &Filter| {
        let names = ["yaml", "json"].map(|kind| format!("{}.config.{kind}", filter.name));
        let description = format!("A configuration of the Envoy filter {}", filter.name);
        entry(
            filter.name,
            &description,
            names.map(|name| [name.clone(), format!("*.{name}")]).concat().into(),
        )
    };
    let scenarios = json!(["*.scenario.yaml", "**/scenarios/**/*.yaml"]);
    let scenario = entry(SCENARIO, "A scenario that portcullis test plays", scenarios);
    let schemas: Vec<_> = FILTERS.iter().map(of_filter).chain([scenario]).collect();
    json!({ "$schema": "https://json.schemastore.org/schema-catalog.json", "version": 1, "schemas": schemas })
}
