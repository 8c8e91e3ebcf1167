use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use portcullis_envoy::Filter;
use serde_json::{Map, Value};

use crate::guard::{Answers, Audit, Breaker, Bucket, Guard, Outputs, Sink, Tracing};
use crate::load::Requests;
use crate::tokens::{Algorithm, Pool};

use Algorithm::{EdDsa, Es256, Hs256, Rs256};
use Guard::{
    JwtAuth, JwtAuthAlone, NativeAccessLog, NativeAdmission, NativeBucket, NativeJwt, NativeJwtCached,
    NativeTracer,
};
use Outputs::{Nothing, Subject};
use Tokens::{Forged, Others, Same, Traced, Users};

/// Something that stands before the router, and what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// In the order in which they get a request.
    pub(crate) guards: &'static [Guard],
    pub(crate) packing: Packing,
    pub(crate) algorithm: Algorithm,
    pub(crate) tokens: Tokens,
    /// Envoy's `--concurrency`.
    pub(crate) workers: u32,
    /// Whether it is measured unless told otherwise.
    pub(crate) is_usual: bool,
}

/// In how many modules ours are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// One for each.
    Modules,
    /// One for all of them.
    Suite,
}

/// The bearer tokens of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// The same one each time.
    Same,
    /// Another one each time.
    Others,
    /// Another one each time, its signature wrong.
    Forged,
    /// The same one each time, and beside it one of a million users.
    Users,
    /// The same one each time, and beside it a place in a trace.
    Traced,
}

/// How many users there are.
pub(crate) const USERS: usize = 1_000_000;

const PLAIN_BUCKET: Guard = Guard::Bucket(Bucket::OfAll("process", Answers::Plain));

/// Tokens verified by a cache, `sub` in a header for the upstream, the token taken out; one limit for all, whose standing is in three
/// headers of each response; failures counted, and a share of requests refused when there are many. The same in both, but that
/// `admission_control` looks at all requests together, and the breaker at each upstream cluster.
const NATIVE_THREE: [Guard; 3] = [NativeJwtCached(Subject), NativeBucket(Answers::Standing), NativeAdmission];
const OUR_THREE: [Guard; 3] = [
    JwtAuth(Subject),
    Guard::Bucket(Bucket::OfAll("process", Answers::Standing)),
    Guard::Breaker(Breaker::OfCluster),
];

/// Besides, a span of each request, sent by OTLP over gRPC, and a record of each. Envoy's access log writes 14 fields into a file that keeps nothing; our
/// audit log says more of a request, links each record to the one before by its hash, and delivers all by HTTP.
const NATIVE_FIVE: [Guard; 5] =
    [NativeTracer, NativeAccessLog, NATIVE_THREE[0], NATIVE_THREE[1], NATIVE_THREE[2]];
const OUR_FIVE: [Guard; 5] = [
    Guard::Tracing(Tracing::Exported("grpc")),
    Guard::Audit(Audit::Http),
    OUR_THREE[0],
    OUR_THREE[1],
    OUR_THREE[2],
];

impl Case {
    /// The first one is the base of the others; it is sent a token as well.
    pub(crate) const ALL: [Self; 39] = [
        Self::usual("none", &[]),
        Self::usual("jwt-auth-hit", &[JwtAuth(Nothing)]),
        Self::usual("jwt-auth-miss", &[JwtAuth(Nothing)]).sent(Others),
        Self::usual("native-jwt-hit", &[NativeJwtCached(Nothing)]),
        Self::usual("native-jwt-miss", &[NativeJwt]).sent(Others),
        Self::usual("jwt-auth-es256-miss", &[JwtAuth(Nothing)]).sent(Others).signed(Es256),
        Self::usual("native-es256-miss", &[NativeJwt]).sent(Others).signed(Es256),
        Self::other("jwt-auth-flood", &[JwtAuth(Nothing)]).sent(Forged),
        Self::other("native-flood", &[NativeJwt]).sent(Forged),
        Self::other("jwt-auth-module-rs256-miss", &[JwtAuthAlone]).sent(Others),
        Self::other("jwt-auth-module-es256-miss", &[JwtAuthAlone]).sent(Others).signed(Es256),
        Self::other("jwt-auth-module-eddsa-miss", &[JwtAuthAlone]).sent(Others).signed(EdDsa),
        Self::other("jwt-auth-module-hs256-miss", &[JwtAuthAlone]).sent(Others).signed(Hs256),
        Self::usual("token-bucket", &[PLAIN_BUCKET]),
        Self::usual("token-bucket-worker", &[Guard::Bucket(Bucket::OfAll("worker", Answers::Plain))]),
        Self::usual("token-bucket-leased", &[Guard::Bucket(Bucket::OfAll("leased", Answers::Plain))]),
        Self::usual("token-bucket-users", &[Guard::Bucket(Bucket::OfUser("process"))]).sent(Users),
        Self::usual("native-local-ratelimit", &[NativeBucket(Answers::Plain)]),
        Self::usual("circuit-breaker", &[Guard::Breaker(Breaker::OfCluster)]),
        Self::usual("circuit-breaker-alone", &[Guard::Breaker(Breaker::OfAll)]),
        Self::other("circuit-breaker-throttle", &[Guard::Breaker(Breaker::Throttle)]),
        Self::usual("circuit-breaker-open", &[Guard::Breaker(Breaker::Open)]),
        Self::usual("native-admission-control", &[NativeAdmission]),
        Self::usual("trace-injection", &[Guard::Tracing(Tracing::Begun)]),
        Self::usual("trace-injection-continued", &[Guard::Tracing(Tracing::Continued)]).sent(Traced),
        Self::usual("trace-injection-otlp", &[Guard::Tracing(Tracing::Exported("grpc"))]),
        Self::other("trace-injection-otlp-json", &[Guard::Tracing(Tracing::Exported("http_json"))]),
        Self::usual("native-otel-tracer", &[NativeTracer]),
        Self::usual("audit-log", &[Guard::Audit(Audit::Http)]),
        Self::other("audit-log-otlp", &[Guard::Audit(Audit::Otlp)]),
        Self::usual("native-access-log", &[NativeAccessLog]),
        Self::other("token-bucket-users-leased", &[Guard::Bucket(Bucket::OfUser("leased"))]).sent(Users),
        Self::other("none-4-workers", &[]).with_workers(4),
        Self::other("token-bucket-4-workers", &[PLAIN_BUCKET]).with_workers(4),
        Self::usual("three-native", &NATIVE_THREE),
        Self::usual("suite-three", &OUR_THREE).packed(Packing::Suite),
        Self::usual("all-native", &NATIVE_FIVE),
        Self::usual("five-modules", &OUR_FIVE),
        Self::usual("suite", &OUR_FIVE).packed(Packing::Suite),
    ];

    const fn usual(name: &'static str, guards: &'static [Guard]) -> Self {
        let (algorithm, tokens, packing) = (Rs256, Same, Packing::Modules);
        Self { name, guards, packing, algorithm, tokens, workers: 1, is_usual: true }
    }

    const fn other(name: &'static str, guards: &'static [Guard]) -> Self {
        Self { is_usual: false, ..Self::usual(name, guards) }
    }

    const fn sent(self, tokens: Tokens) -> Self {
        Self { tokens, ..self }
    }

    const fn signed(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    const fn packed(self, packing: Packing) -> Self {
        Self { packing, ..self }
    }

    const fn with_workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    /// The modules that it needs, below `dist`.
    pub(crate) fn modules(self) -> BTreeSet<String> {
        let ours = self.guards.iter().filter_map(|guard| guard.ours());
        match self.packing {
            Packing::Modules => ours.map(|name| format!("{name}.wasm")).collect(),
            Packing::Suite => ours.map(|_| SUITE.to_owned()).collect(),
        }
    }

    /// How a request without a token is answered.
    pub(crate) fn status_without_token(self) -> u16 {
        if self.guards.iter().any(|guard| guard.refuses_strangers()) { 401 } else { 200 }
    }

    /// How every request has to be answered.
    pub(crate) fn status(self) -> u16 {
        if self.tokens == Forged { 401 } else { 200 }
    }

    pub(crate) fn requests(self, pool: &Pool) -> Requests {
        match self.tokens {
            Same => Requests::new(pool.tokens.iter().take(1)),
            Others => Requests::new(pool.tokens.iter()),
            Forged => Requests::new(pool.forged().iter()),
            Users => Requests::of_users(pool.tokens.iter().take(1), USERS),
            Traced => Requests::in_a_trace(pool.tokens.iter().take(1)),
        }
    }

    pub(crate) fn filters(self, modules: &Path, pool: &Pool) -> Vec<Filter> {
        match self.packing {
            Packing::Modules => self.guards.iter().filter_map(|guard| guard.filter(modules, pool)).collect(),
            Packing::Suite => vec![Filter::wasm(&modules.join(SUITE), self.of_suite(pool).to_string())],
        }
    }

    /// The configuration of the suite: a member for each filter, by its name.
    fn of_suite(self, pool: &Pool) -> Value {
        let member = |guard: &Guard| Some((guard.ours()?.replace('-', "_"), guard.configuration(pool)?));
        self.guards.iter().filter_map(member).collect::<Map<_, _>>().into()
    }

    /// Who has to be there for what it sends.
    pub(crate) fn sinks(self) -> BTreeSet<Sink> {
        self.guards.iter().filter_map(|guard| Some(guard.exports()?.0)).collect()
    }

    /// Further members of the connection manager.
    pub(crate) fn connection_manager(self) -> Map<String, Value> {
        let members = self.guards.iter().filter_map(|guard| guard.member());
        members.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The module with all filters in it.
const SUITE: &str = "portcullis.wasm";

/// The tokens of all algorithms that some cases need.
pub(crate) type Pools = BTreeMap<Algorithm, Pool>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_cases_have_the_same_name() {
        let names: BTreeSet<_> = Case::ALL.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), Case::ALL.len());
    }

    #[test]
    fn the_suite_has_the_configurations_of_the_five_modules() {
        let case = |name| Case::ALL.into_iter().find(|case| case.name == name).unwrap();
        let (suite, modules) = (case("suite"), case("five-modules"));
        assert_eq!(suite.modules(), BTreeSet::from(["portcullis.wasm".to_owned()]));
        assert_eq!(modules.modules().len(), 5);
        let pool = Pool::mint(Rs256, 1).unwrap();
        let members = suite.of_suite(&pool);
        for guard in modules.guards {
            let name = guard.ours().unwrap().replace('-', "_");
            assert_eq!(members.get(&name), guard.configuration(&pool).as_ref(), "{name}");
        }
    }
}
