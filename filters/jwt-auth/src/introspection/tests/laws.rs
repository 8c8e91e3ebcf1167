//! Laws that hold for every sequence of requests, answers and times.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Ask {
        token: u8,
        stream: u32,
    },
    /// Answers one of the calls under way.
    Answer {
        which: usize,
        kind: u8,
        exp: u64,
    },
    Advance {
        milliseconds: u64,
    },
    Unreachable(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..5, 0_u32..12).prop_map(|(token, stream)| Step::Ask { token, stream }),
        4 => (any::<usize>(), 0_u8..6, 0_u64..20)
            .prop_map(|(which, kind, exp)| Step::Answer { which, kind, exp }),
        2 => (0_u64..8_000).prop_map(|milliseconds| Step::Advance { milliseconds }),
        1 => any::<bool>().prop_map(Step::Unreachable),
    ];
    proptest::collection::vec(step, 0..150)
}

/// What a server that answers some calls knows of its own answers.
#[derive(Default)]
struct Model {
    /// The calls under way: their number, token, and who waits.
    under_way: Vec<(u32, String, Vec<u32>)>,
    /// The last answer about each token: when, up to when it is active, and who waited.
    answered: BTreeMap<String, (UnixTime, Option<UnixTime>)>,
    /// Who has waited for an answer about a token.
    handed: Vec<(String, u32)>,
}

fn body(kind: u8, exp: UnixTime) -> (&'static str, Vec<u8>) {
    match kind {
        0 | 1 => ("200", format!(r#"{{"active":true,"sub":"a","exp":{}}}"#, exp.as_secs()).into_bytes()),
        2 => ("200", NO.to_vec()),
        3 => ("200", b"?".to_vec()),
        4 => ("400", Vec::new()),
        _ => ("503", Vec::new()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn never_past_its_time_never_two_calls_never_a_stranger(
        steps in steps(),
        ttl in 0_u64..10,
        allow in any::<bool>(),
    ) {
        let mode = if allow { "allow" } else { "deny" };
        let mut worker = Worker::new(&format!(
            r#","cache":{{"ttl":"{ttl}s","inactive_ttl":"2s"}},"max_waiting":6,"failure_mode":"{mode}""#
        ));
        let mut model = Model::default();
        for step in steps {
            let now = worker.host.now;
            match step {
                Step::Advance { milliseconds } => worker.advance(milliseconds),
                Step::Unreachable(unreachable) => worker.host.unreachable = unreachable,
                Step::Ask { token, stream } => {
                    let token = format!("t{token}");
                    let before = worker.calls();
                    let asked = worker.ask(&token, stream);
                    let under_way = model.under_way.iter_mut().find(|(_, asked, _)| *asked == token);
                    if worker.calls() > before {
                        prop_assert!(under_way.is_none(), "a second call for {}", token);
                        prop_assert_eq!(&asked, "waiting");
                        model.under_way.push((worker.calls(), token.clone(), vec![stream]));
                    } else if let Some((_, _, streams)) = under_way && asked == "waiting" && !streams.contains(&stream) {
                        streams.push(stream);
                    }
                    if asked == "active a" {
                        let (_, until) = model.answered[&token];
                        let has_waited = model.handed.contains(&(token.clone(), stream));
                        prop_assert!(until.is_some_and(|until| now < until || has_waited), "past its time");
                    }
                    prop_assert!(allow || asked != "unchecked");
                    let waiting: usize = model.under_way.iter().map(|(_, _, streams)| streams.len()).sum();
                    prop_assert!(waiting <= 6);
                    prop_assert_eq!(worker.introspection.waiting, waiting);
                }
                Step::Answer { which, kind, exp } if !model.under_way.is_empty() => {
                    let (number, token, streams) = model.under_way.remove(which % model.under_way.len());
                    let exp = UnixTime::from_secs(995 + exp + now.as_secs() - 1000);
                    let (status, body) = body(kind, exp);
                    prop_assert_eq!(worker.answer_call(number, &answer(status, &body)), Some(streams.clone()));
                    let until = (kind < 2).then(|| exp.min(now.saturating_add(Duration::from_secs(ttl))));
                    model.answered.insert(token.clone(), (now, until));
                    let calls = worker.calls();
                    for stream in streams {
                        let asked = worker.ask(&token, stream);
                        prop_assert!(asked != "waiting", "whoever is woken has an answer");
                        prop_assert_eq!(kind < 2, asked == "active a");
                        model.handed.push((token.clone(), stream));
                    }
                    prop_assert_eq!(worker.calls(), calls);
                }
                Step::Answer { .. } => {}
            }
        }
    }

    #[test]
    fn no_bytes_break_it(token in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut worker = Worker::new("");
        let now = worker.host.now;
        let asked = worker.introspection.ask(&token, StreamId(1), now, &mut worker.host);
        let is_waiting = matches!(asked, Asked::Waiting);
        prop_assert_eq!(is_waiting, is_b64token(&token));
        prop_assert_eq!(worker.calls(), u32::from(is_waiting));
    }
}
