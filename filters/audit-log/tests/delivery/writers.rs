//! Several workers of a proxy, and those whose VM is gone.

use portcullis_audit_chain::verify::{End, Summary};
use portcullis_kit::testing::TestHost;
use serde_json::{Value, json};

use crate::common::checks::{audit, findings, kind, verified};
use crate::common::recorder::{Recorder, with_sink};
use crate::common::sink::Answer;
use crate::common::{Exchange, NOW};

/// Workers that share the data of the proxy.
struct Proxy {
    workers: Vec<Recorder>,
}

impl Proxy {
    fn new(configs: &[Value]) -> Self {
        let mut proxy = Self { workers: Vec::new() };
        for (number, config) in configs.iter().enumerate() {
            let mut worker = Recorder::worker(u8::try_from(number).unwrap(), TestHost::at(NOW));
            // By itself each has only a part.
            worker.is_verified = false;
            proxy.workers.push(worker);
            proxy.at(number, |worker| worker.configure(with_sink(config.clone())));
        }
        proxy
    }

    /// Lets a worker do something, with the shared data as they are.
    fn at<T>(&mut self, number: usize, act: impl FnOnce(&mut Recorder) -> T) -> T {
        for other in 0..self.workers.len() {
            if !self.workers[other].host.shared.is_empty() && other != number {
                let shared = std::mem::take(&mut self.workers[other].host.shared);
                self.workers[number].host.shared = shared;
            }
        }
        act(&mut self.workers[number])
    }

    /// Lets time pass on all of them, and their sinks take everything.
    fn pass_seconds(&mut self, seconds: u64) {
        for _ in 0..seconds {
            for number in 0..self.workers.len() {
                self.at(number, |worker| {
                    worker.pass_seconds(1);
                    worker.answer(Answer::Take);
                });
            }
        }
    }

    fn record(&mut self, number: usize, times: u32) {
        self.at(number, |worker| worker.record_times(times, &Exchange::plain()));
    }

    /// All lines, worker by worker.
    fn lines(&self) -> Vec<&str> {
        self.workers.iter().flat_map(|worker| worker.sink.lines.iter().map(String::as_str)).collect()
    }

    fn summary(&self) -> Summary {
        verified(self.lines(), &self.workers[0].trust)
    }

    fn records(&self, number: usize) -> Vec<Value> {
        self.workers[number].sink.lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.summary();
        }
    }
}

fn abandoned(records: &[Value]) -> Vec<Value> {
    records.iter().filter(|it| kind(it) == Some("abandoned")).map(|it| audit(it).clone()).collect()
}

#[test]
fn of_a_chain_without_an_end_another_writer_tells() {
    let mut proxy = Proxy::new(&[json!({}), json!({})]);
    proxy.record(0, 5);
    proxy.record(1, 1);
    proxy.pass_seconds(3);
    let last = proxy.records(0).pop().unwrap();
    proxy.at(0, Recorder::trap);
    proxy.pass_seconds(9);
    assert!(abandoned(&proxy.records(1)).is_empty(), "it may only be busy");
    proxy.pass_seconds(5);
    let integrity = &last["unmapped"]["integrity"];
    let expected = json!({
        "chain": integrity["chain"], "hash": integrity["hash"], "kind": "abandoned", "sequence": integrity["sequence"]
    });
    assert_eq!(abandoned(&proxy.records(1)), [expected]);
    assert_eq!(proxy.workers[1].counter("abandoned"), 1);
    proxy.pass_seconds(30);
    assert_eq!(abandoned(&proxy.records(1)).len(), 1, "once");
    let summary = proxy.summary();
    let [gone, teller] = summary.chains.as_slice() else { panic!("{summary:?}") };
    assert_eq!((&gone.end, &teller.end), (&End::Abandoned { by: teller.uid }, &End::Open));
}

#[test]
fn what_was_cut_off_of_a_chain_without_an_end_is_found() {
    let mut proxy = Proxy::new(&[json!({}), json!({})]);
    proxy.record(0, 5);
    proxy.record(1, 1);
    proxy.pass_seconds(3);
    proxy.at(0, Recorder::trap);
    proxy.pass_seconds(20);
    let lines = proxy.lines();
    let codes = |lines: Vec<&str>| findings(lines, &proxy.workers[0].trust).0;
    assert_eq!(codes(lines.clone()), [""; 0]);
    let of_the_first = proxy.workers[0].sink.lines.len();
    let cut = [&lines[..of_the_first - 2], &lines[of_the_first..]].concat();
    assert_eq!(codes(cut).len(), 1);
    assert_eq!(codes(lines[of_the_first..].to_vec()).len(), 1, "all of it");
}

#[test]
fn several_writers_tell_of_one_that_is_gone_once() {
    let mut proxy = Proxy::new(&[json!({}), json!({}), json!({}), json!({})]);
    (0..4).for_each(|number| proxy.record(number, 2));
    proxy.pass_seconds(2);
    proxy.at(0, Recorder::trap);
    proxy.pass_seconds(30);
    let told: usize = (1..4).map(|number| abandoned(&proxy.records(number)).len()).sum();
    assert_eq!(told, 1);
}

#[test]
fn who_is_idle_or_has_ended_is_not_gone() {
    let mut proxy = Proxy::new(&[json!({}), json!({}), json!({})]);
    (0..3).for_each(|number| proxy.record(number, 1));
    proxy.pass_seconds(1);
    proxy.at(2, |worker| {
        worker.configure(json!({}));
        worker.stop(0);
    });
    proxy.pass_seconds(120);
    let told: usize = (0..3).map(|number| abandoned(&proxy.records(number)).len()).sum();
    assert_eq!(told, 0);
    assert_eq!(proxy.summary().chains.len(), 3);
}

#[test]
fn a_vm_that_comes_back_says_so() {
    let mut proxy = Proxy::new(&[json!({}), json!({})]);
    proxy.record(0, 1);
    proxy.record(1, 1);
    proxy.pass_seconds(2);
    proxy.at(0, |worker| {
        worker.trap();
        worker.configure(json!({}));
        worker.record_times(1, &Exchange::plain());
    });
    proxy.pass_seconds(20);
    let records = proxy.records(0);
    let genesis: Vec<_> = records.iter().filter(|it| kind(it) == Some("genesis")).map(audit).collect();
    assert_eq!((&genesis[0]["reason"], &genesis[1]["reason"]), (&json!("start"), &json!("restart")));
    let told = [abandoned(&records), abandoned(&proxy.records(1))].concat();
    assert_eq!(told.len(), 1);
    assert_eq!(proxy.summary().chains.len(), 3);
}

#[test]
fn one_that_comes_back_alone_tells_of_itself() {
    let mut proxy = Proxy::new(&[json!({})]);
    proxy.record(0, 3);
    proxy.pass_seconds(2);
    proxy.at(0, |worker| {
        worker.trap();
        worker.configure(json!({}));
    });
    proxy.pass_seconds(20);
    assert!(abandoned(&proxy.records(0)).is_empty(), "it has nothing to say as long as it has no records");
    proxy.record(0, 1);
    proxy.pass_seconds(2);
    assert_eq!(abandoned(&proxy.records(0)).len(), 1);
}

#[test]
fn domains_are_told_apart() {
    let mut proxy = Proxy::new(&[json!({"domain": "a"}), json!({"domain": "b"})]);
    proxy.record(0, 1);
    proxy.record(1, 1);
    proxy.pass_seconds(2);
    proxy.at(0, Recorder::trap);
    proxy.pass_seconds(30);
    assert!(abandoned(&proxy.records(1)).is_empty());
}

#[test]
fn without_shared_data_nobody_hears_of_others() {
    let mut proxy = Proxy::new(&[json!({}), json!({})]);
    proxy.workers.iter_mut().for_each(|worker| worker.host.storeless = true);
    proxy.record(0, 1);
    proxy.record(1, 1);
    proxy.at(0, Recorder::trap);
    proxy.pass_seconds(30);
    assert!(abandoned(&proxy.records(1)).is_empty());
    assert_eq!(proxy.workers[1].counter("recorded"), 1);
}

#[test]
fn the_oldest_record_is_that_of_all_workers() {
    let mut proxy = Proxy::new(&[json!({}), json!({})]);
    proxy.record(0, 1);
    proxy.record(1, 1);
    for _ in 0..8 {
        proxy.at(0, |worker| worker.pass_seconds(1));
        proxy.at(1, |worker| {
            worker.pass_seconds(1);
            worker.answer(Answer::Take);
        });
    }
    assert!(
        (7..=8).contains(&proxy.workers[1].gauge("oldest_seconds")),
        "{}",
        proxy.workers[1].gauge("oldest_seconds")
    );
}
