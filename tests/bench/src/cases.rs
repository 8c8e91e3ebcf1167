use std::path::Path;
use std::time::Duration;

use portcullis_envoy::{Bootstrap, EnvoyBinary, EnvoyProcess, Filter, Launch};
use serde_json::{Value, json};

use crate::load::{Load, Requests, answer_to};
use crate::report::Sample;
use crate::tokens::{AUDIENCE, ISSUER, Pool};
use crate::{cpu, load};

/// What stands before the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Nothing.
    None,
    /// Our module, the same token each time.
    JwtAuthHit,
    /// Our module, another token each time.
    JwtAuthMiss,
    /// Envoy's filter with its cache, the same token each time.
    NativeHit,
    /// Envoy's filter without its cache, another token each time.
    NativeMiss,
}

impl Case {
    pub(crate) const ALL: [Self; 5] =
        [Self::None, Self::JwtAuthHit, Self::JwtAuthMiss, Self::NativeHit, Self::NativeMiss];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::JwtAuthHit => "jwt-auth-hit",
            Self::JwtAuthMiss => "jwt-auth-miss",
            Self::NativeHit => "native-jwt-hit",
            Self::NativeMiss => "native-jwt-miss",
        }
    }

    pub(crate) fn needs_module(self) -> bool {
        matches!(self, Self::JwtAuthHit | Self::JwtAuthMiss)
    }

    fn filters(self, module: &Path, pool: &Pool) -> Vec<Filter> {
        match self {
            Self::None => Vec::new(),
            Self::JwtAuthHit | Self::JwtAuthMiss => {
                vec![Filter::wasm(module, jwt_auth(pool).to_string())]
            }
            Self::NativeHit => vec![Filter::Other(jwt_authn(pool, Some(json!({}))))],
            Self::NativeMiss => vec![Filter::Other(jwt_authn(pool, None))],
        }
    }

    /// The same bearer token in all requests, or one of its own in each: `none` reads a token as well.
    fn requests(self, pool: &Pool) -> Requests {
        match self {
            Self::None | Self::JwtAuthHit | Self::NativeHit => Requests::new(pool.tokens.iter().take(1)),
            Self::JwtAuthMiss | Self::NativeMiss => Requests::new(pool.tokens.iter()),
        }
    }
}

/// One case in an Envoy of its own.
pub(crate) struct Running {
    case: Case,
    process: EnvoyProcess,
    requests: Requests,
}

impl Running {
    pub(crate) fn start(
        case: Case,
        binary: &EnvoyBinary,
        module: &Path,
        pool: &Pool,
    ) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", case.name());
        let bootstrap = Bootstrap { filters: case.filters(module, pool), ..Bootstrap::default() };
        let launch = Launch { concurrency: 1, trace_plugins: false };
        let directory = tempfile::tempdir().map_err(|error| named(&error))?;
        let process = EnvoyProcess::start(binary, &bootstrap, launch, directory);
        let process = process.map_err(|error| named(&error))?;
        let running = Self { case, process, requests: case.requests(pool) };
        running.check_that_it_guards()?;
        Ok(running)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.case.name()
    }

    /// Keeps Envoy busy for `span`.
    pub(crate) fn load(&self, span: Duration) -> Result<Load, String> {
        let load = load::run(self.process.listener(), &self.requests, span);
        load.map_err(|error| format!("{}: {error}", self.name()))
    }

    /// Keeps Envoy busy for `span` and measures it.
    pub(crate) fn sample(&mut self, span: Duration) -> Result<Sample, String> {
        let before = cpu::time(self.process.id())?;
        let load = self.load(span)?;
        let spent = cpu::time(self.process.id())?.saturating_sub(before);
        Ok(Sample::new(spent, load, cpu::resident_mib(self.process.id())?))
    }

    /// A filter that lets everything pass would be fast, and the figure worthless.
    fn check_that_it_guards(&self) -> Result<(), String> {
        let expected = if self.case == Case::None { 200 } else { 401 };
        match answer_to(self.process.listener(), b"GET / HTTP/1.1\r\nhost: bench.example\r\n\r\n")? {
            status if status == expected => Ok(()),
            status => Err(format!("{}: a request without a token is answered with {status}", self.name())),
        }
    }
}

fn jwt_auth(pool: &Pool) -> Value {
    json!({
        "providers": [{
            "name": "bench",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "jwks": { "inline": pool.jwks() },
        }],
        "otherwise": { "provider": "bench" },
    })
}

fn jwt_authn(pool: &Pool, cache: Option<Value>) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": pool.jwks().to_string() },
    });
    if let (Some(cache), Some(provider)) = (cache, provider.as_object_mut()) {
        provider.insert("jwt_cache_config".to_owned(), cache);
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "bench": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "bench" } }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(case: Case, pool: &Pool) -> Result<Running, String> {
        let binary = EnvoyBinary::find().unwrap_or_else(|remedy| panic!("{remedy}"));
        Running::start(case, &binary, Path::new("/nowhere"), pool)
    }

    #[test]
    fn envoy_takes_the_tokens_and_refuses_those_of_another_key() {
        let pool = Pool::mint(20).unwrap();
        let others = Pool::mint(1).unwrap();
        for case in [Case::None, Case::NativeHit, Case::NativeMiss] {
            let mut running = start(case, &pool).unwrap();
            let load = running.load(Duration::from_millis(200)).unwrap();
            assert!(load.latencies.len() > 100, "{case:?}: {}", load.latencies.len());
            running.requests = case.requests(&others);
            let foreign = running.load(Duration::from_millis(100));
            match case {
                Case::None => assert!(foreign.is_ok()),
                _ => assert!(foreign.unwrap_err().contains("Envoy answers 401")),
            }
        }
    }

    #[test]
    fn a_filter_that_lets_everybody_pass_is_not_measured() {
        let mut running = start(Case::None, &Pool::mint(1).unwrap()).unwrap();
        running.case = Case::NativeHit;
        let error = running.check_that_it_guards().unwrap_err();
        assert!(error.contains("without a token is answered with 200"), "{error}");
    }
}
