use portcullis_kit::ConfigError;
use portcullis_sim::tcp::{Conversation, Said};

use super::Include;
use super::message::{answer, build_request, bytes};
use crate::expectation::{ExchangeExpected, ProxyExpected, TcpExpected};
use crate::golden::{Golden, portable};
use crate::scenario::{Sent, Step, StepAction};
use crate::schema::{AnswerFile, EndName, Expectation, RequestFile, SaidFile, SentFile, StepFile};
use crate::vars::Vars;
use portcullis_sim::http::Sending;

impl Step {
    /// The step, or one for each of its cases.
    pub(super) fn all(
        index: usize,
        file: &StepFile,
        vars: &Vars,
        include: &Include<'_>,
    ) -> Result<Vec<Self>, ConfigError> {
        let name = file.name.clone().unwrap_or_else(|| format!("step {}", index + 1));
        if file.cases.is_empty() {
            return Ok(vec![Self::new(name, file, vars, include)?]);
        }
        let plain = Self::without_cases(file);
        let cases = file.cases.iter().enumerate().map(|(index, case)| {
            let case_name = case.name.clone().unwrap_or_else(|| format!("case {}", index + 1));
            let mut step = plain.clone();
            step.request = case.request.clone().or(step.request);
            step.upstream = case.upstream.clone().or(step.upstream);
            step.expect = case.expect.clone().unwrap_or(step.expect);
            let vars = vars.with(&case.vars);
            Self::new(format!("{name}: {case_name}"), &step, &vars, include)
                .map_err(|error| error.under(&format!("cases[{index}]")))
        });
        cases.collect()
    }

    fn without_cases(file: &StepFile) -> StepFile {
        StepFile { cases: Vec::new(), ..file.clone() }
    }

    fn new(name: String, file: &StepFile, vars: &Vars, include: &Include<'_>) -> Result<Self, ConfigError> {
        let expected = ProxyExpected::new(&file.expect, vars).map_err(|error| error.under("expect"))?;
        let action = action(file, vars)?;
        let golden = file.expect.golden.as_ref().map(|path| {
            let path = vars.text(path).map_err(|problem| ConfigError::at("expect.golden", problem))?;
            let at = |problem| ConfigError::at("expect.golden", problem);
            portable(&path).map_err(at)?;
            let text = include(&path).ok();
            Ok(Golden { path, text, bless: false, show_secrets: false })
        });
        let golden = golden.transpose()?;
        if matches!(action, StepAction::Look) && expected.is_empty() && golden.is_none() {
            let problem = "nothing happens; write request, concurrent, tcp, advance, or expect with metrics, logs, log or call_outs";
            return Err(ConfigError::at("", problem));
        }
        Ok(Self { name, line: 1, action, expected, golden })
    }
}

fn action(file: &StepFile, vars: &Vars) -> Result<StepAction, ConfigError> {
    let actions = [
        ("request", file.request.is_some()),
        ("concurrent", !file.concurrent.is_empty()),
        ("tcp", !file.tcp.is_empty()),
        ("advance", file.advance.is_some()),
    ];
    let written: Vec<_> = actions.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    if written.len() > 1 {
        let problem = format!("{}; make it {} steps", written.join(" and "), written.len());
        return Err(ConfigError::at("", problem));
    }
    fits(file, vars)?;
    if let Some(request) = &file.request {
        let sent = sent(request, file.upstream.as_ref(), &file.expect, vars)?;
        return Ok(StepAction::Send(vec![sent]));
    }
    if !file.concurrent.is_empty() {
        let sent = file.concurrent.iter().enumerate().map(|(index, file)| {
            one_of_several(index, file, vars).map_err(|error| error.under(&format!("concurrent[{index}]")))
        });
        return Ok(StepAction::Send(sent.collect::<Result<_, _>>()?));
    }
    if !file.tcp.is_empty() {
        let said = file.tcp.iter().enumerate().map(|(index, file)| {
            said(file, vars).map_err(|problem| ConfigError::at(format!("tcp[{index}]"), problem))
        });
        let conversation = Conversation { worker: file.worker, steps: said.collect::<Result<_, _>>()? };
        let expected = TcpExpected::new(&file.expect, vars).map_err(|error| error.under("expect"))?;
        return Ok(StepAction::Converse(conversation, expected));
    }
    Ok(file.advance.map_or(StepAction::Look, |span| StepAction::Advance(span.0)))
}

/// Whether what stands beside the action belongs to it.
fn fits(file: &StepFile, vars: &Vars) -> Result<(), ConfigError> {
    let under_expect = |error: ConfigError| error.under("expect");
    let of_exchange = !ExchangeExpected::new(&file.expect, vars).map_err(under_expect)?.is_empty();
    let of_tcp = !TcpExpected::new(&file.expect, vars).map_err(under_expect)?.is_empty();
    let problem = if file.request.is_none() && (file.upstream.is_some() || of_exchange) {
        "upstream, status, details, headers, body, trailers and no_response need a request in the same step, \
         or stand with each request under concurrent"
    } else if file.tcp.is_empty() && (of_tcp || file.worker.is_some()) {
        "worker, to_upstream, to_client and closed_by_proxy need tcp in the same step; the worker of a request stands within it"
    } else {
        return Ok(());
    };
    Err(ConfigError::at("", problem))
}

fn sent(
    request: &RequestFile,
    upstream: Option<&AnswerFile>,
    expect: &Expectation,
    vars: &Vars,
) -> Result<Sent, ConfigError> {
    let sending = Sending {
        protocol: request.protocol.unwrap_or_default().into(),
        worker: request.worker,
        request: build_request(request, vars).map_err(|error| error.under("request"))?,
        upstream: answer(upstream, vars).map_err(|error| error.under("upstream"))?,
        patience: request.leaves_after.map(|span| span.0),
    };
    let expected = ExchangeExpected::new(expect, vars).map_err(|error| error.under("expect"))?;
    Ok(Sent { name: String::new(), sending, expected })
}

fn one_of_several(index: usize, file: &SentFile, vars: &Vars) -> Result<Sent, ConfigError> {
    let of_proxy = ProxyExpected::new(&file.expect, vars).map_err(|error| error.under("expect"))?;
    if !of_proxy.is_empty()
        || file.expect.golden.is_some()
        || !TcpExpected::new(&file.expect, vars)?.is_empty()
    {
        let problem = "metrics, logs, log, call_outs and golden are expected of the whole step, not of one of its requests";
        return Err(ConfigError::at("expect", problem));
    }
    let name = file.name.clone().unwrap_or_else(|| format!("request {}", index + 1));
    Ok(Sent { name, ..sent(&file.request, file.upstream.as_ref(), &file.expect, vars)? })
}

fn said(file: &SaidFile, vars: &Vars) -> Result<Said, String> {
    Ok(match file {
        SaidFile::Client(text) => Said::ByClient(bytes(text, vars)?),
        SaidFile::Upstream(text) => Said::ByUpstream(bytes(text, vars)?),
        SaidFile::Close(EndName::Client) => Said::ClientCloses,
        SaidFile::Close(EndName::Upstream) => Said::UpstreamCloses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    fn load(step: &str) -> Result<Vec<Step>, String> {
        let text = format!("name: n\nfilter: f\nsteps: [{step}]\n");
        Scenario::load("s.yaml", &text, &|_| Err(String::new()))
            .map(|scenario| scenario.steps)
            .map_err(|error| error.problem)
    }

    #[test]
    fn a_connection_is_a_list_of_what_its_ends_do() {
        let steps = load(
            "{tcp: [{client: a}, {upstream: {hex: ff}}, {close: client}, {close: upstream}], worker: 1}",
        );
        let StepAction::Converse(conversation, _) = &steps.unwrap()[0].action else { panic!() };
        let said = [
            Said::ByClient(b"a".into()),
            Said::ByUpstream(b"\xff".into()),
            Said::ClientCloses,
            Said::UpstreamCloses,
        ];
        assert_eq!(*conversation, Conversation { worker: Some(1), steps: said.into() });
    }

    #[test]
    fn requests_at_the_same_time_are_one_step() {
        let steps =
            load("{concurrent: [{name: a, request: {worker: 1}}, {request: {}, upstream: {fault: reset}}]}");
        let StepAction::Send(sent) = &steps.unwrap()[0].action else { panic!() };
        let names: Vec<_> = sent.iter().map(|sent| (sent.name.as_str(), sent.sending.worker)).collect();
        assert_eq!(names, [("a", Some(1)), ("request 2", None)]);
    }

    #[test]
    fn a_step_does_one_thing_and_expects_what_belongs_to_it() {
        for (step, expected) in [
            ("{request: {}, tcp: [{client: a}]}", "steps[0]: request and tcp; make it 2 steps"),
            ("{advance: 1s, expect: {status: 200}}", "steps[0]: upstream, status, details"),
            ("{request: {}, expect: {to_client: a}}", "steps[0]: worker, to_upstream, to_client"),
            ("{request: {}, worker: 1}", "steps[0]: worker, to_upstream, to_client"),
            ("{concurrent: [{request: {}}], expect: {status: 200}}", "steps[0]: upstream, status, details"),
            (
                "{concurrent: [{request: {}, expect: {log: []}}]}",
                "steps[0].concurrent[0].expect: metrics, logs, log, call_outs and golden",
            ),
            (
                "{request: {}, expect: {no_response: true, status: 200}}",
                "steps[0].expect.no_response: the client gets none",
            ),
            ("{expect: {}}", "steps[0]: nothing happens"),
            (
                "{request: {path: \"${p}\"}, cases: [{vars: {p: /}}, {vars: {}}]}",
                "steps[0].cases[1].request.path: no variable \"p\"",
            ),
        ] {
            let problem = load(step).unwrap_err();
            assert!(problem.starts_with(expected), "{step}: {problem}");
        }
    }
}
