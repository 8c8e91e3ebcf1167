use schemars::JsonSchema;
use serde::Deserialize;

use portcullis_sim::Lint;

/// What one call of a callback may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Steps of the WebAssembly engine: the same in every run, on every machine.
    pub fuel: Option<u64>,
    /// Hostcalls, those of WASI included.
    pub hostcalls: Option<u64>,
    /// Bytes that hostcalls move between the module's memory and the proxy, both ways.
    pub bytes: Option<u64>,
    /// Bytes by which the module's memory grows.
    pub memory_growth: Option<u64>,
}

/// How long to look for leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeakCheckFile {
    /// How many requests and connections at least.
    pub streams: u32,
}

/// A warning, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LintName {
    /// A local reply while the response is in the filters.
    ReplyInResponse,
    /// A change to a map after the stream was resumed.
    ChangeAfterResume,
    /// Headers read or changed outside of their callback.
    HeadersOutOfPhase,
    /// A body that is buffered to its end by a plugin that does not look at trailers.
    BodyWithoutTrailers,
    /// Keys in shared data that grow with the requests.
    SharedDataGrows,
    /// The response resumed within its headers callback.
    ResumeInResponseHeaders,
}

impl From<LintName> for Lint {
    fn from(name: LintName) -> Self {
        match name {
            LintName::ReplyInResponse => Self::ReplyInResponse,
            LintName::ChangeAfterResume => Self::ChangeAfterResume,
            LintName::HeadersOutOfPhase => Self::HeadersOutOfPhase,
            LintName::BodyWithoutTrailers => Self::BodyWithoutTrailers,
            LintName::SharedDataGrows => Self::SharedDataGrows,
            LintName::ResumeInResponseHeaders => Self::ResumeInResponseHeaders,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lint_is_written_as_it_is_told() {
        for lint in Lint::ALL {
            let name: LintName = serde_json::from_value(lint.name().into()).unwrap();
            assert_eq!(Lint::from(name), lint);
        }
    }
}
