use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use portcullis_envoy::{Bootstrap, EnvoyBinary, EnvoyProcess, Launch, Servers};

use portcullis_scenario::TargetError;
use portcullis_sim::http::Response;
use portcullis_sim::{Answer, AnswerKind, Cluster, GrpcAnswer};

use crate::cases::Case;
use crate::guards::COLLECTOR;
use crate::load::{Load, Requests, answer_to};
use crate::report::Sample;
use crate::tokens::Pool;
use crate::{cpu, load};

/// One case in an Envoy of its own.
pub(crate) struct Running {
    case: Case,
    process: EnvoyProcess,
    requests: Requests,
    /// Goes after Envoy.
    _collector: Option<Servers>,
}

impl Running {
    pub(crate) fn start(
        case: Case,
        binary: &EnvoyBinary,
        modules: &Path,
        pool: &Pool,
    ) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", case.name);
        let module = modules.join(case.module().unwrap_or_default());
        let collector = case.exports().then(|| collector(case)).transpose().map_err(|error| named(&error))?;
        let bootstrap = Bootstrap {
            filters: case.filters(&module, pool),
            clusters: collector.iter().flat_map(|collector| collector.entries.clone()).collect(),
            connection_manager: case.connection_manager(),
            ..Bootstrap::default()
        };
        let launch = Launch { concurrency: case.workers, trace_plugins: false };
        let directory = tempfile::tempdir().map_err(|error| named(&error))?;
        let process = EnvoyProcess::start(binary, &bootstrap, launch, directory);
        let process = process.map_err(|error| named(&error))?;
        let running = Self { case, process, requests: case.requests(pool), _collector: collector };
        running.check_that_it_guards()?;
        Ok(running)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.case.name
    }

    /// Keeps Envoy busy for `span`.
    pub(crate) fn load(&self, span: Duration) -> Result<Load, String> {
        let load = load::run(self.process.listener(), &self.requests, self.case.status(), span);
        load.map_err(|error| format!("{}: {error}", self.name()))
    }

    /// Keeps Envoy busy for `span` and measures it.
    pub(crate) fn sample(&mut self, span: Duration) -> Result<Sample, String> {
        let before = cpu::time(self.process.id())?;
        let load = self.load(span)?;
        let spent = cpu::time(self.process.id())?.saturating_sub(before);
        self.check_that_all_is_sent()?;
        Ok(Sample::new(spent, load, cpu::resident_mib(self.process.id())?))
    }

    /// A span, or a record, that is dropped is cheaper than one that is sent.
    fn check_that_all_is_sent(&self) -> Result<(), String> {
        let [Some(sent), Some(dropped)] = self.case.sent() else { return Ok(()) };
        let count = |name: &str| Ok::<_, String>(self.process.admin().stats(name)?.values().sum::<u64>());
        let (sent, dropped) = (count(sent)?, count(dropped)?);
        match dropped > sent / 100 {
            true => Err(format!("{}: {dropped} were dropped and {sent} sent", self.name())),
            false => Ok(()),
        }
    }

    /// A filter that lets everything pass would be fast, and the figure worthless.
    fn check_that_it_guards(&self) -> Result<(), String> {
        let request = b"GET / HTTP/1.1\r\nhost: bench.example\r\n\r\n";
        let (status, expected) =
            (answer_to(self.process.listener(), request)?, self.case.status_without_token());
        if status != expected {
            return Err(format!("{}: a request without a token is answered with {status}", self.name()));
        }
        let Some(counter) = self.case.counter() else { return Ok(()) };
        // Some count for a moment before they tell.
        let mut count = 0;
        for _ in 0..200 {
            count = self.process.admin().stats(counter)?.values().sum::<u64>();
            if count > 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        match count {
            0 => Err(format!("{}: {counter} stays 0", self.name())),
            _ => Ok(()),
        }
    }
}

/// Takes every span and every record that it is sent.
fn collector(case: Case) -> Result<Servers, TargetError> {
    let kind = match case.is_by_grpc() {
        true => AnswerKind::Grpc(GrpcAnswer { messages: vec![Vec::new()], ..GrpcAnswer::default() }),
        false => AnswerKind::Response(Response { status: 200, ..Response::default() }),
    };
    let cluster = Cluster { answers: vec![Answer { kind, ..Answer::default() }], ..Cluster::default() };
    Servers::start(&BTreeMap::from([(COLLECTOR.to_owned(), cluster)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Tokens;

    fn start(case: Case, pool: &Pool) -> Result<Running, String> {
        let binary = EnvoyBinary::find().unwrap_or_else(|remedy| panic!("{remedy}"));
        Running::start(case, &binary, Path::new("/nowhere"), pool)
    }

    #[test]
    fn envoy_takes_the_tokens_and_refuses_those_of_another_key() {
        for case in Case::ALL.into_iter().filter(|case| case.module().is_none()) {
            let pool = Pool::mint(case.algorithm, 20).unwrap();
            let others = Pool::mint(case.algorithm, 1).unwrap();
            let mut running = start(case, &pool).unwrap();
            let load = running.load(Duration::from_millis(200)).unwrap();
            assert!(load.latencies.len() > 100, "{}: {}", case.name, load.latencies.len());
            running.requests = Case { tokens: Tokens::Same, ..case }.requests(&others);
            let foreign = running.load(Duration::from_millis(100));
            match case.status_without_token() {
                200 => assert!(foreign.is_ok()),
                _ if case.tokens == Tokens::Forged => assert!(foreign.is_ok()),
                _ => assert!(foreign.unwrap_err().contains("Envoy answers 401")),
            }
        }
    }

    #[test]
    fn a_filter_that_lets_everybody_pass_is_not_measured() {
        let [none, hit, ..] = Case::ALL;
        let mut running = start(none, &Pool::mint(none.algorithm, 1).unwrap()).unwrap();
        running.case = hit;
        let error = running.check_that_it_guards().unwrap_err();
        assert!(error.contains("without a token is answered with 200"), "{error}");
    }
}
