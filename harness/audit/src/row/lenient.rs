//! What is of another type than it should be is nothing, and no error.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A text, or anything else.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Text<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(IgnoredAny),
}

/// What a filter has decided, or anything else.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneDecision<'a> {
    Decision(#[serde(borrow)] Decided<'a>),
    Other(IgnoredAny),
}

/// What a filter has decided.
#[derive(Deserialize)]
pub(super) struct Decided<'a> {
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow, default)]
    filter: Option<Text<'a>>,
    #[serde(borrow, default)]
    reason: Option<Text<'a>>,
}

impl<'a> Text<'a> {
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

impl<'a> OneDecision<'a> {
    /// The filter and the reason of a denial, as far as they are there.
    pub(super) fn denial(self) -> Option<[Option<Cow<'a, str>>; 2]> {
        let Self::Decision(Decided { action, filter, reason }) = self else { return None };
        (action.text()? == "denied").then(|| [filter, reason].map(|text| text.and_then(Text::text)))
    }
}
