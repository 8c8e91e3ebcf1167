use std::cell::Cell;
use std::collections::BTreeMap;

use portcullis_kit::ConfigError;

use super::header_name;
use crate::config::{ExtractOnly, ProviderAndAudiences, Requirement};
use crate::provider::Provider;

/// Deeper than this no requirement is still understood.
const MAX_DEPTH: usize = 8;
/// Names multiply what stands behind them.
const MAX_NODES: usize = 1000;

/// A validated [`Requirement`].
#[derive(Clone, Debug)]
pub(crate) enum Need {
    Nothing,
    Nobody,
    Token(Wanted),
    Any(Vec<Self>),
    All(Vec<Self>),
    /// Inside of `Any`: met when all that are beside it miss their token.
    Missing,
    /// Inside of `Any`: always met.
    MissingOrFailed,
    Unverified {
        provider: usize,
        status_header: String,
    },
}

/// A token of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) provider: usize,
    /// Empty: any.
    pub(crate) audiences: Vec<String>,
}

/// What names in requirements stand for.
pub(super) struct Scope<'a> {
    providers: &'a [Provider],
    requirements: &'a BTreeMap<String, Requirement>,
    nodes: Cell<usize>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(providers: &'a [Provider], requirements: &'a BTreeMap<String, Requirement>) -> Self {
        Self { providers, requirements, nodes: Cell::new(0) }
    }

    /// Validates a requirement that stands at `path`.
    pub(super) fn resolve(&self, requirement: &Requirement, path: &str) -> Result<Need, ConfigError> {
        let need = self.need(requirement, path, 0)?;
        if need.is_open_below() {
            let problem = "allow_missing_or_failed lets everything pass, and so does what it is nested in; write it alone, or in the outermost any";
            return Err(ConfigError::at(path, problem));
        }
        Ok(match need {
            // By themselves they are for the tokens of everybody.
            Need::Missing | Need::MissingOrFailed => Need::Any(self.everybody().chain([need]).collect()),
            other => other,
        })
    }

    fn need(&self, requirement: &Requirement, path: &str, depth: usize) -> Result<Need, ConfigError> {
        self.nodes.set(self.nodes.get() + 1);
        if depth > MAX_DEPTH || self.nodes.get() > MAX_NODES {
            let problem = format!(
                "more than {MAX_DEPTH} levels or {MAX_NODES} parts; name requirements that refer to no others"
            );
            return Err(ConfigError::at(path, problem));
        }
        let several =
            |list: &[Requirement], member: &str| self.several(list, &format!("{path}.{member}"), depth);
        Ok(match requirement {
            Requirement::None => Need::Nothing,
            Requirement::Deny => Need::Nobody,
            Requirement::Provider(name) => {
                let provider = self.provider(name, &format!("{path}.provider"))?;
                let audiences = self.providers.get(provider).map(|it| it.audiences.clone());
                Need::Token(Wanted { provider, audiences: audiences.unwrap_or_default() })
            }
            Requirement::ProviderAndAudiences(wanted) => self.wanted(wanted, path)?,
            Requirement::Any(list) => Need::Any(several(list, "any")?),
            Requirement::All(list) => Need::All(self.all(several(list, "all")?, path)?),
            Requirement::AllowMissing => Need::Missing,
            Requirement::AllowMissingOrFailed => Need::MissingOrFailed,
            Requirement::ExtractOnly(extract) => self.unverified(extract, path)?,
            Requirement::Named(name) => match self.requirements.get(name) {
                Some(requirement) => self.need(requirement, &format!("requirements.{name}"), depth + 1)?,
                None => {
                    let names: Vec<_> = self.requirements.keys().map(String::as_str).collect();
                    return Err(unknown(&format!("{path}.named"), name, "requirement", &names));
                }
            },
        })
    }

    fn several(&self, list: &[Requirement], path: &str, depth: usize) -> Result<Vec<Need>, ConfigError> {
        if list.is_empty() {
            return Err(ConfigError::at(path, "empty, so nobody could pass; name providers, or write deny"));
        }
        let each = list.iter().enumerate().map(|(at, item)| {
            let path = format!("{path}[{at}]");
            match self.need(item, &path, depth + 1)? {
                Need::Nothing => Err(ConfigError::at(
                    path,
                    "none beside others says nothing, or lets everybody pass; write allow_missing, or leave it out",
                )),
                need => Ok(need),
            }
        });
        each.collect()
    }

    /// What may be missing by itself may be missing beside others too.
    fn all(&self, list: Vec<Need>, path: &str) -> Result<Vec<Need>, ConfigError> {
        let path = format!("{path}.all");
        if list.iter().any(|need| matches!(need, Need::Missing | Need::MissingOrFailed)) {
            let problem = "allow_missing beside others changes nothing; write it in an `any` with the provider that it is for";
            return Err(ConfigError::at(path, problem));
        }
        let takes_proofs = |need: &&Need| match need {
            Need::Token(wanted) => {
                self.providers.get(wanted.provider).is_some_and(|it| it.binding.dpop_algorithms().is_some())
            }
            _ => false,
        };
        match list.iter().filter(takes_proofs).count() > 1 {
            true => Err(ConfigError::at(
                path,
                "a request has one DPoP proof, which is good for one token; keep one provider with dpop",
            )),
            false => Ok(list),
        }
    }

    fn wanted(&self, wanted: &ProviderAndAudiences, path: &str) -> Result<Need, ConfigError> {
        let path = format!("{path}.provider_and_audiences");
        let provider = self.provider(&wanted.provider, &format!("{path}.provider"))?;
        if wanted.audiences.is_empty() {
            let problem = "empty; name the audiences, or write provider to accept the provider's";
            return Err(ConfigError::at(format!("{path}.audiences"), problem));
        }
        Ok(Need::Token(Wanted { provider, audiences: wanted.audiences.clone() }))
    }

    fn unverified(&self, extract: &ExtractOnly, path: &str) -> Result<Need, ConfigError> {
        let path = format!("{path}.extract_only");
        let provider = self.provider(&extract.provider, &format!("{path}.provider"))?;
        let status_header = header_name(&extract.status_header)
            .map_err(|error| error.under(&format!("{path}.status_header")))?;
        if self.providers.get(provider).is_some_and(|it| it.is_introspected) {
            let problem = "its tokens say nothing by themselves; name a provider with jwks";
            return Err(ConfigError::at(format!("{path}.provider"), problem));
        }
        Ok(Need::Unverified { provider, status_header })
    }

    fn provider(&self, name: &str, path: &str) -> Result<usize, ConfigError> {
        self.providers.iter().position(|provider| provider.name == name).ok_or_else(|| {
            let names: Vec<_> = self.providers.iter().map(|provider| provider.name.as_str()).collect();
            unknown(path, name, "provider", &names)
        })
    }

    fn everybody(&self) -> impl Iterator<Item = Need> {
        let providers = self.providers.iter().enumerate();
        providers.map(|(provider, it)| Need::Token(Wanted { provider, audiences: it.audiences.clone() }))
    }
}

fn unknown(path: &str, name: &str, what: &str, known: &[&str]) -> ConfigError {
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    ConfigError::at(path, format!("{name:?} is no {what}; there is {known}"))
}

impl Need {
    /// Whether a request passes that has a wrong token.
    pub(crate) fn lets_failures_pass(&self) -> bool {
        matches!(self, Self::Any(list) if list.iter().any(|need| matches!(need, Self::MissingOrFailed)))
    }

    /// Whether something inside of a part of it lets failures pass.
    fn is_open_below(&self) -> bool {
        let is_open = |need: &Self| matches!(need, Self::Any(list) | Self::All(list) if list.iter().any(|need| matches!(need, Self::MissingOrFailed)) );
        match self {
            Self::Any(list) | Self::All(list) => {
                list.iter().any(|need| is_open(need) || need.is_open_below())
            }
            _ => false,
        }
    }

    /// Whether it is met by tokens that were checked, or that may be missing, and by nothing else.
    pub(super) fn is_about_verified_tokens(&self) -> bool {
        match self {
            Self::Token(_) | Self::Missing => true,
            Self::Any(list) | Self::All(list) => list.iter().all(Self::is_about_verified_tokens),
            Self::Nothing | Self::Nobody | Self::MissingOrFailed | Self::Unverified { .. } => false,
        }
    }

    /// The header that marks unverified claims, here or below.
    pub(crate) fn status_headers(&self) -> Vec<&str> {
        match self {
            Self::Unverified { status_header, .. } => vec![status_header],
            Self::Any(list) | Self::All(list) => list.iter().flat_map(Self::status_headers).collect(),
            _ => Vec::new(),
        }
    }
}
