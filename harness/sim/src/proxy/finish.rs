use crate::http::Exchange;
use crate::proxy::plugin::Place;
use crate::proxy::thread::{Dead, Thread};
use crate::stream::{End, Stream, Window};
use crate::{Callback, Plugin, Sim};

impl<P: Plugin> Thread<P> {
    /// Takes a stream apart if it has ended. Envoy's order for HTTP: every filter logs; then each is done and deleted.
    pub(super) fn finish_ended(&mut self, sim: &mut Sim, id: u64) {
        let now = sim.clock;
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| stream.end.is_some()) else { return };
        stream.info.ended = Some(now);
        stream.logging = true;
        let count = stream.filters.len();
        for index in 0..count {
            self.log(sim, id, index);
        }
        if let Some(stream) = sim.stream_of_mut(id) {
            stream.logging = false;
        }
        for index in 0..count {
            self.delete(sim, id, index);
        }
        if let Some(stream) = sim.streams.remove(&id) {
            sim.exchanges.insert(id, exchange(*stream));
        }
    }

    fn log(&mut self, sim: &mut Sim, id: u64, index: usize) {
        let Some(place) = Place::of(sim, id, index) else { return };
        let never_asked = sim
            .stream_of(id)
            .and_then(|stream| stream.filters.get(index))
            .is_some_and(|filter| filter.request.headers_window == Window::NotYet);
        // A request that never came to the plugin gets its context here.
        if never_asked && let Err(Dead) = self.create(sim, id, &place) {
            return;
        }
        if Place::of(sim, id, index).is_some_and(|place| place.is_created) {
            // A plugin that traps here has its VM's death in the log; the stream is over anyway.
            let _ = self.call(sim, place.vm, Callback::Log { context: place.context });
        }
    }

    fn delete(&mut self, sim: &mut Sim, id: u64, index: usize) {
        let Some(place) = Place::of(sim, id, index) else { return };
        let context = place.context;
        if place.is_created && self.call(sim, place.vm, Callback::Done { context }).is_ok() {
            // As above.
            let _ = self.call(sim, place.vm, Callback::Delete { context });
        }
        if let Some(vm) = sim.vms.get_mut(place.vm) {
            vm.delete(context);
        }
    }
}

/// What was seen of a stream from outside.
fn exchange(stream: Stream) -> Exchange {
    Exchange {
        client: stream.to_client.filter(|_| stream.end == Some(End::Complete)),
        upstream: stream.upstream_complete.then_some(stream.to_upstream),
        details: stream.info.details,
    }
}
