//! JSON Web Token authentication.
//!
//! The path of a request: [`JwtAuth`] picks the requirement of the first rule that matches, finds the token where the
//! provider expects it, reads it strictly (`jws`), checks its claims (`claims`) and its signature (`key_set`, `key`,
//! `rsa`), and hands the claims on as headers. Each way to fail is a variant of [`JwtError`].
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod algorithm;
mod claims;
mod config;
mod decide;
mod denial;
mod error;
mod filter;
mod host_crypto;
#[cfg_attr(not(test), expect(dead_code, reason = "the filter does not ask yet"))]
mod introspection;
mod jws;
mod key;
mod key_set;
mod metrics;
mod outputs;
mod policy;
mod provider;
mod rsa;
mod source;
mod token;
mod token_cache;

pub use algorithm::Algorithm;
pub use config::JwtAuthConfig;
pub use error::{Challenge, JwtError, Row};
pub use filter::JwtAuth;
pub use jws::{Jws, MAX_TOKEN};
pub use key_set::KeySet;
