//! Whatever the sink does: each request is recorded, or counted among those that are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::checks::{is_request, verified};
use crate::common::recorder::Recorder;
use crate::common::sink::Answer;
use crate::common::{Exchange, recorder};

#[derive(Clone, Debug)]
enum Step {
    /// Requests, with so much in them.
    Requests(u8, usize),
    Time(u16),
    Answer(Answer),
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Take),
        1 => (1..8_usize).prop_map(Answer::But),
        2 => prop::sample::select(vec![400, 401, 413, 422, 429, 500, 503]).prop_map(Answer::Status),
        1 => (0..100_u64).prop_map(|seconds| Answer::After(429, seconds)),
        1 => any::<bool>().prop_map(|is_kept| Answer::Reset { is_kept }),
        1 => any::<bool>().prop_map(|is_kept| Answer::Timeout { is_kept }),
        1 => any::<bool>().prop_map(|is_kept| Answer::Silence { is_kept }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..40_u8, 0..2000_usize).prop_map(|(count, length)| Step::Requests(count, length)),
        3 => (0..20_000_u16).prop_map(Step::Time),
        3 => answer().prop_map(Step::Answer),
    ]
}

pub(crate) fn config(sink: usize, queue: usize, batch: usize, records: u32) -> Value {
    let sinks = [
        json!({"http": {"cluster": "siem", "path": "/"}}),
        json!({"http": {"cluster": "siem", "path": "/", "format": "json_array"}}),
        json!({"otlp": {"cluster": "collector"}}),
        json!({"otlp": {"cluster": "collector", "protocol": "http_protobuf"}}),
        json!({"otlp": {"cluster": "collector", "protocol": "http_json"}}),
    ];
    // What one record takes up at most differs, and with it the least queue.
    let queue = queue * [1, 1, 2, 2, 4][sink];
    json!({
        "sink": sinks[sink], "delivery": {"queue": format!("{queue}KiB"), "batch": batch},
        "integrity": {"checkpoint": {"records": records, "interval": "30s"}},
    })
}

fn play(recorder: &mut Recorder, steps: Vec<Step>, is_otlp: bool) -> u64 {
    let mut all = 0;
    for step in steps {
        match step {
            Step::Requests(count, length) => {
                all += u64::from(count);
                recorder
                    .record_times(count.into(), &Exchange::plain().path(format!("/{}", "x".repeat(length))));
            }
            Step::Time(time) => recorder.pass(Duration::from_millis(time.into())),
            // Nobody else has words for that.
            Step::Answer(Answer::But(_)) if !is_otlp => {}
            Step::Answer(answer) => drop(recorder.answer(answer)),
        }
    }
    all
}

/// The records of requests among these lines, by their ids; the same id is always the same line.
fn by_id(lines: &[String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for line in lines {
        let record: Value = serde_json::from_str(line).unwrap();
        let id = record["metadata"]["uid"].as_str().unwrap().to_owned();
        let before = all.insert(id, (is_request(&record), line.clone()));
        assert!(before.is_none_or(|(_, before)| before == *line), "sent again, and not the same: {line}");
    }
    all.into_iter().filter(|(_, (is_request, _))| *is_request).map(|(id, (_, line))| (id, line)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_recorded_and_what_is_lost_is_all_there_was(
        steps in prop::collection::vec(step(), 0..80), sink in 0..5_usize, queue in 64..128_usize, batch in 1..10_usize, records in 1..30_u32
    ) {
        let mut recorder = recorder(config(sink, queue, batch, records));
        let all = play(&mut recorder, steps, sink > 1);
        // A request more shows what is missing before it.
        recorder.settle();
        recorder.record(&Exchange::plain());
        recorder.settle();
        let (sent, kept) = (by_id(&recorder.sink.sent), by_id(&recorder.sink.lines));
        let summary = verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust);
        let [chain] = summary.chains.as_slice() else { panic!("{summary:?}") };
        // Of a batch that was taken in part nobody knows whether what it says of losses was.
        let is_exact = !recorder.sink.has_taken_a_part();
        let told = sent.len() as u64 + chain.lost_before;
        prop_assert!(told == all + 1 || !is_exact, "{told} of {}: each has a number or is counted", all + 1);
        let all_kept: BTreeSet<_> = recorder.sink.lines.iter().collect();
        prop_assert_eq!(chain.records, all_kept.len() as u64);
        // What has a number is there, or is declared as missing: the verifier has seen to that.
        prop_assert_eq!(chain.records + chain.declared_missing, chain.last + 1);
        prop_assert!(kept.len() <= sent.len());
        prop_assert_eq!(recorder.counter("recorded"), sent.len() as u64);
        prop_assert_eq!(sent.len() as u64 + recorder.counter("dropped_queue_full"), all + 1);
        prop_assert!(recorder.counter("dropped_refused") >= chain.declared_missing);
        prop_assert_eq!(recorder.counter("dropped_stopped"), 0);
        let settled = recorder.counter("sent") + recorder.counter("dropped_refused");
        prop_assert_eq!(settled, chain.last + 1, "each is taken or refused");
    }
}
