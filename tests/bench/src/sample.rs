use std::time::Duration;

use crate::load::Load;
use crate::statistics::latency_ms;

/// One case in one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) cpu_us: f64,
    pub(crate) rps: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) rss_mib: f64,
}

impl Sample {
    pub(crate) fn new(cpu: Duration, load: Load, rss_mib: f64) -> Self {
        let mut latencies = load.latencies;
        latencies.sort_unstable();
        let requests = latencies.len().max(1) as f64;
        Self {
            cpu_us: cpu.as_secs_f64() * 1e6 / requests,
            rps: requests / load.elapsed.as_secs_f64(),
            p50_ms: latency_ms(&latencies, 500),
            p99_ms: latency_ms(&latencies, 990),
            p999_ms: latency_ms(&latencies, 999),
            rss_mib,
        }
    }

    pub(crate) fn mean(self, other: Self) -> Self {
        let mean = |field: fn(&Self) -> f64| f64::midpoint(field(&self), field(&other));
        Self {
            cpu_us: mean(|it| it.cpu_us),
            rps: mean(|it| it.rps),
            p50_ms: mean(|it| it.p50_ms),
            p99_ms: mean(|it| it.p99_ms),
            p999_ms: mean(|it| it.p999_ms),
            rss_mib: mean(|it| it.rss_mib),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_divided_by_the_requests() {
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let load = Load { elapsed: Duration::from_secs(2), latencies };
        let sample = Sample::new(Duration::from_millis(5), load, 1.0);
        assert_eq!((sample.cpu_us, sample.rps), (50.0, 50.0));
        assert_eq!((sample.p50_ms, sample.p99_ms, sample.p999_ms), (50.0, 99.0, 100.0));
        let other = Sample { cpu_us: 70.0, p99_ms: 1.0, ..sample };
        assert_eq!(sample.mean(other), Sample { cpu_us: 60.0, p99_ms: 50.0, ..sample });
    }
}
