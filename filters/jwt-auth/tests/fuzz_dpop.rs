//! Any bytes as a DPoP proof, and good ones with damage: no panic, nothing but the whole proof is accepted, and nothing else is
//! written down as used.

use bolero::TypeGenerator;
use portcullis_jwt_auth::{Binding, BindingError, Presented, SenderConstraintConfig};
use portcullis_kit::Headers;
use portcullis_kit::testing::TestHost;
use serde_json::{Map, Value, json};

/// What somebody sends who has no key, and perhaps a proof of somebody else.
#[derive(Clone, Debug, TypeGenerator)]
enum Proof {
    Bytes(Vec<u8>),
    /// Changes to a good proof; there may be none.
    Damaged {
        which: u8,
        edits: Vec<(u16, u8)>,
    },
}

fn binding() -> Binding {
    let config: SenderConstraintConfig =
        serde_json::from_value(json!({"dpop": {"algorithms": ["ES256", "EdDSA", "RS256", "PS256"]}}))
            .unwrap();
    Binding::try_from(config).unwrap()
}

fn proofs() -> Vec<Map<String, Value>> {
    let mut proofs: Vec<Map<String, Value>> = serde_json::from_str(include_str!("dpop/proofs.json")).unwrap();
    proofs.retain(|proof| ["ES256", "EdDSA", "RS256", "PS256"].contains(&proof["alg"].as_str().unwrap()));
    assert_eq!(proofs.len(), 4);
    proofs
}

/// Presents `bytes` with the token that is bound to the key of `proof`.
fn check(binding: &Binding, proof: &Map<String, Value>, bytes: &[u8]) -> Result<(), BindingError> {
    let fields: [(&str, &[u8]); 5] = [
        (":method", b"POST"),
        (":scheme", b"https"),
        (":authority", b"api.example"),
        (":path", b"/orders"),
        ("dpop", bytes),
    ];
    let request: Headers = fields.into_iter().collect();
    let mut host = TestHost::at(1000);
    let presented = Presented { token: b"a.b.c", scheme: Some("DPoP") };
    let checked = binding.check(Some(&json!({"jkt": proof["jkt"]})), presented, &request, &mut host);
    assert_eq!(checked.is_ok(), !host.shared.is_empty(), "only a proof that is good is written down");
    checked
}

#[test]
fn only_the_proof_as_its_client_made_it_is_accepted() {
    let (binding, proofs) = (binding(), proofs());
    bolero::check!().with_type::<Proof>().for_each(|proof| {
        let (which, edits) = match proof {
            Proof::Bytes(bytes) => return assert!(check(&binding, &proofs[0], bytes).is_err()),
            Proof::Damaged { which, edits } => (usize::from(*which) % proofs.len(), edits),
        };
        let good = proofs[which]["proof"].as_str().unwrap().as_bytes();
        let mut bytes = good.to_vec();
        for (at, byte) in edits {
            let at = usize::from(*at) % bytes.len();
            bytes[at] = *byte;
        }
        // Spaces around a value are not part of it.
        assert_eq!(check(&binding, &proofs[which], &bytes).is_ok(), bytes.trim_ascii() == good);
    });
}
