use portcullis_kit::rules::Ambiguous;

/// Why a request is denied. [`JwtError::row`] is the one table of statuses, codes and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtError {
    /// The `alg` of the token is not in the provider's list, or no algorithm that we know.
    AlgorithmNotAllowed,
    /// None of the audiences is ours.
    AudienceNotAllowed,
    /// The client has not shown the certificate that the token is bound to (RFC 8705 section 3).
    BindingMismatch,
    /// The token is bound to a key of its holder (`cnf`), and nobody here checks that the client has it.
    Bound,
    /// A claim that becomes a header has a control character or outer spaces, or is a number that has lost digits.
    ClaimNotAHeader,
    /// A registered claim has the wrong type.
    ClaimsInvalid,
    /// The rule admits nobody.
    Denied,
    /// The proof has another key than the token is bound to, or one of the two is not DPoP's (RFC 9449 section 7.1).
    DpopBindingMismatch,
    /// The DPoP proof lacks a nonce of ours that is still good (RFC 9449 section 9).
    DpopNonce,
    /// The DPoP proof breaks a rule of RFC 9449 section 4.3.
    DpopProofInvalid,
    /// A token that is bound to a DPoP key came without a proof.
    DpopProofMissing,
    /// Whether the DPoP proof is new cannot be said: the memory of used proofs is full, or the host refuses it.
    DpopReplayUnchecked,
    /// The DPoP proof has been used before (RFC 9449 section 11.1).
    DpopReplayed,
    /// `exp` has passed.
    Expired,
    /// `exp` is missing.
    ExpiryMissing,
    /// The host can be read in two ways.
    HostAmbiguous,
    /// The authorization server says that the token is not active.
    Inactive,
    /// The authorization server cannot be asked, or is not understood.
    IntrospectionUnavailable,
    /// The issuer is not the provider's.
    IssuerNotAllowed,
    /// No key fits `kid` and `alg`.
    KeyNotFound,
    /// The keys of the issuer cannot be fetched.
    KeysUnavailable,
    /// `exp` is too far away.
    LifetimeTooLong,
    /// Not a JWS in compact form, or no token at all.
    Malformed,
    /// No token where the provider expects one.
    Missing,
    /// More than one token.
    Multiple,
    /// The claims are not those that the rule asks for.
    NotAuthorized,
    /// `nbf` or `iat` is still to come.
    NotYetValid,
    /// The path can be read in two ways.
    PathAmbiguous,
    /// The token, its subject, its client or its key has been revoked.
    Revoked,
    /// The list of revoked tokens cannot be fetched.
    RevocationUnavailable,
    /// The signature does not fit.
    SignatureInvalid,
    /// `sub` is not one that the provider accepts.
    SubjectNotAllowed,
    /// The token, its header or its `kid` is too long; see [`MAX_TOKEN`](crate::MAX_TOKEN).
    TooLarge,
    /// So many requests wait for something to be fetched that no more can.
    TooManyWaiting,
    /// `typ` is not one that the provider accepts.
    TypeNotAllowed,
    /// The token is not bound to a key or a certificate, as the provider requires.
    Unbound,
    /// The header asks for something that must be understood and is not: `crit`, `b64`, `enc`, `zip`, a nested token.
    Unsupported,
}

/// What a client and an operator see of a [`JwtError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// `response_code_details`.
    pub code: &'static str,
    /// One sentence for the body and the challenge.
    pub detail: &'static str,
    /// The `error` of the challenge (RFC 6750 section 3.1).
    pub challenge: Challenge,
}

/// The kind of `WWW-Authenticate` that a denial carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// None: no token would help.
    None,
    /// The scheme alone: the request had no token (RFC 6750 section 3.1, last paragraph).
    Bare,
    /// With an `error`.
    Error(&'static str),
    /// With an `error` and the scheme DPoP, whatever the client used (RFC 9449 section 7.1).
    Dpop(&'static str),
}

/// RFC 6750 section 3.1: expired, revoked, malformed, or invalid for other reasons.
const fn invalid(code: &'static str, detail: &'static str) -> Row {
    Row { status: 401, code, detail, challenge: Challenge::Error("invalid_token") }
}

/// RFC 9449 section 7.1.
const fn dpop(code: &'static str, error: &'static str, detail: &'static str) -> Row {
    Row { status: 401, code, detail, challenge: Challenge::Dpop(error) }
}

/// Our own failure, or somebody's whom we have to ask: no other token would help.
const fn unavailable(code: &'static str, detail: &'static str) -> Row {
    Row { status: 503, code, detail, challenge: Challenge::None }
}

impl JwtError {
    /// Every way to be denied.
    pub const ALL: [Self; 37] = [
        Self::AlgorithmNotAllowed,
        Self::AudienceNotAllowed,
        Self::BindingMismatch,
        Self::Bound,
        Self::ClaimNotAHeader,
        Self::ClaimsInvalid,
        Self::Denied,
        Self::DpopBindingMismatch,
        Self::DpopNonce,
        Self::DpopProofInvalid,
        Self::DpopProofMissing,
        Self::DpopReplayUnchecked,
        Self::DpopReplayed,
        Self::Expired,
        Self::ExpiryMissing,
        Self::HostAmbiguous,
        Self::Inactive,
        Self::IntrospectionUnavailable,
        Self::IssuerNotAllowed,
        Self::KeyNotFound,
        Self::KeysUnavailable,
        Self::LifetimeTooLong,
        Self::Malformed,
        Self::Missing,
        Self::Multiple,
        Self::NotAuthorized,
        Self::NotYetValid,
        Self::PathAmbiguous,
        Self::RevocationUnavailable,
        Self::Revoked,
        Self::SignatureInvalid,
        Self::SubjectNotAllowed,
        Self::TooLarge,
        Self::TooManyWaiting,
        Self::TypeNotAllowed,
        Self::Unbound,
        Self::Unsupported,
    ];

    /// Status, code, text and challenge.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn row(self) -> Row {
        match self {
            Self::AlgorithmNotAllowed => {
                invalid("portcullis_jwt_alg_not_allowed", "the token's alg is not allowed")
            }
            Self::BindingMismatch => invalid(
                "portcullis_jwt_binding_mismatch",
                "the token is bound to a certificate that the client has not shown",
            ),
            Self::Bound => {
                invalid("portcullis_jwt_bound", "the token is bound to a key, which is not checked here")
            }
            Self::ClaimNotAHeader => {
                invalid("portcullis_jwt_claim_not_a_header", "a claim cannot be passed on as a header")
            }
            Self::ClaimsInvalid => {
                invalid("portcullis_jwt_claims_invalid", "a registered claim has the wrong type")
            }
            Self::DpopBindingMismatch => dpop(
                "portcullis_jwt_dpop_binding_mismatch",
                "invalid_token",
                "the token is not bound to the key of a DPoP proof, or not presented with the scheme DPoP",
            ),
            Self::DpopNonce => dpop(
                "portcullis_jwt_dpop_nonce",
                "use_dpop_nonce",
                "the DPoP proof needs the nonce of this answer",
            ),
            Self::DpopProofInvalid => dpop(
                "portcullis_jwt_dpop_proof_invalid",
                "invalid_dpop_proof",
                "the DPoP proof does not fit the request, its token or its time",
            ),
            Self::DpopProofMissing => dpop(
                "portcullis_jwt_dpop_proof_missing",
                "invalid_dpop_proof",
                "the token needs a DPoP proof",
            ),
            Self::DpopReplayed => dpop(
                "portcullis_jwt_dpop_replayed",
                "invalid_dpop_proof",
                "the DPoP proof has been used before",
            ),
            Self::Expired => invalid("portcullis_jwt_expired", "the token has expired"),
            Self::ExpiryMissing => invalid("portcullis_jwt_exp_missing", "the token has no exp"),
            Self::Inactive => invalid("portcullis_jwt_inactive", "the token is not active"),
            Self::IssuerNotAllowed => {
                invalid("portcullis_jwt_iss_not_allowed", "the token's issuer is not trusted here")
            }
            Self::KeyNotFound => {
                invalid("portcullis_jwt_key_not_found", "no key fits the token's kid and alg")
            }
            Self::LifetimeTooLong => {
                invalid("portcullis_jwt_lifetime_too_long", "the token lives for too long")
            }
            Self::Malformed => invalid("portcullis_jwt_malformed", "the token has not the form of one"),
            Self::NotYetValid => invalid("portcullis_jwt_not_yet_valid", "the token is not valid yet"),
            Self::Revoked => invalid("portcullis_jwt_revoked", "the token has been revoked"),
            Self::SignatureInvalid => {
                invalid("portcullis_jwt_signature_invalid", "the token's signature does not fit")
            }
            Self::TooLarge => invalid("portcullis_jwt_too_large", "the token is too large"),
            Self::TypeNotAllowed => {
                invalid("portcullis_jwt_typ_not_allowed", "the token's typ is not accepted here")
            }
            Self::Unbound => {
                invalid("portcullis_jwt_unbound", "the token is not bound to a key or a certificate")
            }
            Self::Unsupported => {
                invalid("portcullis_jwt_unsupported", "the token needs what is not supported here")
            }
            Self::AudienceNotAllowed => Row {
                status: 403,
                ..invalid("portcullis_jwt_aud_not_allowed", "the token is meant for another audience")
            },
            Self::SubjectNotAllowed => Row {
                status: 403,
                ..invalid("portcullis_jwt_sub_not_allowed", "the token's subject is not accepted here")
            },
            Self::Denied => Row {
                status: 403,
                challenge: Challenge::None,
                ..invalid("portcullis_jwt_denied", "nobody may pass here")
            },
            Self::DpopReplayUnchecked => unavailable(
                "portcullis_jwt_dpop_replay_unchecked",
                "the DPoP proof cannot be checked for replay now",
            ),
            Self::IntrospectionUnavailable => {
                unavailable("portcullis_jwt_introspection_unavailable", "the token cannot be checked now")
            }
            Self::KeysUnavailable => {
                unavailable("portcullis_jwt_keys_unavailable", "the issuer's keys cannot be had now")
            }
            Self::RevocationUnavailable => unavailable(
                "portcullis_jwt_revocation_unavailable",
                "whether the token has been revoked cannot be said now",
            ),
            Self::TooManyWaiting => {
                unavailable("portcullis_jwt_too_many_waiting", "too many requests wait for the issuer")
            }
            Self::Missing => Row {
                challenge: Challenge::Bare,
                ..invalid("portcullis_jwt_missing", "a token is needed here")
            },
            Self::Multiple => {
                let row = invalid("portcullis_jwt_multiple", "the request carries more than one token");
                Row { status: 400, challenge: Challenge::Error("invalid_request"), ..row }
            }
            Self::NotAuthorized => Row {
                status: 403,
                challenge: Challenge::Error("insufficient_scope"),
                ..invalid("portcullis_jwt_not_authorized", "the token does not grant access to this")
            },
            Self::HostAmbiguous => {
                let row = invalid("portcullis_host_ambiguous", "the host is not a plain host name");
                Row { status: 400, challenge: Challenge::None, ..row }
            }
            Self::PathAmbiguous => {
                let row = invalid("portcullis_path_ambiguous", "the path is not in normal form");
                Row { status: 400, challenge: Challenge::None, ..row }
            }
        }
    }

    /// The code as metrics have it: `expired`.
    pub(crate) fn reason(self) -> &'static str {
        let code = self.row().code;
        code.strip_prefix("portcullis_jwt_").or_else(|| code.strip_prefix("portcullis_")).unwrap_or(code)
    }

    /// Which of the failures of several providers the client hears of: the one that says most about its token.
    pub(crate) const fn says_more_than(self, other: Self) -> bool {
        self.weight() > other.weight()
    }

    const fn weight(self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::IssuerNotAllowed => 1,
            // An outage is not the token's fault.
            _ if self.row().status == 503 => 3,
            _ => 2,
        }
    }
}

impl From<Ambiguous> for JwtError {
    fn from(ambiguous: Ambiguous) -> Self {
        match ambiguous {
            Ambiguous::Host => Self::HostAmbiguous,
            Ambiguous::Path => Self::PathAmbiguous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_kit::LocalReply;

    #[test]
    fn codes_are_stable_unique_and_fit_response_code_details() {
        let mut codes: Vec<_> = JwtError::ALL.iter().map(|error| error.row().code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), JwtError::ALL.len());
        assert!(
            codes
                .iter()
                .all(|c| c.starts_with("portcullis_")
                    && c.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
    }

    #[test]
    fn the_readme_lists_every_denial_with_its_statuses() {
        let readme = include_str!("../README.md");
        for error in JwtError::ALL {
            let row = error.row();
            let grpc = LocalReply::for_grpc(row.status, row.code, "").grpc_status.unwrap() as i32;
            let row = format!("| `{}` | {} | {grpc} |", row.code, row.status);
            assert!(readme.contains(&row), "filters/jwt-auth/README.md lacks {row}");
        }
        assert_eq!(readme.matches("\n| `portcullis_").count(), JwtError::ALL.len());
    }

    #[test]
    fn details_may_stand_in_a_quoted_string() {
        for error in JwtError::ALL {
            assert!(!error.row().detail.contains(['"', '\\']), "{error:?}");
        }
    }
}
