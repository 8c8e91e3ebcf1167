//! JSON Web Token authentication.
//!
//! The path of a request: [`JwtAuth`] picks the requirement of the first rule that matches, finds the token where the
//! provider expects it, reads it strictly (`jws`), checks its claims (`claims`) and its signature (`keys`), and hands the
//! claims on as headers. Each way to fail is a variant of [`JwtError`].
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod algorithm;
mod authorize;
mod binding;
mod bounded_lru;
mod claim_path;
mod claims;
mod config;
mod decide;
mod denial;
mod error;
mod exact;
mod filter;
mod introspection;
mod jws;
mod keys;
mod metrics;
mod outputs;
mod policy;
mod provider;
mod remote;
mod revocation;
mod source;
mod token;
mod token_cache;
mod trust;
mod waiting;

pub use algorithm::Algorithm;
pub use authorize::{
    CertificateAttribute, ClaimTestConfig, Condition, ConditionConfig, OneOrMany, Refusal,
    RequestValueConfig, Scalar,
};
pub use binding::{Binding, BindingError, Presented, SenderConstraintConfig};
pub use config::JwtAuthConfig;
pub use error::{Challenge, JwtError, Row};
pub use filter::JwtAuth;
pub use jws::{Jws, MAX_TOKEN};
pub use keys::{HostCrypto, KeyId, KeySet, Skipped};
pub use revocation::{IssuedBefore, RevocationList, Revoked};
