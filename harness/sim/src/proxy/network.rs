use crate::proxy::thread::{Dead, Placed, Thread};
use crate::setup::Reachability;
use crate::stream::StreamInfo;
use crate::tcp::{Connection, NetworkFilter, Said, TcpExchange};
use crate::vm::Context;
use crate::{Callback, Plugin, Sim};

/// Who closed a connection, as the ABI numbers them.
const UNKNOWN: u32 = 0;
const LOCAL: u32 = 1;
const REMOTE: u32 = 2;

/// The two directions of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// From the client.
    Downstream,
    /// From the upstream.
    Upstream,
}

/// Plugins as network filters, before a proxy of TCP.
impl<P: Plugin> Thread<P> {
    /// Takes what an end of a connection says or does.
    pub(super) fn hear(&mut self, sim: &mut Sim, id: u64, said: &Said) {
        let by_upstream = matches!(said, Said::ByUpstream(_) | Said::UpstreamCloses);
        if by_upstream && sim.connections.get(&id).is_none_or(|it| it.is_held) {
            // There is no connection to it yet.
            return;
        }
        match said {
            Said::ByClient(data) => self.receive_data(sim, id, Direction::Downstream, data, false),
            Said::ByUpstream(data) => self.receive_data(sim, id, Direction::Upstream, data, false),
            Said::ClientCloses => self.half_close(sim, id, Direction::Downstream),
            Said::UpstreamCloses => self.half_close(sim, id, Direction::Upstream),
        }
    }

    /// Goes on behind a filter that has held the connection, or what the client has sent, back.
    pub(super) fn resume_connection(&mut self, sim: &mut Sim, vm: usize, context: u32) {
        let Some(Context::Connection { connection, filter }) = sim.context_of(vm, context) else { return };
        let (id, filter) = (*connection, *filter);
        match sim.connections.get(&id) {
            Some(connection) if connection.is_held => {
                self.initialise(sim, id, filter + 1);
                if sim.connections.get(&id).is_some_and(|it| it.is_deserted && (it.is_closed || !it.is_held))
                {
                    self.disconnect(sim, id);
                }
            }
            Some(_) => self.pass_on(sim, id, Direction::Downstream, filter + 1, false),
            None => {}
        }
    }

    /// Closes a connection because a plugin has asked for it; to Envoy it is all one at which end.
    pub(super) fn close_connection(&mut self, sim: &mut Sim, vm: usize, context: u32) {
        if let Some(Context::Connection { connection, .. }) = sim.context_of(vm, context) {
            let connection = *connection;
            close(sim, connection);
        }
    }

    /// Accepts a connection.
    pub(super) fn connect(&mut self, sim: &mut Sim, id: u64) {
        let info = StreamInfo {
            started: sim.clock,
            connection: id,
            // Unlike an HTTP stream, a connection always has one.
            transport_failure: Some(""),
            ..StreamInfo::default()
        };
        sim.connections.insert(id, Connection { info, is_held: true, ..Connection::default() });
        for plugin in 0..self.placed.len() {
            let Some(Placed { vm, root, .. }) = self.place(sim, plugin) else { continue };
            let Some(connection) = sim.connections.get_mut(&id) else { return };
            let filter = connection.filters.len();
            let context =
                sim.vms.get_mut(vm).map(|vm| vm.create(Context::Connection { connection: id, filter }));
            let context = context.unwrap_or_default();
            connection.filters.push(NetworkFilter { vm, root, context, ..NetworkFilter::default() });
        }
        self.initialise(sim, id, 0);
    }

    /// Asks each filter from this one on that was not asked yet whether the connection may be, until one holds it.
    fn initialise(&mut self, sim: &mut Sim, id: u64, from: usize) {
        for index in from..self.filters(sim, id) {
            let Some(filter) = filter_mut(sim, id, index) else { return };
            if std::mem::replace(&mut filter.is_created, true) {
                continue;
            }
            let (vm, parent, context) = (filter.vm, filter.root, filter.context);
            let created = self.call(sim, vm, Callback::ContextCreate { context, parent });
            let asked = created.and_then(|_| self.call(sim, vm, Callback::NewConnection { context }));
            if let Err(Dead) = asked {
                return close(sim, id);
            }
            let is_closed = sim.connections.get(&id).is_none_or(|it| it.is_closed);
            if is_closed || !matches!(asked, Ok((0, _))) {
                return;
            }
        }
        self.reach_upstream(sim, id);
    }

    /// Connects to the upstream; only then does the proxy read what the client has sent so far.
    fn reach_upstream(&mut self, sim: &mut Sim, id: u64) {
        if sim.setup.upstream != Reachability::Healthy {
            return close(sim, id);
        }
        let Some(connection) = sim.connections.get_mut(&id).filter(|it| !it.is_closed) else { return };
        // A filter behind the one that holds the connection may have let it through already.
        if !std::mem::take(&mut connection.is_held) {
            return;
        }
        (connection.info.attempts, connection.info.has_upstream) = (1, true);
        let ends = connection.client_closed;
        if ends || !connection.from_client.is_empty() {
            self.pass_on(sim, id, Direction::Downstream, 0, ends);
        }
    }

    /// One end has said all that it has to say.
    fn half_close(&mut self, sim: &mut Sim, id: u64, direction: Direction) {
        let Some(connection) = sim.connections.get_mut(&id).filter(|it| !it.is_closed) else { return };
        let closed = match direction {
            Direction::Downstream => &mut connection.client_closed,
            Direction::Upstream => &mut connection.upstream_closed,
        };
        if std::mem::replace(closed, true) {
            return;
        }
        if direction == Direction::Upstream && !connection.client_closed {
            connection.is_client_last = true;
        }
        self.receive_data(sim, id, direction, b"", true);
        if direction == Direction::Downstream {
            return;
        }
        for index in 0..self.filters(sim, id) {
            let Some((vm, context)) = filter(sim, id, index) else { continue };
            // A trap has ended the VM, and is in the log.
            let _ = self.call(sim, vm, Callback::UpstreamConnectionClose { context, peer: UNKNOWN });
        }
    }

    fn receive_data(&mut self, sim: &mut Sim, id: u64, direction: Direction, data: &[u8], ends: bool) {
        let Some(connection) = sim.connections.get_mut(&id).filter(|it| !it.is_closed) else { return };
        match direction {
            Direction::Downstream => {
                connection.info.request_bytes += data.len() as u64;
                connection.from_client.extend_from_slice(data);
            }
            Direction::Upstream => connection.from_upstream.extend_from_slice(data),
        }
        if connection.is_held {
            return;
        }
        self.pass_on(sim, id, direction, 0, ends);
    }

    /// Shows what has come and was not let go to each filter in turn, from this position on.
    fn pass_on(&mut self, sim: &mut Sim, id: u64, direction: Direction, from: usize, ends: bool) {
        let count = self.filters(sim, id);
        for position in from..count {
            let index = if direction == Direction::Downstream { position } else { count - 1 - position };
            if !self.ask_data(sim, id, direction, index, ends) {
                return;
            }
        }
        let Some(connection) = sim.connections.get_mut(&id).filter(|it| !it.is_closed) else { return };
        match direction {
            Direction::Downstream => connection.seen.to_upstream.append(&mut connection.from_client),
            Direction::Upstream => {
                connection.info.response_bytes += connection.from_upstream.len() as u64;
                connection.seen.to_client.append(&mut connection.from_upstream);
            }
        }
    }

    /// Whether the data goes on behind this filter.
    fn ask_data(&mut self, sim: &mut Sim, id: u64, direction: Direction, index: usize, ends: bool) -> bool {
        let Some((vm, context)) = filter(sim, id, index) else { return true };
        let Some(connection) = sim.connections.get_mut(&id).filter(|it| !it.is_closed) else { return false };
        let size = match direction {
            Direction::Downstream => connection.from_client.len(),
            Direction::Upstream => connection.from_upstream.len(),
        } as u32;
        let set_open = |sim: &mut Sim, is_open| {
            if let Some(filter) = filter_mut(sim, id, index) {
                match direction {
                    Direction::Downstream => filter.downstream_open = is_open,
                    Direction::Upstream => filter.upstream_open = is_open,
                }
            }
        };
        set_open(sim, true);
        let result = self.call(
            sim,
            vm,
            match direction {
                Direction::Downstream => Callback::DownstreamData { context, size, end_of_stream: ends },
                Direction::Upstream => Callback::UpstreamData { context, size, end_of_stream: ends },
            },
        );
        set_open(sim, false);
        if let Err(Dead) = result {
            close(sim, id);
        }
        matches!(result, Ok((0, _)))
    }

    /// Takes a connection apart, and tells what its ends have received.
    pub(super) fn disconnect(&mut self, sim: &mut Sim, id: u64) -> TcpExchange {
        if let Some(connection) = sim.connections.get_mut(&id).filter(|it| it.is_held && !it.is_closed) {
            // Envoy does not read from it, and so does not see that nobody is there any more.
            connection.is_deserted = true;
            return std::mem::take(&mut connection.seen);
        }
        // Who has heard the other end close closes last.
        let is_client_last = sim.connections.get(&id).is_some_and(|connection| connection.is_client_last);
        let peer = if is_client_last { REMOTE } else { LOCAL };
        for index in 0..self.filters(sim, id) {
            let Some((vm, context)) = filter(sim, id, index) else { continue };
            // A trap has ended the VM, and is in the log.
            let _ = self.call(sim, vm, Callback::DownstreamConnectionClose { context, peer });
            self.finish_context(sim, vm, context);
        }
        let Some(connection) = sim.connections.get_mut(&id) else { return TcpExchange::default() };
        connection.is_over = true;
        let seen = std::mem::take(&mut connection.seen);
        sim.forget_finished();
        seen
    }

    fn filters(&self, sim: &Sim, id: u64) -> usize {
        sim.connections.get(&id).map_or(0, |connection| connection.filters.len())
    }
}

/// The VM and context of a filter; none if its VM has not heard of the connection.
fn filter(sim: &Sim, id: u64, index: usize) -> Option<(usize, u32)> {
    let filter = sim.connections.get(&id)?.filters.get(index)?;
    filter.is_created.then_some((filter.vm, filter.context))
}

fn filter_mut(sim: &mut Sim, id: u64, index: usize) -> Option<&mut NetworkFilter> {
    sim.connections.get_mut(&id)?.filters.get_mut(index)
}

/// The proxy closes both ends.
fn close(sim: &mut Sim, id: u64) {
    if let Some(connection) = sim.connections.get_mut(&id) {
        connection.is_closed = true;
        connection.seen.closed_by_proxy = true;
    }
}
