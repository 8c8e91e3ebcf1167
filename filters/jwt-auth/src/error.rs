use portcullis_kit::rules::Ambiguous;

/// Why a request is denied. [`JwtError::row`] is the one table of statuses, codes and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtError {
    /// The `alg` of the token is not in the provider's list, or no algorithm that we know.
    AlgorithmNotAllowed,
    /// None of the audiences is ours.
    AudienceNotAllowed,
    /// The token is bound to a key of its holder (`cnf`), and nobody here checks that the client has it.
    Bound,
    /// A claim that becomes a header has a control character or outer spaces, or is a number that has lost digits.
    ClaimNotAHeader,
    /// A registered claim has the wrong type.
    ClaimsInvalid,
    /// The rule admits nobody.
    Denied,
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
    /// `exp` is too far away.
    LifetimeTooLong,
    /// Not a JWS in compact form.
    Malformed,
    /// No token where the provider expects one.
    Missing,
    /// More than one token.
    Multiple,
    /// `nbf` is still to come.
    NotYetValid,
    /// The path can be read in two ways.
    PathAmbiguous,
    /// The signature does not fit.
    SignatureInvalid,
    /// `sub` is not one that the provider accepts.
    SubjectNotAllowed,
    /// The token, its header or its `kid` is too long; see [`MAX_TOKEN`](crate::MAX_TOKEN).
    TooLarge,
    /// Too many requests wait for answers about their tokens.
    TooManyWaiting,
    /// `typ` is not one that the provider accepts.
    TypeNotAllowed,
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
}

/// RFC 6750 section 3.1: expired, revoked, malformed, or invalid for other reasons.
const fn invalid(code: &'static str, detail: &'static str) -> Row {
    Row { status: 401, code, detail, challenge: Challenge::Error("invalid_token") }
}

impl JwtError {
    /// Every way to be denied.
    pub const ALL: [Self; 25] = [
        Self::AlgorithmNotAllowed,
        Self::AudienceNotAllowed,
        Self::Bound,
        Self::ClaimNotAHeader,
        Self::ClaimsInvalid,
        Self::Denied,
        Self::Expired,
        Self::ExpiryMissing,
        Self::HostAmbiguous,
        Self::Inactive,
        Self::IntrospectionUnavailable,
        Self::IssuerNotAllowed,
        Self::KeyNotFound,
        Self::LifetimeTooLong,
        Self::Malformed,
        Self::Missing,
        Self::Multiple,
        Self::NotYetValid,
        Self::PathAmbiguous,
        Self::SignatureInvalid,
        Self::SubjectNotAllowed,
        Self::TooLarge,
        Self::TooManyWaiting,
        Self::TypeNotAllowed,
        Self::Unsupported,
    ];

    /// Status, code, text and challenge.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn row(self) -> Row {
        match self {
            Self::AlgorithmNotAllowed => {
                invalid("portcullis_jwt_alg_not_allowed", "the token's alg is not allowed")
            }
            Self::Bound => {
                invalid("portcullis_jwt_bound", "the token is bound to a key, which is not checked here")
            }
            Self::ClaimNotAHeader => {
                invalid("portcullis_jwt_claim_not_a_header", "a claim cannot be passed on as a header")
            }
            Self::ClaimsInvalid => {
                invalid("portcullis_jwt_claims_invalid", "a registered claim has the wrong type")
            }
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
            Self::Malformed => invalid("portcullis_jwt_malformed", "the token is not a JWS in compact form"),
            Self::NotYetValid => invalid("portcullis_jwt_not_yet_valid", "the token is not valid yet"),
            Self::SignatureInvalid => {
                invalid("portcullis_jwt_signature_invalid", "the token's signature does not fit")
            }
            Self::TooLarge => invalid("portcullis_jwt_too_large", "the token is too large"),
            Self::TypeNotAllowed => {
                invalid("portcullis_jwt_typ_not_allowed", "the token's typ is not accepted here")
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
            Self::Missing => Row {
                challenge: Challenge::Bare,
                ..invalid("portcullis_jwt_missing", "a token is needed here")
            },
            Self::Multiple => {
                let row = invalid("portcullis_jwt_multiple", "the request carries more than one token");
                Row { status: 400, challenge: Challenge::Error("invalid_request"), ..row }
            }
            Self::IntrospectionUnavailable => Row {
                status: 503,
                challenge: Challenge::None,
                ..invalid("portcullis_jwt_introspection_unavailable", "the token cannot be checked now")
            },
            Self::TooManyWaiting => Row {
                status: 503,
                challenge: Challenge::None,
                ..invalid(
                    "portcullis_jwt_too_many_waiting",
                    "too many requests wait for a check of their tokens",
                )
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
