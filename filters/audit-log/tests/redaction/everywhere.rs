//! A secret wherever one can be comes out nowhere, whatever the configuration is.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::outputs::Outputs;
use super::places::{BODIES, PLACES, VISIBLE, visible};
use super::secrets::secret;
use crate::common::recorder::Recorder;
use crate::common::sink::Answer;
use crate::common::{Exchange, recorder};

const KEY: &str = "c2VjcmV0IGtleSBvZiAzMiBieXRlcyBleGFjdGx5ISE=";

/// To how many requests the places are dealt out.
const GROUPS: usize = 5;

/// What is configured.
#[derive(Clone, Debug)]
struct Choice {
    hidden: &'static str,
    level: &'static str,
    schema: &'static str,
    sink: usize,
    is_aggregated: bool,
    has_arrival: bool,
}

fn choice() -> impl Strategy<Value = Choice> {
    let hidden = prop::sample::select(vec!["name_only", "masked", "keyed"]);
    let level = prop::sample::select(vec!["metadata", "headers", "bodies"]);
    let schema = prop::sample::select(vec!["ocsf-1.5", "ocsf-1.8", "ecs"]);
    (hidden, level, schema, 0..5_usize, any::<bool>(), any::<bool>()).prop_map(
        |(hidden, level, schema, sink, is_aggregated, has_arrival)| Choice {
            hidden,
            level,
            schema,
            sink,
            is_aggregated,
            has_arrival,
        },
    )
}

fn config(choice: &Choice) -> Value {
    let sinks = [
        json!({"http": {"cluster": "siem", "path": "/"}}),
        json!({"http": {"cluster": "siem", "path": "/", "format": "json_array"}}),
        json!({"otlp": {"cluster": "collector"}}),
        json!({"otlp": {"cluster": "collector", "protocol": "http_json"}}),
        json!({"envoy_log": {}}),
    ];
    let mut show = json!({
        "request_headers": ["X-Env", "user-agent"], "response_headers": ["x-shown"], "cookies": ["lang"], "query": ["page"],
        "form": ["item"], "json": [["order", "note"]], "hidden": choice.hidden,
        "paths": [{"template": "/reset/{a}/{b}", "show": ["a"]}, {"template": "/files/{a}/**", "show": ["a"]}],
    });
    if choice.hidden == "keyed" {
        show["key"] = json!(KEY);
    }
    let stages =
        if choice.has_arrival { json!(["request_received", "response_complete"]) } else { Value::Null };
    json!({
        "sink": sinks[choice.sink], "schema": choice.schema, "show": show,
        "otherwise": {"level": choice.level, "denied": choice.level, "stages": stages},
        "identity": {"tokens": ["jwt"], "failures": ["failure"], "claims": [["plan"]]},
        "fingerprint": {"headers": ["authorization", "x-secret"], "query": true, "body": true},
        "duplicates": choice.is_aggregated.then(|| json!({"window": "10s"})),
    })
}

/// Lets everything out that there is to come.
fn let_out(recorder: &mut Recorder) -> Outputs {
    recorder.pass_seconds(2);
    recorder.answer(Answer::Status(400));
    recorder.pass_seconds(12);
    recorder.answer(Answer::Take);
    recorder.pass_seconds(3);
    recorder.answer(Answer::Take);
    // What was refused is missing.
    recorder.is_verified = false;
    Outputs::of(recorder)
}

/// Records an exchange in every way that there is.
fn record(recorder: &mut Recorder, exchange: &Exchange) {
    recorder.record(exchange);
    let denied = Exchange::denied();
    let denied = Exchange {
        attributes: [exchange.attributes.clone(), denied.attributes].concat(),
        ..exchange.clone()
    };
    recorder.record(&denied);
    recorder.log_only(&denied);
    recorder.log_only(&denied);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_comes_out_nowhere(
        choice in choice(),
        secrets in prop::collection::vec(secret(), PLACES.len()),
        body in 0..BODIES.len(),
        in_body in secret(),
        is_response: bool,
    ) {
        let mut recorder = recorder(config(&choice));
        // Some are in the place of others, and those beside each other are not in the same request.
        for group in 0..GROUPS {
            let mut exchange = visible(Exchange::plain());
            let mut planted = Vec::new();
            for ((name, plant), secret) in PLACES.iter().zip(&secrets).skip(group).step_by(GROUPS) {
                let (it, there) = plant(exchange, &secret.0);
                exchange = it;
                planted.push((*name, there));
            }
            let (name, plant) = BODIES[body];
            let (it, there) = plant(exchange, &in_body.0);
            exchange = if is_response { in_response(it) } else { it };
            planted.push((name, there));
            let calls = recorder.sink.calls.len();
            record(&mut recorder, &exchange);
            let outputs = let_out(&mut recorder);
            prop_assert!(choice.sink == 4 || recorder.sink.calls.len() > calls);
            let leaks: Vec<_> = planted.iter().filter_map(|(name, there)| Some((name, outputs.leak(there)?))).collect();
            prop_assert!(leaks.is_empty(), "{leaks:#?}");
            prop_assert!(outputs.leak(KEY.as_bytes()).is_none() && outputs.leak(b"secret key of 32 bytes exactly!!").is_none());
        }
    }

    #[test]
    fn what_may_be_shown_is_shown(choice in choice()) {
        let choice = Choice { level: "bodies", is_aggregated: false, ..choice };
        let mut recorder = recorder(config(&choice));
        let (exchange, _) = BODIES[0].1(visible(Exchange::plain()), b"a secret of JSON");
        record(&mut recorder, &exchange);
        let (exchange, _) = BODIES[3].1(visible(Exchange::plain()), b"a secret of a form");
        record(&mut recorder, &exchange);
        let outputs = let_out(&mut recorder);
        for text in VISIBLE.into_iter().chain(["visible-json", "visible-form"]) {
            prop_assert!(outputs.text.contains(text), "{text} is not in {}", outputs.text);
            prop_assert!(text.len() < 12 || outputs.leak(text.as_bytes()).is_some(), "the search does not find {text}");
        }
    }
}

/// The body of the request as that of the response.
fn in_response(it: Exchange) -> Exchange {
    let fields = it.request.clone().unwrap_or_default();
    let fields = fields.into_iter().filter(|(name, _)| name.starts_with("content-"));
    let body = it.request_body.clone();
    let it = Exchange { request_body: Vec::new(), response_body: body, ..it };
    let mut response = it.response.clone().unwrap_or_default();
    response.retain(|(name, _)| name != "content-type");
    response.extend(fields);
    Exchange { response: Some(response), ..it }
}
