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
mod claims;
mod config;
mod error;
mod filter;
mod jws;
mod keys;
mod policy;
mod provider;
#[expect(dead_code, unused_imports, reason = "the filter does not fetch yet")]
mod remote;
mod source;

pub use algorithm::Algorithm;
pub use config::JwtAuthConfig;
pub use error::{Challenge, JwtError, Row};
pub use filter::JwtAuth;
pub use jws::{Jws, MAX_TOKEN};
pub use keys::{HostCrypto, KeyId, KeySet, Skipped, thumbprint};
