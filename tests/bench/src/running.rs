use std::path::Path;
use std::thread;
use std::time::Duration;

use portcullis_envoy::{Bootstrap, EnvoyProcess, Launch, RouteAction, Servers};
use portcullis_scenario::TargetError;
use portcullis_sim::http::Response;
use portcullis_sim::{Answer, AnswerKind, Cluster, GrpcAnswer};

use crate::cases::Case;
use crate::cpu;
use crate::guard::{Guard, Sink};
use crate::lab::Lab;
use crate::load::{Load, Target, answer_to, paced, run};
use crate::requests::{Requests, of_a_stranger};
use crate::sample::Sample;
use crate::setting::{CLUSTER, Protocol, Setting, Upstream};
use crate::tokens::Pool;
use crate::upstream::Server;

/// One case in an Envoy of its own.
pub(crate) struct Running {
    case: Case,
    setting: Setting,
    process: EnvoyProcess,
    target: Target,
    // Both go after Envoy.
    upstream: Option<Server>,
    _sinks: Servers,
}

impl Running {
    pub(crate) fn start(lab: &Lab, setting: Setting, case: Case) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", case.name);
        let pool = lab.pool(case)?;
        let sinks = sinks(case).map_err(|error| named(&error))?;
        let upstream = (setting.upstream == Upstream::Real).then(|| Server::start(setting.protocol));
        let upstream = upstream.transpose().map_err(|error| named(&error))?;
        let bootstrap = bootstrap(case, pool, &lab.modules, &sinks, upstream.as_ref());
        let launch = Launch { concurrency: setting.workers, trace_plugins: false };
        let directory = tempfile::tempdir().map_err(|error| named(&error))?;
        let process = EnvoyProcess::start(&lab.binary, &bootstrap, launch, directory);
        let process = process.map_err(|error| named(&error))?;
        let requests = case.requests(setting.protocol, pool);
        let target = Target { address: process.listener(), requests, status: case.status() };
        let running = Self { case, setting, process, target, upstream, _sinks: sinks };
        running.check_that_it_guards(&case.requests(Protocol::Http1, pool)).map_err(|error| named(&error))?;
        Ok(running)
    }

    pub(crate) fn case(&self) -> Case {
        self.case
    }

    /// Keeps Envoy busy for `span`.
    pub(crate) fn load(&self, span: Duration) -> Result<Load, String> {
        run(&self.target, span).map_err(|error| format!("{}: {error}", self.case.name))
    }

    /// Keeps Envoy busy and measures it for `span`, after `prime`.
    pub(crate) fn sample(&self, prime: Duration, span: Duration) -> Result<Sample, String> {
        self.load(prime)?;
        self.measured(|| self.load(span))
    }

    /// The same at a fixed rate.
    pub(crate) fn paced(&self, rate: u32, span: Duration) -> Result<Sample, String> {
        let failed = |error| format!("{}: {error}", self.case.name);
        self.measured(|| paced(&self.target, rate, span).map_err(failed))
    }

    /// The memory of Envoy that is in RAM.
    pub(crate) fn resident_mib(&self) -> Result<f64, String> {
        cpu::resident_mib(self.process.id())
    }

    fn measured(&self, load: impl FnOnce() -> Result<Load, String>) -> Result<Sample, String> {
        let before = cpu::time(self.process.id())?;
        let load = load()?;
        let spent = cpu::time(self.process.id())?.saturating_sub(before);
        self.check_that_all_is_sent()?;
        Ok(Sample::new(spent, load, self.resident_mib()?))
    }

    /// A span, or a record, that is dropped is cheaper than one that is sent.
    fn check_that_all_is_sent(&self) -> Result<(), String> {
        for (_, [sent, dropped]) in self.case.guards.iter().filter_map(|guard| guard.exports()) {
            let (sent, dropped) = (self.count(sent)?, self.count(dropped)?);
            if dropped > sent / 100 {
                return Err(format!("{}: {dropped} were dropped and {sent} sent", self.case.name));
            }
        }
        Ok(())
    }

    /// One that is never sent is cheaper still.
    pub(crate) fn check_that_it_has_sent(&self) -> Result<(), String> {
        let exports = self.case.guards.iter().filter_map(|guard| guard.exports());
        exports.map(|(_, [sent, _])| sent).try_for_each(|sent| self.check_that_it_counts(sent))
    }

    /// A filter that lets everything pass would be fast, and the figure worthless. All listeners speak HTTP/1.1 as well.
    fn check_that_it_guards(&self, requests: &Requests) -> Result<(), String> {
        let (status, _) = answer_to(self.target.address, &of_a_stranger())?;
        if status != self.case.status_without_token() {
            return Err(format!("a request without a token is answered with {status}"));
        }
        let (status, answer) = answer_to(self.target.address, &requests.next().unwrap_or_default())?;
        if status != self.case.status() {
            return Err(format!("a request is answered with {status}"));
        }
        if status != 200 {
            return Ok(());
        }
        self.check_headers(Guard::response_header, &answer, "a response")?;
        if let Some(head) = self.upstream.as_ref().and_then(Server::last_head) {
            self.check_headers(Guard::request_header, &head, "what the upstream gets")?;
            let verifies = self.case.guards.iter().any(|guard| guard.refuses_strangers());
            if verifies && head.contains("\r\nauthorization: ") {
                return Err("the upstream gets the token".to_owned());
            }
        }
        let mut counters = self.case.guards.iter().map(|guard| guard.counter(self.setting));
        counters.try_for_each(|counter| self.check_that_it_counts(&counter))
    }

    fn check_headers(
        &self,
        header: fn(Guard) -> Option<&'static str>,
        head: &str,
        what: &str,
    ) -> Result<(), String> {
        let mut headers = self.case.guards.iter().filter_map(|guard| header(*guard));
        match headers.find(|header| !head.contains(&format!("\r\n{header}: "))) {
            Some(missing) => Err(format!("{what} lacks {missing}: {head}")),
            None => Ok(()),
        }
    }

    /// Some count for a moment before they tell.
    fn check_that_it_counts(&self, counter: &str) -> Result<(), String> {
        for _ in 0..200 {
            if self.count(counter)? > 0 {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{}: {counter} stays 0", self.case.name))
    }

    fn count(&self, statistic: &str) -> Result<u64, String> {
        Ok(self.process.admin().stats(statistic)?.values().sum())
    }
}

fn bootstrap(
    case: Case,
    pool: &Pool,
    modules: &Path,
    sinks: &Servers,
    upstream: Option<&Server>,
) -> Bootstrap {
    let action = upstream.map_or(RouteAction::Answer(200), |_| RouteAction::Cluster(CLUSTER));
    Bootstrap {
        filters: case.filters(modules, pool),
        action,
        clusters: sinks.entries.iter().cloned().chain(upstream.map(Server::cluster)).collect(),
        connection_manager: case.connection_manager(),
        ..Bootstrap::default()
    }
}

/// They take every span and every record that they are sent.
fn sinks(case: Case) -> Result<Servers, TargetError> {
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

    fn case(name: &str) -> Case {
        Case::ALL.into_iter().find(|case| case.name == name).unwrap()
    }

    #[test]
    fn envoy_takes_the_tokens_and_refuses_those_of_another_key() {
        for case in Case::ALL.into_iter().filter(|case| case.modules().is_empty()) {
            let mut running = Running::start(&Lab::of_tests(&[case]), Setting::FIRST, case).unwrap();
            let load = running.load(Duration::from_millis(200)).unwrap();
            assert!(load.latencies.len() > 100, "{}: {}", case.name, load.latencies.len());
            let others = Pool::mint(case.algorithm, 1).unwrap();
            running.target.requests =
                Case { tokens: Tokens::Same, ..case }.requests(Protocol::Http1, &others);
            let foreign = running.load(Duration::from_millis(100));
            match case.status_without_token() {
                200 => assert!(foreign.is_ok()),
                _ if case.tokens == Tokens::Forged => assert!(foreign.is_ok()),
                _ => assert!(foreign.unwrap_err().contains("Envoy answers 401")),
            }
        }
    }

    #[test]
    fn all_of_envoy_s_filters_do_their_work_in_every_setting() {
        let case = case("all-native");
        let lab = Lab::of_tests(&[case]);
        for setting in Setting::ALL {
            let running = Running::start(&lab, setting, case).unwrap();
            let sample = running.sample(Duration::from_millis(50), Duration::from_millis(100)).unwrap();
            assert!((1.0..10_000.0).contains(&sample.cpu_us), "{setting}: {sample:?}");
        }
    }

    #[test]
    fn a_filter_that_lets_everybody_pass_is_not_measured() {
        let lab = Lab::of_tests(&[case("none")]);
        let mut running = Running::start(&lab, Setting::FIRST, case("none")).unwrap();
        running.case = case("jwt-auth-hit");
        let requests = case("none").requests(Protocol::Http1, lab.pool(case("none")).unwrap());
        let error = running.check_that_it_guards(&requests).unwrap_err();
        assert!(error.contains("without a token is answered with 200"), "{error}");
    }
}
