//! Nonces of the resource server (RFC 9449 section 9) that no worker has to remember: each is the time of its making and a MAC
//! over it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_kit::UnixTime;
use subtle::ConstantTimeEq;

use crate::jws::decode;
use crate::keys::HmacKey;

const TIME: usize = 8;
const TAG: usize = 16;
/// Keeps these MACs apart from any others under the same secret.
const LABEL: &[u8] = b"portcullis dpop nonce\0";

/// Makes and recognises nonces.
pub(super) struct Nonces {
    key: HmacKey,
    lifetime: Duration,
    skew: Duration,
}

impl std::fmt::Debug for Nonces {
    /// Shows the lifetime and nothing of the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nonces for {:?}", self.lifetime)
    }
}

impl Nonces {
    /// `skew`: how far the clock of another proxy that makes nonces may be ahead.
    pub(super) fn new(secret: &[u8], lifetime: Duration, skew: Duration) -> Self {
        Self { key: HmacKey::sha256(secret), lifetime, skew }
    }

    /// The nonce of this second.
    pub(super) fn issue(&self, now: UnixTime) -> String {
        let time = now.as_secs().to_be_bytes();
        URL_SAFE_NO_PAD.encode([&time[..], &self.tag(&time)].concat())
    }

    /// Whether a nonce is one of ours and still good.
    pub(super) fn accepts(&self, nonce: &str, now: UnixTime) -> bool {
        let Ok(bytes) = decode(nonce.as_bytes()) else { return false };
        let Some((time, tag)) = bytes.split_first_chunk::<TIME>() else { return false };
        let made = UnixTime::from_secs(u64::from_be_bytes(*time));
        let is_ours: bool = self.tag(time).ct_eq(tag).into();
        is_ours && made <= now.saturating_add(self.skew) && now < made.saturating_add(self.lifetime)
    }

    fn tag(&self, time: &[u8; TIME]) -> Vec<u8> {
        let mut tag = self.key.code(&[LABEL, time].concat());
        tag.truncate(TAG);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces(secret: &str) -> Nonces {
        Nonces::new(secret.as_bytes(), Duration::from_secs(300), Duration::from_secs(5))
    }

    #[test]
    fn a_nonce_is_good_for_its_lifetime_on_every_worker() {
        let at = |seconds| UnixTime::from_secs(seconds);
        let nonce = nonces("one").issue(at(1000));
        let accepts = |seconds| nonces("one").accepts(&nonce, at(seconds));
        assert!(accepts(1000) && accepts(1299) && accepts(995));
        assert!(!accepts(1300) && !accepts(994));
        assert!(!nonces("two").accepts(&nonce, at(1000)));
    }

    #[test]
    fn no_byte_of_a_nonce_can_change() {
        let now = UnixTime::from_secs(1000);
        let nonce = nonces("one").issue(now);
        for position in 0..nonce.len() {
            let mut bytes = nonce.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            assert!(!nonces("one").accepts(std::str::from_utf8(&bytes).unwrap(), now), "byte {position}");
        }
        for other in [&nonce[1..], &nonce[..nonce.len() - 2], "", &nonce.repeat(2)] {
            assert!(!nonces("one").accepts(other, now), "{other}");
        }
    }
}
