use std::collections::BTreeMap;

use crate::setup::Profile;
use crate::{Hostcall, Refusal, Shown, Sim};

/// Envoy never evicts a metric; a plugin that names them after requests is stopped here.
const METRICS: usize = 10_000;
/// The longest name; Envoy has no bound here.
const NAME: usize = 16 << 10;

/// The kinds of metrics, as the ABI numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MetricType {
    /// Only goes up.
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
    /// A distribution.
    Histogram = 2,
}

impl MetricType {
    fn of(id: u32) -> Hostcall<Self> {
        Ok(match id {
            0 => Self::Counter,
            1 => Self::Gauge,
            2 => Self::Histogram,
            _ => return Err(Refusal::bad_argument(format!("{id} is not a metric type; 0 to 2 are"))),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// How a type is shown in the journal.
struct Kind(u32);

impl Shown for Kind {
    fn show(&self, line: &mut String) {
        match MetricType::of(self.0) {
            Ok(kind) => line.push_str(kind.name()),
            Err(_) => self.0.show(line),
        }
    }
}

/// The statistics of the process: two definitions of one name, in whatever VM, are one statistic.
#[derive(Debug, Default)]
pub(crate) struct Stats(BTreeMap<(u32, String), u64>);

/// Which statistic an id stands for, in one VM.
#[derive(Debug, Default)]
pub(crate) struct MetricIds {
    known: BTreeMap<u32, (MetricType, String)>,
    defined: [u32; 3],
}

impl Stats {
    pub(crate) fn values(&self) -> BTreeMap<String, u64> {
        let numbers = self.0.iter().filter(|((kind, _), _)| *kind != MetricType::Histogram as u32);
        numbers.map(|((_, name), value)| (name.clone(), *value)).collect()
    }
}

impl Sim {
    /// `proxy_define_metric`: gives 4, 8, 12 for counters, 5, 9 for gauges, 6, 10 for histograms.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for another kind.
    pub fn define_metric(&mut self, kind: u32, name: &[u8]) -> Hostcall<u32> {
        let result = MetricType::of(kind).and_then(|kind| self.define(kind, &String::from_utf8_lossy(name)));
        self.note("proxy_define_metric", &[&Kind(kind), &name], result)
    }

    /// `proxy_increment_metric`.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown id; `BAD_ARGUMENT` for a histogram, and for a counter by zero or less. To the specification
    /// zero is a number like others.
    pub fn increment_metric(&mut self, id: u32, delta: i64) -> Hostcall<()> {
        let least = if self.follows_spec() { 0 } else { 1 };
        let result = self.numeric_metric(id).and_then(|(kind, value)| {
            if kind == MetricType::Histogram {
                return Err(no_number());
            }
            if kind == MetricType::Counter && delta < least {
                return Err(Refusal::bad_argument(format!("a counter only goes up; this would add {delta}")));
            }
            let value = value?;
            *value = value.wrapping_add_signed(delta);
            Ok(())
        });
        self.note("proxy_increment_metric", &[&id, &delta], result)
    }

    /// `proxy_record_metric`: sets a gauge, adds to a counter, takes samples of a histogram and keeps none. The specification
    /// sets all of them.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown id.
    pub fn record_metric(&mut self, id: u32, sample: u64) -> Hostcall<()> {
        let spec = self.follows_spec();
        let result = self.metric_of(id).and_then(|(kind, value)| {
            match kind {
                _ if spec => value.map(|value| *value = sample),
                MetricType::Counter => value.map(|value| *value = value.wrapping_add(sample)),
                MetricType::Gauge => value.map(|value| *value = sample),
                // Nobody asks for the samples.
                MetricType::Histogram => Ok(()),
            }
        });
        self.note("proxy_record_metric", &[&id, &sample], result)
    }

    /// `proxy_get_metric`.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown id, `BAD_ARGUMENT` for a histogram, which to the specification has the value last recorded.
    pub fn metric(&mut self, id: u32) -> Hostcall<u64> {
        let result = self.numeric_metric(id).and_then(|(_, value)| value.map(|value| *value));
        self.note("proxy_get_metric", &[&id], result)
    }

    fn define(&mut self, kind: MetricType, name: &str) -> Hostcall<u32> {
        let Some(vm) = self.vms.get_mut(self.turn.vm) else {
            return Err(Refusal::not_found("no plugin has been started"));
        };
        if vm.metrics.known.len() >= METRICS || name.len() > NAME {
            let reason = format!(
                "{METRICS} metrics are defined, or the name is beyond {NAME} bytes; Envoy never evicts one, so names must come from a fixed set"
            );
            return Err(Refusal::new(crate::Status::InternalFailure, reason));
        }
        let number = kind as u32;
        if kind != MetricType::Histogram || self.setup.profile == Profile::Spec {
            self.stats.0.entry((number, name.to_owned())).or_default();
        }
        Ok(vm.metrics.define(kind, name))
    }

    /// As [`metric_of`](Self::metric_of); Envoy looks at the kind in an id before it looks for the metric.
    fn numeric_metric(&mut self, id: u32) -> Hostcall<(MetricType, Hostcall<&mut u64>)> {
        if matches!(id % 4, 2 | 3) && !self.follows_spec() {
            return Err(Refusal::bad_argument(format!("{id} is the id of neither a counter nor a gauge")));
        }
        self.metric_of(id)
    }

    /// The kind of a metric, and its value unless it is a histogram.
    fn metric_of(&mut self, id: u32) -> Hostcall<(MetricType, Hostcall<&mut u64>)> {
        let known = self.vms.get(self.turn.vm).and_then(|vm| vm.metrics.known.get(&id));
        let (kind, name) = known.ok_or_else(|| Refusal::not_found(format!("no metric has the id {id}")))?;
        let value = self.stats.0.get_mut(&(*kind as u32, name.clone()));
        Ok((*kind, value.ok_or_else(no_number)))
    }
}

fn no_number() -> Refusal {
    Refusal::bad_argument("a histogram has no single value; it can only be recorded to")
}

impl MetricIds {
    /// Envoy keeps the type in the lower two bits, and does not use the first id of each.
    fn define(&mut self, kind: MetricType, name: &str) -> u32 {
        let number = kind as u32;
        let [counters, gauges, histograms] = &mut self.defined;
        let defined = match kind {
            MetricType::Counter => counters,
            MetricType::Gauge => gauges,
            MetricType::Histogram => histograms,
        };
        *defined += 1;
        let id = number + *defined * 4;
        self.known.insert(id, (kind, name.to_owned()));
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::stream::Stream;

    #[test]
    fn ids_carry_their_kind_and_a_second_definition_shares_the_statistic() {
        let mut sim = Sim::in_stream(Stream::default());
        assert_eq!(sim.define_metric(0, b"a"), Ok(4));
        assert_eq!(sim.define_metric(1, b"b"), Ok(5));
        assert_eq!(sim.define_metric(2, b"c"), Ok(6));
        assert_eq!(sim.define_metric(0, b"a"), Ok(8));
        sim.increment_metric(4, 2).unwrap();
        sim.increment_metric(8, 3).unwrap();
        assert_eq!(sim.metric(4), Ok(5));
        assert_eq!(sim.metrics()["a"], 5);
        assert_eq!(sim.define_metric(3, b"d").unwrap_err().status, Status::BadArgument);
    }

    #[test]
    fn each_kind_refuses_what_it_is_not() {
        let mut sim = Sim::in_stream(Stream::default());
        let (counter, gauge, histogram) = (
            sim.define_metric(0, b"c").unwrap(),
            sim.define_metric(1, b"g").unwrap(),
            sim.define_metric(2, b"h").unwrap(),
        );
        for delta in [0, -1] {
            assert_eq!(
                sim.increment_metric(counter, delta).unwrap_err().status,
                Status::BadArgument,
                "{delta}"
            );
        }
        sim.record_metric(counter, 4).unwrap();
        sim.record_metric(counter, 4).unwrap();
        assert_eq!(sim.metric(counter), Ok(8));
        sim.increment_metric(gauge, 7).unwrap();
        sim.increment_metric(gauge, -2).unwrap();
        assert_eq!(sim.metric(gauge), Ok(5));
        sim.record_metric(gauge, 1).unwrap();
        assert_eq!(sim.metric(gauge), Ok(1));
        sim.record_metric(histogram, 9).unwrap();
        assert_eq!(sim.metric(histogram).unwrap_err().status, Status::BadArgument);
        assert_eq!(sim.increment_metric(histogram, 1).unwrap_err().status, Status::BadArgument);
        assert_eq!(sim.metric(99).unwrap_err().status, Status::BadArgument);
        assert_eq!(sim.metric(100).unwrap_err().status, Status::NotFound);
        assert_eq!(sim.record_metric(99, 1).unwrap_err().status, Status::NotFound);
    }
}
