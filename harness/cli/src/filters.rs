//! Our own filters, by name.

use std::sync::Arc;

use portcullis_jwt_auth::{JwtAuth, JwtAuthConfig};
use portcullis_kit::{ConfigError, HttpFilter};
use portcullis_scenario::{SimTarget, Target, TargetError};
use portcullis_sim::{NativePlugin, Setup};

/// A filter as native code.
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) check: fn(&[u8]) -> Result<(), ConfigError>,
    pub(crate) start: fn(&Setup) -> Result<Box<dyn Target>, TargetError>,
    pub(crate) schema: fn() -> schemars::Schema,
}

/// Every filter.
pub(crate) const FILTERS: [Filter; 1] = [Filter {
    name: JwtAuth::NAME,
    check: |configuration| JwtAuth::configure(configuration).map(drop),
    start: native::<JwtAuth>,
    schema: || schemars::schema_for!(JwtAuthConfig),
}];

impl Filter {
    pub(crate) fn named(name: &str) -> Result<&'static Self, String> {
        FILTERS.iter().find(|filter| filter.name == name).ok_or_else(|| {
            let names: Vec<_> = FILTERS.iter().map(|filter| filter.name).collect();
            format!("{name:?} is no filter; there is {}", names.join(", "))
        })
    }
}

fn native<F: HttpFilter + 'static>(setup: &Setup) -> Result<Box<dyn Target>, TargetError> {
    Ok(Box::new(SimTarget::start("native", Arc::new(|_| Ok(NativePlugin::<F>::new())), setup)?))
}
