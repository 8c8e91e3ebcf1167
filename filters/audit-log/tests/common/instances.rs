//! Time, answers, and instances of the filter that come and go.

use std::time::Duration;

use portcullis_audit_log::AuditLog;
use portcullis_kit::{CallId, HttpFilter, StreamId};
use serde_json::Value;

use super::recorder::{Begun, Recorder, with_sink};
use super::sink::{Answer, Heard};

impl Recorder {
    /// A new configuration: another instance of the filter comes, while the former are still there.
    pub(crate) fn configure(&mut self, config: Value) {
        // No two instances have the same chance: that of their chains, and that of samples.
        self.host.random.extend([Some([self.chance; 16]), Some([self.chance; 16])]);
        self.chance += 1;
        self.start(config);
        assert!(self.host.random.is_empty(), "chance is for the chain and for samples");
    }

    /// Likewise with what chance the host has.
    pub(crate) fn start(&mut self, config: Value) {
        let config = with_sink(config);
        let prefix = config.get("stat_prefix").and_then(Value::as_str);
        self.stat_prefix = prefix.map(|prefix| format!("{prefix}_")).unwrap_or_default();
        let mut filter = AuditLog::configure(config.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("{error}: {config}"));
        filter.start(&mut self.host);
        for (former, is_there) in &self.instances {
            if *is_there {
                filter.inherit(former);
            }
        }
        self.instances.push((filter, true));
    }

    /// An instance is taken out: it hears of no time and no answers any more, but of requests that have come to it.
    pub(crate) fn stop(&mut self, instance: usize) {
        let (filter, is_there) = &mut self.instances[instance];
        filter.on_stop(&mut self.host);
        *is_there = false;
        self.collect(instance);
    }

    /// The VM is gone, and with it all that was in it.
    pub(crate) fn trap(&mut self) {
        self.instances.clear();
        self.waiting.clear();
        self.woken.clear();
        self.sink.calls.iter_mut().for_each(|call| call.is_answered = true);
    }

    /// Whether an instance has not been taken out.
    pub(crate) fn is_there(&self, instance: usize) -> bool {
        self.instances[instance].1
    }

    /// Whose metrics are asked for.
    pub(crate) fn stat_prefix(&mut self, prefix: &str) {
        prefix.clone_into(&mut self.stat_prefix);
    }

    /// Which instance requests come to.
    pub(crate) fn current(&self) -> usize {
        self.instances.len() - 1
    }

    /// Lets time pass, and everything be done that is due then.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.host.advance(time);
        for instance in 0..self.instances.len() {
            let (filter, is_there) = &mut self.instances[instance];
            if *is_there {
                let woken = filter.on_tick(&mut self.host);
                self.collect(instance);
                self.wake(woken);
            }
        }
    }

    /// Lets time pass second by second, as it does.
    pub(crate) fn pass_seconds(&mut self, seconds: u64) {
        (0..seconds).for_each(|_| self.pass(Duration::from_secs(1)));
    }

    /// The sink's answer to all that it has not answered; how much that was.
    pub(crate) fn answer(&mut self, answer: Answer) -> usize {
        let unanswered = self.sink.unanswered();
        unanswered.iter().for_each(|index| self.answer_call(*index, answer));
        unanswered.len()
    }

    fn answer_call(&mut self, index: usize, answer: Answer) {
        let maker = self.sink.calls[index].maker;
        let id = CallId(u32::try_from(index + 1).unwrap() * 4);
        let heard = self.sink.answer(index, answer);
        let (filter, is_there) = &mut self.instances[maker];
        // Nobody hears the answer to an instance that is gone.
        let Some(heard) = heard.filter(|_| *is_there) else { return };
        let woken = match heard {
            Heard::Http(answer) => filter.on_http_answer(id, &answer, &mut self.host),
            Heard::Grpc(answer) => filter.on_grpc_answer(id, &answer, &mut self.host),
        };
        self.collect(maker);
        self.wake(woken);
    }

    /// Requests go on that have waited.
    fn wake(&mut self, woken: Vec<StreamId>) {
        for id in woken {
            let Some(flight) = self.waiting.remove(&id) else { continue };
            match self.run(flight) {
                Begun::Passes(flight) => self.woken.push(flight),
                Begun::Waits(_) => panic!("{id:?} waits a second time"),
                Begun::Denied(_) => {}
            }
        }
    }

    /// Hands over to the sink what an instance has sent.
    pub(super) fn collect(&mut self, maker: usize) {
        let known = self.sink.calls.len();
        for call in &self.host.calls[known.min(self.host.calls.len())..] {
            self.sink.receive(maker, call.clone());
        }
    }
}
