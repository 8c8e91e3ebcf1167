//! Keys, and the signatures that they verify.
//!
//! A [`KeySet`] is read once, at load. A [`Key`] verifies in the module, or asks the host to where [`HostCrypto`] has found
//! it trustworthy; the form of a signature is checked here first, so that both decide alike.

mod der;
mod document;
mod ecdsa;
mod hmac;
mod host_crypto;
mod identity;
mod jwk;
mod key;
mod key_set;
mod known_answers;
mod montgomery;
mod rsa;

pub use document::Skipped;
pub(crate) use hmac::HmacKey;
pub use host_crypto::HostCrypto;
pub use identity::KeyId;
pub(crate) use identity::thumbprint;
pub(crate) use key::Key;
pub use key_set::KeySet;
