use clap::Args;
use portcullis_scenario::schema::ScenarioFile;

use crate::Verdict;
use crate::filters::Filter;

/// Prints the JSON Schema of scenario files, or of a filter's configuration.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// `scenario`, or the name of a filter.
    name: String,
}

impl Schema {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let schema = match self.name.as_str() {
            "scenario" => schemars::schema_for!(ScenarioFile),
            name => {
                let filter = Filter::named(name).map_err(|error| format!("{error}, or scenario"))?;
                (filter.schema)()
            }
        };
        anstream::println!("{schema:#}", schema = schema.as_value());
        Ok(Verdict::Good)
    }
}
