use std::path::Path;
use std::time::Duration;

use portcullis_envoy::{Bootstrap, EnvoyBinary, EnvoyProcess, Launch, Servers};

use portcullis_scenario::TargetError;
use portcullis_sim::http::Response;
use portcullis_sim::{Answer, AnswerKind, Cluster, GrpcAnswer};

use crate::cases::Case;
use crate::guard::Sink;
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
    _collector: Servers,
}

impl Running {
    pub(crate) fn start(
        case: Case,
        binary: &EnvoyBinary,
        modules: &Path,
        pool: &Pool,
    ) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", case.name);
        let collector = collector(case).map_err(|error| named(&error))?;
        let bootstrap = Bootstrap {
            filters: case.filters(modules, pool),
            clusters: collector.entries.clone(),
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
        let count = |name: &str| Ok::<_, String>(self.process.admin().stats(name)?.values().sum::<u64>());
        for (_, [sent, dropped]) in self.case.guards.iter().filter_map(|guard| guard.exports()) {
            let (sent, dropped) = (count(sent)?, count(dropped)?);
            if dropped > sent / 100 {
                return Err(format!("{}: {dropped} were dropped and {sent} sent", self.name()));
            }
        }
        Ok(())
    }

    /// A filter that lets everything pass would be fast, and the figure worthless.
    fn check_that_it_guards(&self) -> Result<(), String> {
        let stranger = b"GET / HTTP/1.1\r\nhost: bench.example\r\n\r\n";
        let (status, _) = answer_to(self.process.listener(), stranger)?;
        if status != self.case.status_without_token() {
            return Err(format!("{}: a request without a token is answered with {status}", self.name()));
        }
        let (status, answer) = answer_to(self.process.listener(), &self.requests.next().unwrap_or_default())?;
        if status != self.case.status() {
            return Err(format!("{}: a request is answered with {status}", self.name()));
        }
        let mut headers = self.case.guards.iter().filter_map(|guard| guard.response_header());
        if let Some(missing) = headers.find(|header| !answer.contains(&format!("\r\n{header}: "))) {
            return Err(format!("{}: an answer lacks {missing}", self.name()));
        }
        match self.case.status() {
            200 => self.case.guards.iter().try_for_each(|guard| self.check_that_it_counts(guard.counter())),
            _ => Ok(()),
        }
    }

    fn check_that_it_counts(&self, counter: &str) -> Result<(), String> {
        // Some count for a moment before they tell.
        for _ in 0..200 {
            if self.process.admin().stats(counter)?.values().sum::<u64>() > 0 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{}: {counter} stays 0", self.name()))
    }
}

/// Takes every span and every record that it is sent.
fn collector(case: Case) -> Result<Servers, TargetError> {
    let cluster = |sink: Sink| {
        let kind = match sink {
            Sink::Grpc => {
                AnswerKind::Grpc(GrpcAnswer { messages: vec![Vec::new()], ..GrpcAnswer::default() })
            }
            Sink::Http => AnswerKind::Response(Response { status: 200, ..Response::default() }),
        };
        let cluster = Cluster { answers: vec![Answer { kind, ..Answer::default() }], ..Cluster::default() };
        (sink.cluster().to_owned(), cluster)
    };
    Servers::start(&case.sinks().into_iter().map(cluster).collect())
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
        for case in Case::ALL.into_iter().filter(|case| case.modules().is_empty()) {
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
