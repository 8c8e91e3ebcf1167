/// The status codes of the ABI, as Envoy's `WasmResult` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is no such thing.
    NotFound = 1,
    /// An argument is wrong, or is wrong at this time.
    BadArgument = 2,
    /// A value has no byte form.
    SerializationFailure = 3,
    /// An argument cannot be parsed.
    ParseFailure = 4,
    /// An address points outside the guest's memory, or the guest gave none.
    InvalidMemoryAccess = 6,
    /// The queue holds nothing.
    Empty = 7,
    /// Somebody else has written in between.
    CasMismatch = 8,
    /// The proxy failed, or a capability is withheld.
    InternalFailure = 10,
    /// A call-out broke off.
    BrokenConnection = 11,
    /// Envoy does not have this.
    Unimplemented = 12,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::NotFound => "NOT_FOUND",
            Self::BadArgument => "BAD_ARGUMENT",
            Self::SerializationFailure => "SERIALIZATION_FAILURE",
            Self::ParseFailure => "PARSE_FAILURE",
            Self::InvalidMemoryAccess => "INVALID_MEMORY_ACCESS",
            Self::Empty => "EMPTY",
            Self::CasMismatch => "CAS_MISMATCH",
            Self::InternalFailure => "INTERNAL_FAILURE",
            Self::BrokenConnection => "BROKEN_CONNECTION",
            Self::Unimplemented => "UNIMPLEMENTED",
        })
    }
}

/// A hostcall that did not end with [`Status::Ok`], and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the plugin is told.
    pub status: Status,
    /// What the plugin is not told: a sentence for whoever debugs it.
    pub reason: String,
}

/// What a hostcall gives.
pub type Hostcall<T> = Result<T, Refusal>;

impl Refusal {
    /// A refusal with its reason.
    pub fn new(status: Status, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    pub(crate) fn bad_argument(reason: impl Into<String>) -> Self {
        Self::new(Status::BadArgument, reason)
    }

    pub(crate) fn not_found(reason: impl Into<String>) -> Self {
        Self::new(Status::NotFound, reason)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.status, self.reason)
    }
}

impl std::error::Error for Refusal {}
