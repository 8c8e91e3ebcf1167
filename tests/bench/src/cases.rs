use std::collections::BTreeSet;
use std::path::Path;

use portcullis_envoy::Filter;
use serde_json::{Map, Value};

use crate::guard::{Answers, Audit, Breaker, Bucket, Guard, Outputs, Sink, Tracing};
use crate::requests::Requests;
use crate::setting::Protocol;
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
    /// The case of Envoy's own that it is compared with.
    pub(crate) native: Option<&'static str>,
    /// Whether it is measured in every setting, and in the short mode.
    pub(crate) is_main: bool,
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
    pub(crate) const ALL: [Self; 37] = [
        Self::main("none", &[]),
        Self::main("jwt-auth-hit", &[JwtAuth(Nothing)]).beside("native-jwt-hit"),
        Self::main("native-jwt-hit", &[NativeJwtCached(Nothing)]),
        Self::main("token-bucket", &[PLAIN_BUCKET]).beside("native-local-ratelimit"),
        Self::main("native-local-ratelimit", &[NativeBucket(Answers::Plain)]),
        Self::main("circuit-breaker", &[Guard::Breaker(Breaker::OfCluster)])
            .beside("native-admission-control"),
        Self::main("native-admission-control", &[NativeAdmission]),
        Self::main("trace-injection", &[Guard::Tracing(Tracing::Begun)]),
        Self::main("trace-injection-otlp", &[Guard::Tracing(Tracing::Exported("grpc"))])
            .beside("native-otel-tracer"),
        Self::main("native-otel-tracer", &[NativeTracer]),
        Self::main("audit-log", &[Guard::Audit(Audit::Http)]).beside("native-access-log"),
        Self::main("native-access-log", &[NativeAccessLog]),
        Self::main("suite-three", &OUR_THREE).packed(Packing::Suite).beside("three-native"),
        Self::main("three-native", &NATIVE_THREE),
        Self::main("suite", &OUR_FIVE).packed(Packing::Suite).beside("all-native"),
        Self::main("five-modules", &OUR_FIVE).beside("all-native"),
        Self::main("all-native", &NATIVE_FIVE),
        Self::further("jwt-auth-miss", &[JwtAuth(Nothing)]).sent(Others).beside("native-jwt-miss"),
        Self::further("native-jwt-miss", &[NativeJwt]).sent(Others),
        Self::further("jwt-auth-es256-miss", &[JwtAuth(Nothing)])
            .sent(Others)
            .signed(Es256)
            .beside("native-es256-miss"),
        Self::further("native-es256-miss", &[NativeJwt]).sent(Others).signed(Es256),
        Self::further("jwt-auth-flood", &[JwtAuth(Nothing)]).sent(Forged).beside("native-flood"),
        Self::further("native-flood", &[NativeJwt]).sent(Forged),
        Self::further("jwt-auth-module-rs256-miss", &[JwtAuthAlone]).sent(Others),
        Self::further("jwt-auth-module-es256-miss", &[JwtAuthAlone]).sent(Others).signed(Es256),
        Self::further("jwt-auth-module-eddsa-miss", &[JwtAuthAlone]).sent(Others).signed(EdDsa),
        Self::further("jwt-auth-module-hs256-miss", &[JwtAuthAlone]).sent(Others).signed(Hs256),
        Self::further("token-bucket-worker", &[Guard::Bucket(Bucket::OfAll("worker", Answers::Plain))]),
        Self::further("token-bucket-leased", &[Guard::Bucket(Bucket::OfAll("leased", Answers::Plain))]),
        Self::further("token-bucket-users", &[Guard::Bucket(Bucket::OfUser("process"))]).sent(Users),
        Self::further("token-bucket-users-leased", &[Guard::Bucket(Bucket::OfUser("leased"))]).sent(Users),
        Self::further("circuit-breaker-alone", &[Guard::Breaker(Breaker::OfAll)]),
        Self::further("circuit-breaker-throttle", &[Guard::Breaker(Breaker::Throttle)])
            .beside("native-admission-control"),
        Self::further("circuit-breaker-open", &[Guard::Breaker(Breaker::Open)]),
        Self::further("trace-injection-continued", &[Guard::Tracing(Tracing::Continued)]).sent(Traced),
        Self::further("trace-injection-otlp-json", &[Guard::Tracing(Tracing::Exported("http_json"))])
            .beside("native-otel-tracer"),
        Self::further("audit-log-otlp", &[Guard::Audit(Audit::Otlp)]),
    ];

    const fn main(name: &'static str, guards: &'static [Guard]) -> Self {
        let (algorithm, tokens, packing) = (Rs256, Same, Packing::Modules);
        Self { name, guards, packing, algorithm, tokens, native: None, is_main: true }
    }

    const fn further(name: &'static str, guards: &'static [Guard]) -> Self {
        Self { is_main: false, ..Self::main(name, guards) }
    }

    const fn beside(self, native: &'static str) -> Self {
        Self { native: Some(native), ..self }
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

    pub(crate) fn requests(self, protocol: Protocol, pool: &Pool) -> Requests {
        let one = || pool.tokens.iter().take(1);
        match self.tokens {
            Same => Requests::new(protocol, one()),
            Others => Requests::new(protocol, pool.tokens.iter()),
            Forged => Requests::new(protocol, pool.forged().iter()),
            Users => Requests::new(protocol, one()).of_users(USERS),
            Traced => Requests::with(protocol, one(), &[("traceparent", TRACEPARENT)]),
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

/// Where in a trace a request is that has a place in one.
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The module with all filters in it.
const SUITE: &str = "portcullis.wasm";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_cases_have_the_same_name() {
        let names: BTreeSet<_> = Case::ALL.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), Case::ALL.len());
    }

    #[test]
    fn what_a_case_is_compared_with_is_there_and_gets_the_same() {
        assert_eq!(Case::ALL[0].name, "none");
        for case in Case::ALL {
            let Some(native) = case.native else { continue };
            let native = Case::ALL.into_iter().find(|other| other.name == native).unwrap();
            assert!(native.modules().is_empty(), "{}", native.name);
            assert_eq!((case.algorithm, case.tokens), (native.algorithm, native.tokens), "{}", case.name);
            assert!(native.is_main || !case.is_main, "{}", case.name);
        }
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
