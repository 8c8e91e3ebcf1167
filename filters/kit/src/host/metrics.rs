/// The proxy's statistics. They are never evicted: names come from a fixed set, never from a request.
pub trait Metrics {
    /// Defines a counter, or finds the one of that name.
    fn counter(&mut self, name: &str) -> Counter;

    /// Defines a gauge, or finds the one of that name. The workers share it: what the last one set is what is seen.
    fn gauge(&mut self, name: &str) -> Gauge;

    /// Defines a histogram, or finds the one of that name.
    fn histogram(&mut self, name: &str) -> Histogram;

    /// Adds to a counter.
    fn add(&mut self, counter: Counter, amount: u32);

    /// Sets a gauge.
    fn set(&mut self, gauge: Gauge, value: u64);

    /// Adds to a gauge, or takes from it: what all workers add up is what is seen.
    fn adjust(&mut self, gauge: Gauge, by: i64);

    /// Records a sample.
    fn record(&mut self, histogram: Histogram, sample: u64);
}

/// A counter's handle, as the proxy gave it. The default one counts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter(pub Option<u32>);

/// A gauge's handle. The default one shows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge(pub Option<u32>);

/// A histogram's handle. The default one keeps nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram(pub Option<u32>);
