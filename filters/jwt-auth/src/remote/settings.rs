use std::time::Duration;

/// How a document is fetched and how long it is used, validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) cluster: String,
    pub(crate) timeout: Duration,
    pub(crate) refresh: Duration,
    pub(crate) min_refresh: Duration,
    pub(crate) max_refresh: Duration,
    pub(crate) refetch_interval: Duration,
    pub(crate) retry_base: Duration,
    pub(crate) retry_max: Duration,
    pub(crate) stale_for: Duration,
    pub(crate) max_bytes: usize,
}

#[cfg(test)]
impl Settings {
    /// The defaults, and a cluster.
    pub(crate) fn example() -> Self {
        Self {
            cluster: "idp".into(),
            timeout: Duration::from_secs(5),
            refresh: Duration::from_secs(600),
            min_refresh: Duration::from_secs(60),
            max_refresh: Duration::from_secs(24 * 3600),
            refetch_interval: Duration::from_secs(30),
            retry_base: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            stale_for: Duration::from_secs(3600),
            max_bytes: 128 << 10,
        }
    }
}
