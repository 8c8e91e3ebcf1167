use std::mem;

use crate::http::{Exchange, HeaderList, Protocol};
use crate::proxy::framing;
use crate::proxy::plugin::Place;
use crate::proxy::thread::{Dead, Thread};
use crate::stream::{End, Stream, Window};
use crate::vm::Context;
use crate::{Callback, Plugin, Sim};

impl<P: Plugin> Thread<P> {
    /// Takes a stream apart if it has ended, once. Envoy's order for HTTP: every filter logs; then each is done and deleted.
    pub(super) fn finish_ended(&mut self, sim: &mut Sim, id: u64) {
        let now = sim.clock;
        let Some(stream) = sim.stream_of_mut(id).filter(|stream| stream.end.is_some()) else { return };
        if stream.info.ended.replace(now).is_some() {
            return;
        }
        let count = stream.filters.len();
        if sim.follows_spec() {
            return self.finish_by_spec(sim, id, count);
        }
        set_logging(sim, id, true);
        for index in 0..count {
            self.log(sim, id, index);
        }
        set_logging(sim, id, false);
        for index in 0..count {
            self.delete(sim, id, index);
        }
        if let Some(mut stream) = sim.streams.remove(&id) {
            let headers = (mem::take(&mut stream.request.headers), mem::take(&mut stream.response.headers));
            sim.exchanges.insert(id, exchange(&mut stream, headers));
        }
    }

    /// The specification's order: each filter is done, logs, and is deleted.
    fn finish_by_spec(&mut self, sim: &mut Sim, id: u64, count: usize) {
        // They are still to be read in on_log.
        let seen = sim.stream_of_mut(id).map(|stream| {
            let headers = (stream.request.headers.clone(), stream.response.headers.clone());
            exchange(stream, headers)
        });
        if let Some(seen) = seen {
            sim.exchanges.insert(id, seen);
        }
        for index in 0..count {
            match (self.hears_the_end(sim, id, index), Place::of(sim, id, index)) {
                (Some(place), _) => self.finish_context(sim, place.vm, place.context),
                (None, Some(place)) => forget(sim, place.vm, place.context),
                _ => {}
            }
        }
        sim.forget_finished();
    }

    /// Asks whether the plugin is done with a context, and if it is, ends it; Envoy does so whatever the answer.
    pub(super) fn finish_context(&mut self, sim: &mut Sim, vm: usize, context: u32) {
        let answer = self.call(sim, vm, Callback::Done { context });
        if sim.follows_spec() && matches!(answer, Ok((0, _))) {
            if let Some(vm) = sim.vms.get_mut(vm) {
                vm.pending.insert(context);
            }
            return;
        }
        self.finalize(sim, vm, context);
    }

    /// The last callbacks of a context that is done.
    pub(super) fn finalize(&mut self, sim: &mut Sim, vm: usize, context: u32) {
        let stream = match sim.context_of(vm, context) {
            Some(Context::Stream { stream, .. }) => Some(*stream),
            _ => None,
        };
        let set = |sim: &mut Sim, is_logging| {
            if let Some(stream) = stream {
                set_logging(sim, stream, is_logging);
            }
        };
        set(sim, true);
        // A trap has ended the VM, and is in the log; the stream is over anyway.
        let _ = self.call(sim, vm, Callback::Log { context });
        set(sim, false);
        // As above.
        let _ = self.call(sim, vm, Callback::Delete { context });
        forget(sim, vm, context);
    }

    fn log(&mut self, sim: &mut Sim, id: u64, index: usize) {
        if let Some(place) = self.hears_the_end(sim, id, index) {
            // A plugin that traps here has its VM's death in the log; the stream is over anyway.
            let _ = self.call(sim, place.vm, Callback::Log { context: place.context });
        }
    }

    /// A filter that hears of the end of the stream; none if it has no context.
    fn hears_the_end(&mut self, sim: &mut Sim, id: u64, index: usize) -> Option<Place> {
        let place = Place::of(sim, id, index)?;
        let never_asked = sim
            .stream_of(id)
            .and_then(|stream| stream.filters.get(index))
            .is_some_and(|filter| filter.request.headers_window == Window::NotYet);
        // A request that never came to the plugin gets its context here.
        if never_asked && let Err(Dead) = self.create(sim, id, &place) {
            return None;
        }
        Place::of(sim, id, index).filter(|place| place.is_created)
    }

    fn delete(&mut self, sim: &mut Sim, id: u64, index: usize) {
        let Some(place) = Place::of(sim, id, index) else { return };
        let context = place.context;
        if place.is_created && self.call(sim, place.vm, Callback::Done { context }).is_ok() {
            // As above.
            let _ = self.call(sim, place.vm, Callback::Delete { context });
        }
        forget(sim, place.vm, context);
    }
}

fn set_logging(sim: &mut Sim, id: u64, is_logging: bool) {
    if let Some(stream) = sim.stream_of_mut(id) {
        stream.logging = is_logging;
    }
}

fn forget(sim: &mut Sim, vm: usize, context: u32) {
    if let Some(vm) = sim.vms.get_mut(vm) {
        vm.delete(context);
    }
}

/// What was seen of a stream from outside, with the headers as they stand at its end.
fn exchange(stream: &mut Stream, (request, response): (HeaderList, HeaderList)) -> Exchange {
    let protocol = stream.info.protocol;
    let client = stream.to_client.take().filter(|_| stream.end == Some(End::Complete)).map(|mut client| {
        if client.headers.is_empty() {
            client.headers = response;
        }
        let (is_head, is_open) = (stream.asked_by_head, stream.is_response_open);
        framing::frame_response(protocol, &mut client.headers, client.status, is_head, is_open);
        client.headers.retain(|(name, _)| name != b":status");
        client
    });
    let upstream = stream.upstream_complete.then(|| {
        let mut upstream = mem::take(&mut stream.to_upstream);
        if upstream.headers.is_empty() {
            upstream.headers = request;
        }
        framing::frame_request(protocol, &mut upstream.headers, stream.is_request_open);
        // HTTP/1.1 has no place for it.
        upstream.headers.retain(|(name, _)| protocol == Protocol::Http2 || name != b":scheme");
        upstream
    });
    Exchange { client, upstream, details: stream.info.details.clone() }
}
