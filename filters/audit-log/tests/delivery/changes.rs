//! Configurations that change, and the filter when it is taken out.

use std::time::Duration;

use portcullis_audit_chain::verify::{End, Summary};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::checks::{audit, is_request, kind, verified};
use crate::common::recorder::{Begun, Recorder};
use crate::common::sink::Answer;
use crate::common::{Exchange, recorder};

fn summary(recorder: &Recorder) -> Summary {
    verified(recorder.sink.lines.iter().map(String::as_str), &recorder.trust)
}

fn of_kind<'a>(records: &'a [Value], of: &str) -> Vec<&'a Value> {
    records.iter().filter(|it| kind(it) == Some(of)).collect()
}

fn requests(records: &[Value]) -> usize {
    records.iter().filter(|it| is_request(it)).count()
}

fn stopped(reason: &str) -> End {
    End::Stopped { reason: Some(reason.to_owned()) }
}

#[test]
fn the_next_instance_begins_a_chain_that_names_the_one_before() {
    let mut recorder = recorder(json!({}));
    recorder.record_times(2, &Exchange::plain());
    let flights = [(); 2].map(|()| recorder.let_in(&Exchange::plain()));
    recorder.configure(json!({"stat_prefix": null, "otherwise": {"level": "headers"}}));
    recorder.stop(0);
    recorder.record(&Exchange::plain());
    let [first, second] = flights;
    recorder.finish(first);
    let records = recorder.records();
    assert!(of_kind(&records, "stop").is_empty(), "one of its requests is under way");
    let begun = |reason: &str| {
        of_kind(&records, "genesis").into_iter().find(|it| audit(it)["reason"] == reason).unwrap().clone()
    };
    assert_eq!(
        audit(&begun("configuration"))["previous_chain"],
        begun("start")["unmapped"]["integrity"]["chain"]
    );
    recorder.finish(second);
    let records = recorder.records();
    assert_eq!(requests(&records), 1);
    assert_eq!(*audit(of_kind(&records, "stop")[0]), json!({"kind": "stop", "reason": "configuration"}));
    let summary = summary(&recorder);
    let mut chains = summary.chains.clone();
    chains.sort_by_key(|chain| chain.uid);
    let [former, next] = chains.as_slice() else { panic!("{summary:?}") };
    // What was written before the last record is vouched for.
    assert_eq!((former.records, &former.end), (1 + 4 + 2, &stopped("configuration")));
    assert_eq!((next.end.clone(), next.previous_chain), (End::Open, Some(former.uid)));
}

#[test]
fn what_waits_arrives_wherever_the_next_records_go() {
    let mut recorder = recorder(json!({"delivery": {"batch": 3}}));
    recorder.record_times(20, &Exchange::plain());
    recorder.pass_seconds(1);
    let other = json!({"otlp": {"cluster": "collector"}});
    recorder.configure(json!({"sink": other}));
    recorder.stop(0);
    recorder.record_times(2, &Exchange::plain());
    let records = recorder.records();
    assert_eq!(requests(&records), 22);
    let clusters = |name: &str| recorder.sink.calls.iter().filter(|it| it.call.cluster == name).count();
    assert_eq!((clusters("siem") > 6, clusters("collector")), (true, 1));
    assert_eq!(recorder.counter("dropped_stopped"), 0);
    assert_eq!(summary(&recorder).chains[0].end, stopped("configuration"));
}

#[test]
fn one_change_after_the_other_loses_nothing() {
    let mut recorder = recorder(json!({}));
    let mut flights = Vec::new();
    for number in 0..5 {
        recorder.record(&Exchange::plain());
        flights.push(recorder.let_in(&Exchange::plain()));
        recorder.configure(json!({"otherwise": {"level": "metadata", "sample": 1.0}, "bodies": {"max_size": format!("{}B", number + 1)}}));
        recorder.stop(number);
    }
    recorder.record(&Exchange::plain());
    recorder.pass_seconds(3);
    flights.into_iter().for_each(|flight| recorder.finish(flight));
    let records = recorder.records();
    assert_eq!(requests(&records), 11);
    let summary = summary(&recorder);
    assert_eq!(summary.chains.len(), 6);
    let ends = summary.chains.iter().filter(|chain| chain.end == stopped("configuration")).count();
    assert_eq!(ends, 5);
    let linked = summary.chains.iter().filter(|chain| chain.previous_chain.is_some()).count();
    assert_eq!(linked, 5);
}

#[test]
fn many_instances_at_once_take_no_room_from_each_other() {
    let mut recorder = recorder(json!({"delivery": {"batch": 4}}));
    for _ in 0..24 {
        let flight = recorder.let_in(&Exchange::plain());
        // It stays: the requests of long streams are under way in it.
        recorder.configure(json!({"delivery": {"batch": 4}}));
        recorder.finish(flight);
    }
    recorder.record(&Exchange::plain());
    assert_eq!(recorder.counter("dropped_queue_full"), 0);
    (0..recorder.current()).for_each(|_| stop_oldest(&mut recorder));
    recorder.settle();
    let records = recorder.records();
    assert_eq!(requests(&records), 25);
}

#[test]
fn an_instance_without_records_leaves_none() {
    let mut recorder = recorder(json!({}));
    recorder.configure(json!({}));
    recorder.stop(0);
    recorder.record(&Exchange::plain());
    let records = recorder.records();
    assert_eq!(records.len(), 2);
    assert_eq!(
        (&audit(&records[0])["reason"], &audit(&records[0])["previous_chain"]),
        (&json!("configuration"), &Value::Null)
    );
}

#[test]
fn another_plugin_in_the_same_vm_is_nobodys_successor() {
    let mut recorder = recorder(json!({"stat_prefix": "a"}));
    recorder.record(&Exchange::plain());
    recorder.configure(json!({"stat_prefix": "b"}));
    recorder.record(&Exchange::plain());
    let records = recorder.records();
    let genesis = of_kind(&records, "genesis");
    assert!(audit(genesis[1])["previous_chain"].is_null());
    assert_eq!(audit(genesis[1])["reason"], "start");
    // The first one is still there, and goes on.
    recorder.stop(1);
    recorder.stat_prefix("a_");
    let records = recorder.records();
    let stops = of_kind(&records, "stop");
    assert_eq!((stops.len(), audit(stops[0])["reason"].as_str()), (1, Some("removed")));
    assert_eq!(stops[0]["unmapped"]["integrity"]["chain"], genesis[1]["unmapped"]["integrity"]["chain"]);
}

#[test]
fn a_log_needs_no_successor() {
    let mut recorder = recorder(json!({"sink": {"envoy_log": {}}}));
    recorder.record(&Exchange::plain());
    let flight = recorder.let_in(&Exchange::plain());
    recorder.stop(0);
    recorder.finish(flight);
    let lines: Vec<_> =
        recorder.logged("INFO").into_iter().filter_map(|it| it.strip_prefix("portcullis-audit ")).collect();
    let summary = verified(lines.iter().copied(), &recorder.trust);
    assert_eq!((summary.chains[0].records, &summary.chains[0].end), (5, &stopped("removed")));
}

#[test]
fn what_waits_when_the_filter_is_taken_out_is_sent_once_and_counted() {
    let mut recorder = recorder(json!({"delivery": {"delay": "10s"}}));
    recorder.record_times(3, &Exchange::plain());
    recorder.pass_seconds(1);
    recorder.stop(0);
    // Nobody hears whether it has arrived.
    assert_eq!(
        recorder.counter("dropped_stopped"),
        6,
        "with the first record, a checkpoint and the last record"
    );
    let lines: Vec<_> = recorder.sink.sent.clone();
    let summary = verified(lines.iter().map(String::as_str), &recorder.trust);
    assert_eq!(summary.chains.len(), 1, "nothing was sent");
    assert_eq!((summary.chains[0].records, &summary.chains[0].end), (6, &stopped("removed")));
}

#[test]
fn a_request_that_comes_to_the_filter_after_its_end_is_recorded() {
    // Such as one that jwt-auth, which is in front, has held back for its keys.
    let mut recorder = recorder(json!({}));
    recorder.record(&Exchange::plain());
    recorder.configure(json!({}));
    recorder.stop(0);
    recorder.log_only_at(0, &Exchange::answered(401, "portcullis_jwt_expired"));
    recorder.pass_seconds(3);
    let records = recorder.records();
    assert_eq!(requests(&records), 2);
    assert_eq!(recorder.counter("dropped_stopped"), 0);
}

#[test]
fn what_is_refused_after_the_last_record_is_declared() {
    let mut recorder = recorder(json!({"delivery": {"batch": 2}}));
    recorder.record_times(4, &Exchange::plain());
    recorder.configure(json!({"delivery": {"batch": 100}}));
    recorder.stop(0);
    // Of what waits the sink refuses the first part, and takes the rest.
    recorder.pass_seconds(1);
    recorder.answer(Answer::Status(400));
    recorder.settle();
    let summary = summary(&recorder);
    let chain = &summary.chains[0];
    assert_eq!(chain.end, stopped("configuration"));
    assert_eq!(chain.records + chain.declared_missing, chain.last + 1);
}

/// What happens.
#[derive(Clone, Debug)]
enum Step {
    Comes,
    Goes(prop::sample::Index),
    Unseen,
    Time(u16),
    Answer(Answer),
    Change,
    /// The oldest instance that is still there goes, if it has a successor.
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    let answers = vec![
        Answer::Take,
        Answer::Take,
        Answer::Status(503),
        Answer::Status(400),
        Answer::Reset { is_kept: true },
        Answer::Timeout { is_kept: false },
    ];
    prop_oneof![
        5 => Just(Step::Comes),
        4 => any::<prop::sample::Index>().prop_map(Step::Goes),
        2 => Just(Step::Unseen),
        3 => (0..3000_u16).prop_map(Step::Time),
        3 => prop::sample::select(answers).prop_map(Step::Answer),
        1 => Just(Step::Change),
        1 => Just(Step::Stop),
    ]
}

fn stop_oldest(recorder: &mut Recorder) {
    let oldest = (0..recorder.current()).find(|instance| recorder.is_there(*instance));
    if let Some(instance) = oldest {
        recorder.stop(instance);
    }
}

/// Plays these steps; how many requests there were.
fn play(recorder: &mut Recorder, steps: Vec<Step>) -> u64 {
    let (mut flights, mut count) = (Vec::new(), 0);
    for step in steps {
        match step {
            Step::Comes => {
                count += 1;
                if let Begun::Passes(flight) = recorder.begin(&Exchange::plain()) {
                    flights.push(flight);
                }
            }
            Step::Goes(index) if !flights.is_empty() => {
                let flight = flights.swap_remove(index.index(flights.len()));
                recorder.finish(flight);
            }
            Step::Goes(_) => {}
            Step::Unseen => {
                count += 1;
                recorder.log_only(&Exchange::denied());
            }
            Step::Time(time) => recorder.pass(Duration::from_millis(time.into())),
            Step::Answer(answer) => drop(recorder.answer(answer)),
            Step::Change => recorder.configure(json!({"delivery": {"batch": 4}})),
            Step::Stop => stop_oldest(recorder),
        }
    }
    flights.into_iter().for_each(|flight| recorder.finish(flight));
    (0..recorder.current()).for_each(|_| stop_oldest(recorder));
    count
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn everything_of_all_instances_arrives(steps in prop::collection::vec(step(), 0..120)) {
        let mut recorder = recorder(json!({"delivery": {"batch": 4}}));
        let count = play(&mut recorder, steps);
        recorder.settle();
        recorder.record(&Exchange::plain());
        let records = {
            recorder.settle();
            let lines: std::collections::BTreeSet<_> = recorder.sink.sent.iter().cloned().collect();
            lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
        };
        prop_assert_eq!(requests(&records) as u64, count + 1);
        prop_assert_eq!(recorder.counter("dropped_stopped"), 0);
        let summary = summary(&recorder);
        // The last record of a chain may have been refused: nothing comes after it that could say so.
        let may_be_open = recorder.sink.has_refused();
        let last = summary.chains.iter().map(|chain| chain.uid).max();
        for chain in summary.chains.iter().filter(|chain| Some(chain.uid) != last) {
            prop_assert!(chain.end == stopped("configuration") || may_be_open && chain.end == End::Open, "{chain:?}");
        }
    }
}
