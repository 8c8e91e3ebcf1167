use std::collections::BTreeMap;

use crate::{Hostcall, Refusal, Sim};

/// Envoy never evicts a metric; a plugin that names them after requests is stopped here.
const METRICS: usize = 100_000;

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
fn shown(kind: u32) -> String {
    MetricType::of(kind).map_or_else(|_| kind.to_string(), |kind| kind.name().to_owned())
}

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Which statistic an id stands for: two definitions of one name are two ids and one statistic.
    ids: BTreeMap<u32, (MetricType, String)>,
    values: BTreeMap<(u32, String), u64>,
    defined: [u32; 3],
}

impl Metrics {
    pub(crate) fn values(&self) -> BTreeMap<String, u64> {
        self.values.iter().map(|((_, name), value)| (name.clone(), *value)).collect()
    }
}

impl Sim {
    /// `proxy_define_metric`: gives 4, 8, 12 for counters, 5, 9 for gauges, 6, 10 for histograms.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for another kind.
    pub fn define_metric(&mut self, kind: u32, name: &[u8]) -> Hostcall<u32> {
        let result = self.metrics.define(kind, String::from_utf8_lossy(name).into_owned());
        self.note("proxy_define_metric", &[&shown(kind), &name], result)
    }

    /// `proxy_increment_metric`.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown id; `BAD_ARGUMENT` for a histogram, and for a counter by zero or less.
    pub fn increment_metric(&mut self, id: u32, delta: i64) -> Hostcall<()> {
        let result = self.metrics.increment(id, delta);
        self.note("proxy_increment_metric", &[&id, &delta], result)
    }

    /// `proxy_record_metric`: sets a gauge, adds to a counter, takes samples of a histogram and keeps none.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown id.
    pub fn record_metric(&mut self, id: u32, value: u64) -> Hostcall<()> {
        let result = self.metrics.record(id, value);
        self.note("proxy_record_metric", &[&id, &value], result)
    }

    /// `proxy_get_metric`.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown id, `BAD_ARGUMENT` for a histogram.
    pub fn metric(&mut self, id: u32) -> Hostcall<u64> {
        let result = self.metrics.value(id).map(|value| *value);
        self.note("proxy_get_metric", &[&id], result)
    }
}

impl Metrics {
    fn define(&mut self, kind: u32, name: String) -> Hostcall<u32> {
        let metric = MetricType::of(kind)?;
        if self.ids.len() >= METRICS {
            let reason = format!(
                "{METRICS} metrics are defined; Envoy never evicts one, so names must come from a fixed set"
            );
            return Err(Refusal::new(crate::Status::InternalFailure, reason));
        }
        let defined =
            self.defined.get_mut(metric as usize).ok_or_else(|| Refusal::bad_argument("no such type"))?;
        // Envoy keeps the type in the lower two bits, and does not use the first id of each.
        let id = kind + (*defined + 1) * 4;
        *defined += 1;
        if metric != MetricType::Histogram {
            self.values.entry((kind, name.clone())).or_default();
        }
        self.ids.insert(id, (metric, name));
        Ok(id)
    }

    fn increment(&mut self, id: u32, delta: i64) -> Hostcall<()> {
        if self.kind(id)? == MetricType::Counter && delta <= 0 {
            return Err(Refusal::bad_argument(format!("a counter only goes up; this would add {delta}")));
        }
        let value = self.value(id)?;
        *value = value.wrapping_add_signed(delta);
        Ok(())
    }

    fn record(&mut self, id: u32, sample: u64) -> Hostcall<()> {
        match self.kind(id)? {
            MetricType::Counter => {
                let value = self.value(id)?;
                *value = value.wrapping_add(sample);
            }
            MetricType::Gauge => *self.value(id)? = sample,
            // Nobody asks for the samples.
            MetricType::Histogram => {}
        }
        Ok(())
    }

    fn kind(&self, id: u32) -> Hostcall<MetricType> {
        let unknown = || Refusal::not_found(format!("no metric has the id {id}"));
        self.ids.get(&id).map(|(kind, _)| *kind).ok_or_else(unknown)
    }

    fn value(&mut self, id: u32) -> Hostcall<&mut u64> {
        let kind = self.kind(id)?;
        let name = self.ids.get(&id).map(|(_, name)| name.clone()).unwrap_or_default();
        let no_number =
            || Refusal::bad_argument("a histogram has no single value; it can only be recorded to");
        self.values.get_mut(&(kind as u32, name)).ok_or_else(no_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    #[test]
    fn ids_carry_their_kind_and_a_second_definition_shares_the_statistic() {
        let mut sim = Sim::new(0);
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
        let mut sim = Sim::new(0);
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
        assert_eq!(sim.metric(99).unwrap_err().status, Status::NotFound);
    }
}
