use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use portcullis_host::{LoadOptions, Module};
use portcullis_sim::http::Sending;
use portcullis_sim::{Costs, PluginSetup};

use super::read_config;
use super::request::RequestOptions;
use crate::Verdict;
use crate::measured::{Given, costs, start};
use crate::targets::{load_module, load_module_with, real_time, since_epoch};
use crate::traffic::table;

/// Without fuel, for the engine counts nothing in production either.
const FAST: LoadOptions<'_> = LoadOptions { fuel: false, cache: None, profile: false, spec: false };
/// Requests whose cost is counted.
const COUNTED: usize = 100;
/// More latencies than that tell no more.
const MOST: usize = 1_000_000;
/// Of the time for requests, the part before anything counts.
const WARM_UP: u32 = 5;

/// Measures what a module costs: time, and without it what each callback takes.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The module.
    module: PathBuf,
    /// The plugin's configuration, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How long each figure is measured.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// The time in the simulated proxy, RFC 3339 in UTC. Left out: the real time.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339)]
    clock: Option<SystemTime>,
    #[command(flatten)]
    request: RequestOptions,
}

/// How long requests took.
struct Latencies {
    sorted: Vec<Duration>,
    status: Option<u16>,
    details: String,
}

impl Bench {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let configuration = self.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
        let clock = Some(self.clock.map_or_else(real_time, since_epoch));
        let given = Given { configuration, clock };
        let at = |problem: String| format!("{}: {problem}", self.module.display());
        let sending = self.request.sending();
        let fast = load_module_with(&self.module, &FAST)?;
        let instances = self.instances(&fast).map_err(at)?;
        let requests = self.requests(fast, &given, &sending).map_err(at)?;
        let counted = load_module(&self.module)?;
        let costs = costs(counted, &given, &sending, COUNTED).map_err(at)?;
        anstream::println!("{}\n", self.module.display());
        anstream::print!("{}", times(instances, &requests));
        anstream::println!(
            "\nTimes are those of wasmtime and the simulated proxy on this machine, without fuel; Envoy runs modules on V8.\n"
        );
        anstream::print!("{}", takes(&costs));
        anstream::println!(
            "\nOne call, in one start on three VMs and {COUNTED} requests. At the same --clock these figures are the same on every machine."
        );
        Ok(Verdict::Good)
    }

    /// VMs per second.
    fn instances(&self, module: &Module) -> Result<f64, String> {
        let setup = PluginSetup::default();
        let begin = Instant::now();
        let mut count = 0.0;
        while count < 1.0 || begin.elapsed() < self.time {
            module.instantiate(&setup).map_err(|error| error.to_string())?;
            count += 1.0;
        }
        Ok(count / begin.elapsed().as_secs_f64())
    }

    fn requests(&self, module: Module, given: &Given, sending: &Sending) -> Result<Latencies, String> {
        let mut proxy = start(module, given, false)?;
        let mut sorted = Vec::new();
        let begin = Instant::now();
        let mut last = proxy.send(std::slice::from_ref(sending)).pop().unwrap_or_default();
        while sorted.is_empty() || (begin.elapsed() < self.time && sorted.len() < MOST) {
            let sent = Instant::now();
            let exchanges = proxy.send(std::slice::from_ref(sending));
            let took = sent.elapsed();
            last = exchanges.into_iter().next().unwrap_or_default();
            if begin.elapsed() > self.time / WARM_UP {
                sorted.push(took);
            }
        }
        if let Some(trap) = proxy.trap() {
            return Err(trap.message.clone());
        }
        sorted.sort_unstable();
        let details = last.details.unwrap_or_else(|| "-".to_owned());
        Ok(Latencies { sorted, status: last.client.map(|response| response.status), details })
    }
}

impl Latencies {
    /// The time within which so many of a hundred were answered.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or_default()
    }

    fn per_second(&self) -> f64 {
        let all: Duration = self.sorted.iter().sum();
        self.sorted.len() as f64 / all.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

fn times(instances: f64, requests: &Latencies) -> String {
    let micros = |time: Duration| format!("{:.1} us", time.as_secs_f64() * 1e6);
    let status = requests.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
    let rows = [
        ["instances per second".to_owned(), format!("{instances:.0}")],
        ["requests per second, one worker".to_owned(), format!("{:.0}", requests.per_second())],
        ["a request, p50".to_owned(), micros(requests.percentile(50))],
        ["a request, p99".to_owned(), micros(requests.percentile(99))],
        ["answered with".to_owned(), format!("{status} ({})", requests.details)],
    ];
    table(["time", ""], &rows)
}

fn takes(costs: &Costs) -> String {
    let mean = |total: u64, calls: u64| total.checked_div(calls).unwrap_or_default().to_string();
    let rows = costs.iter().map(|(callback, tally)| {
        [
            (*callback).to_owned(),
            tally.calls.to_string(),
            mean(tally.total.fuel, tally.calls),
            tally.most.fuel.to_string(),
            tally.most.hostcalls.to_string(),
            tally.most_bytes.to_string(),
            tally.most.memory_growth.to_string(),
        ]
    });
    let head = ["callback", "calls", "fuel, mean", "fuel, most", "hostcalls", "bytes", "memory growth"];
    table(head, &rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_latencies() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_micros).collect();
        let latencies = Latencies { sorted, status: None, details: String::new() };
        assert_eq!(latencies.percentile(50), Duration::from_micros(100));
        assert_eq!(latencies.percentile(99), Duration::from_micros(198));
        assert!((latencies.per_second() - 9950.2).abs() < 0.1);
        let one = Latencies { sorted: vec![Duration::from_micros(7)], ..latencies };
        assert_eq!(
            (one.percentile(50), one.percentile(99)),
            (Duration::from_micros(7), Duration::from_micros(7))
        );
    }
}
