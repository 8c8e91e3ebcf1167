//! Which traces are recorded.

mod ot;
mod threshold;

use portcullis_kit::Host;
use portcullis_kit::bucket::SharedBucket;

use crate::context::{Context, Decision};
use ot::Ot;
pub use threshold::Threshold;

/// How it is decided for requests of one kind.
#[derive(Debug)]
pub(crate) struct Sampling {
    pub(crate) sampler: Sampler,
    /// Whether what is decided already stays so.
    pub(crate) follows_parent: bool,
}

/// What becomes of what a trace says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was decided before, and nobody asks again.
    Stands,
    /// It was decided anew, and as before.
    Confirmed,
    /// It says something else now.
    Changed,
}

/// Who decides.
#[derive(Debug)]
pub(crate) enum Sampler {
    Always,
    Never,
    Probability(Threshold),
    /// So many in a time, in all workers together; the name goes with the rule.
    Rate(SharedBucket, String),
}

impl Sampling {
    /// Decides whether a trace is recorded, where that is still to be decided, and notes in it what is known of its probability.
    pub(crate) fn decide(&self, context: &mut Context, entries: &str, host: &mut dyn Host) -> Outcome {
        if context.decision != Decision::Deferred && self.follows_parent {
            return Outcome::Stands;
        }
        let is_sampled = match &self.sampler {
            Sampler::Always => true,
            Sampler::Never => false,
            Sampler::Probability(threshold) => threshold.keeps(Ot::of(&context.state).bits(context.trace_id)),
            Sampler::Rate(bucket, name) => {
                let now = u64::try_from(host.monotonic().as_nanos()).unwrap_or(u64::MAX);
                bucket.spend(&format!("{entries}{name}"), now, host)
            }
        };
        let before = std::mem::replace(&mut context.decision, is_sampled.into());
        let threshold = match &self.sampler {
            Sampler::Probability(threshold) if is_sampled => Some(*threshold),
            // Its probability is not known, or it is not a sample.
            _ => None,
        };
        match note(context, threshold) || context.decision != before {
            true => Outcome::Changed,
            false => Outcome::Confirmed,
        }
    }
}

/// Sees to it that a trace says nothing of its probability that cannot be.
pub(crate) fn erase_inconsistent(context: &mut Context) {
    if context.state.is_empty() {
        return;
    }
    let ot = Ot::of(&context.state);
    let is_consistent = context.decision == Decision::Sample
        && ot.threshold.is_some_and(|threshold| threshold.keeps(ot.bits(context.trace_id)));
    if ot.threshold.is_some() && !is_consistent {
        note(context, None);
    }
}

/// Notes by what a trace was kept. Whether anything else was noted before.
fn note(context: &mut Context, threshold: Option<Threshold>) -> bool {
    let ot = Ot::of(&context.state);
    let is_other = ot.threshold != threshold;
    if is_other {
        Ot { threshold, ..ot }.note_in(&mut context.state);
    }
    is_other
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{SpanId, TraceId};
    use crate::tracestate::TraceState;

    fn context(low: u64, decision: Decision, state: &str) -> Context {
        Context {
            trace_id: TraceId::from_halves(1, low).unwrap(),
            span_id: SpanId::new(1),
            decision,
            is_random: true,
            state: TraceState::parse([state.as_bytes()]).unwrap(),
        }
    }

    fn decided(sampling: &Sampling, mut context: Context) -> (Decision, String) {
        sampling.decide(&mut context, "", &mut TestHost::default());
        (context.decision, String::from_utf8(context.state.render()).unwrap())
    }

    fn half(follows_parent: bool) -> Sampling {
        Sampling { sampler: Sampler::Probability(Threshold::of(0.5).unwrap()), follows_parent }
    }

    const HIGH: u64 = 0x80_0000_0000_0000;

    #[test]
    fn a_probability_is_noted_where_it_keeps_and_erased_where_it_drops() {
        let kept = decided(&half(true), context(HIGH, Decision::Deferred, "a=1,ot=th:c;x:1"));
        assert_eq!(kept, (Decision::Sample, "ot=th:8;x:1,a=1".to_owned()));
        let dropped = decided(&half(true), context(HIGH - 1, Decision::Deferred, "a=1,ot=th:c"));
        assert_eq!(dropped, (Decision::Drop, "a=1".to_owned()));
        // The random bits may be noted, and then they count and stay.
        let explicit = decided(&half(true), context(1, Decision::Deferred, "ot=rv:80000000000000"));
        assert_eq!(explicit, (Decision::Sample, "ot=th:8;rv:80000000000000".to_owned()));
    }

    #[test]
    fn what_is_decided_stays_so_unless_the_parent_does_not_count() {
        let sent = || context(1, Decision::Sample, "ot=th:0");
        assert_eq!(decided(&half(true), sent()), (Decision::Sample, "ot=th:0".to_owned()));
        assert_eq!(decided(&half(false), sent()), (Decision::Drop, String::new()));
        let never = Sampling { sampler: Sampler::Never, follows_parent: false };
        assert_eq!(decided(&never, sent()).0, Decision::Drop);
        assert_eq!(decided(&never, context(1, Decision::Debug, "")).0, Decision::Drop);
        assert_eq!(decided(&half(true), context(1, Decision::Debug, "")).0, Decision::Debug);
    }

    #[test]
    fn a_threshold_that_contradicts_the_decision_is_erased() {
        for (decision, low, before, after) in [
            (Decision::Sample, HIGH, "ot=th:8,a=1", "ot=th:8,a=1"),
            (Decision::Sample, HIGH - 1, "ot=th:8,a=1", "a=1"),
            (Decision::Sample, 1, "ot=rv:f0000000000000;th:8", "ot=rv:f0000000000000;th:8"),
            (Decision::Drop, HIGH, "ot=th:8;x:1,a=1", "ot=x:1,a=1"),
            (Decision::Sample, 1, "a=1", "a=1"),
        ] {
            let mut context = context(low, decision, before);
            erase_inconsistent(&mut context);
            assert_eq!(context.state.render(), after.as_bytes(), "{before}");
        }
    }

    proptest! {
        #[test]
        fn who_keeps_less_keeps_none_that_others_drop(low in 1_u64.., one in 1e-6..1.0_f64, other in 1e-6..1.0_f64) {
            let keeps = |share: f64| {
                let sampling = Sampling { sampler: Sampler::Probability(Threshold::of(share).unwrap()), follows_parent: true };
                decided(&sampling, context(low, Decision::Deferred, "")).0 == Decision::Sample
            };
            prop_assert!(!keeps(one.min(other)) || keeps(one.max(other)));
        }
    }
}
