//! How a chain begins.

use std::sync::{Arc, Mutex, PoisonError};

use super::Ledger;
use crate::record::Node;

/// What the first record says.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) node: Node,
    pub(super) previous: Previous,
    pub(super) reason: &'static str,
}

/// Which chain came before.
#[derive(Clone, Debug, Default)]
pub(crate) enum Previous {
    #[default]
    Unknown,
    Chain(String),
    /// That of this ledger, or, where nothing is written into it, the one before that.
    Of(Arc<Mutex<Ledger>>),
}

impl Previous {
    pub(super) fn resolved(self) -> Option<String> {
        let mut previous = self;
        // Who comes before is older, so this ends; and none holds a lock while it asks.
        loop {
            let ledger = match previous {
                Self::Unknown => return None,
                Self::Chain(uid) => return Some(uid),
                Self::Of(ledger) => ledger,
            };
            let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            previous = match &ledger.beginning {
                None => return Some(ledger.uid().to_owned()),
                Some(beginning) => beginning.previous.clone(),
            };
        }
    }
}
