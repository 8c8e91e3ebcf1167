use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_sim::http::{CallOut, LogLine, Request, Response};
use portcullis_sim::tcp::{Conversation, TcpExchange};

use super::*;
use crate::report::Ending;

/// A proxy that logs and calls out once at the start and once per request, and echoes what a connection brings.
#[derive(Clone, Default)]
struct Chatty {
    name: &'static str,
    seen: Vec<String>,
    refusal: Option<TargetError>,
}

impl Start for Chatty {
    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&self, _: &Setup) -> Result<Box<dyn Target>, TargetError> {
        match &self.refusal {
            Some(error) => Err(error.clone()),
            None => Ok(Box::new(Self { seen: vec!["started".into()], ..self.clone() })),
        }
    }
}

impl Target for Chatty {
    fn name(&self) -> &'static str {
        self.name
    }

    fn send(&mut self, requests: &[Sending]) -> Result<Vec<Exchange>, TargetError> {
        let exchange = |sending: &Sending| {
            self.seen.push(String::from_utf8_lossy(&sending.request.headers[1].1).into_owned());
            Exchange { client: Some(Response { status: 200, ..Response::default() }), ..Exchange::default() }
        };
        Ok(requests.iter().map(exchange).collect())
    }

    fn converse(&mut self, conversation: &Conversation) -> Result<TcpExchange, TargetError> {
        let to_client = format!("{} things", conversation.steps.len()).into_bytes();
        Ok(TcpExchange { to_client, closed_by_proxy: true, ..TcpExchange::default() })
    }

    fn advance(&mut self, by: Duration) -> Result<(), TargetError> {
        self.seen.push(format!("{} s", by.as_secs()));
        Ok(())
    }

    fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError> {
        Ok(BTreeMap::from([("seen".to_owned(), self.seen.len() as u64)]))
    }

    fn logs(&mut self) -> Result<Vec<LogLine>, TargetError> {
        let line = |message: &String| LogLine { level: log::Level::Info, message: message.clone() };
        Ok(self.seen.iter().map(line).collect())
    }

    fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError> {
        let call = |path: &String| CallOut {
            cluster: "auth".into(),
            request: Request {
                headers: vec![(b":path".to_vec(), path.clone().into_bytes())],
                ..Request::default()
            },
        };
        Ok(self.seen.iter().map(call).collect())
    }
}

fn play(target: &Chatty, text: &str) -> ScenarioReport {
    let text = format!("name: n\nfilter: f\n{text}\n");
    run(&Scenario::load("s.yaml", &text, &|_| Err(String::new())).unwrap(), target)
}

/// What is not as expected, by step.
fn wrong(steps: &str) -> Vec<(String, String)> {
    let report = play(&Chatty::default(), &format!("steps: [{steps}]"));
    let steps = report.steps.into_iter();
    steps.flat_map(|step| step.mismatches.into_iter().map(move |it| (step.name.clone(), it.what))).collect()
}

const NONE: [(String, String); 0] = [];

#[test]
fn log_and_call_outs_are_those_since_the_previous_step() {
    let steps = r#"{request: {path: /1}, expect: {log: [/1], call_outs: [{cluster: auth, headers: {":path": /1}}]}},
        {concurrent: [{request: {path: /2}}, {request: {path: /3}}], expect: {log: [/2, {level: info, message: /3}]}},
        {advance: 3s, expect: {log: [3 s], logs: [started, /1], metrics: {seen: 5}}},
        {expect: {log: [], call_outs: []}}"#;
    assert_eq!(wrong(steps), NONE);
    let too_many = r#"{request: {path: /1}, expect: {log: [started, /1], call_outs: []}}"#;
    let expected = [("step 1", "log since the previous step"), ("step 1", "number of call-outs")]
        .map(|(a, b)| (a.into(), b.into()));
    assert_eq!(wrong(too_many), expected);
}

#[test]
fn the_start_is_seen_by_a_first_step_that_only_looks() {
    assert_eq!(wrong("{expect: {log: [started]}}, {request: {}, expect: {log: [/]}}"), NONE);
    assert_eq!(wrong("{request: {}, expect: {log: [/]}}, {expect: {log: []}}"), NONE);
}

#[test]
fn a_connection_is_compared_at_both_ends() {
    assert_eq!(
        wrong("{tcp: [{client: a}, {close: client}], expect: {to_client: 2 things, closed_by_proxy: true}}"),
        NONE
    );
    let found = wrong("{tcp: [{client: a}], expect: {to_client: x, to_upstream: y, closed_by_proxy: false}}");
    let found: Vec<_> = found.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(found, ["to the upstream", "to the client", "connection"]);
}

#[test]
fn each_of_several_requests_is_told_by_its_name() {
    let found = wrong(
        "{name: s, concurrent: [{name: a, request: {}}, {name: b, request: {}, expect: {status: 201}}]}",
    );
    assert_eq!(found, [("s: b".to_owned(), "status".to_owned())]);
}

#[test]
fn envoy_refuses_a_module_in_words_of_its_own() {
    let refusing = |name, why: &str| Chatty {
        name,
        refusal: Some(TargetError::Broken(why.into())),
        ..Chatty::default()
    };
    let scenario = "load_error: {contains: nope}";
    let ended = "Envoy does not start: Envoy ended with exit status: 1";
    assert_eq!(play(&refusing("envoy", ended), scenario).outcome, Ending::Passed);
    assert_eq!(play(&refusing("envoy", "no port"), scenario).outcome, Ending::Failed);
    assert_eq!(play(&refusing("wasm", ended), scenario).outcome, Ending::Failed);
    assert_eq!(play(&refusing("wasm", "import env.nope"), scenario).outcome, Ending::Passed);
    assert_eq!(play(&Chatty::default(), scenario).outcome, Ending::Failed);
}

#[test]
fn what_a_target_cannot_play_is_not_run() {
    let steps = "steps: [{request: {}}]";
    let not_here = |why: &str| Ending::NotRun(why.into());
    let envoy = Chatty { name: "envoy", ..Chatty::default() };
    assert_eq!(play(&envoy, &format!("not_on_envoy: why\n{steps}")).outcome, not_here("why"));
    assert_eq!(play(&Chatty::default(), &format!("not_on_envoy: why\n{steps}")).outcome, Ending::Passed);
    let outcome = play(&Chatty::default(), &format!("tolerate_traps: true\n{steps}")).outcome;
    assert_eq!(outcome, not_here("a trap ends a scenario on this target"));
}
