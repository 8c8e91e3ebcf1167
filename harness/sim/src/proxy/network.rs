use crate::proxy::thread::{Dead, Placed, Thread};
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
        match said {
            Said::ByClient(data) => self.receive_data(sim, id, Direction::Downstream, data, false),
            Said::ByUpstream(data) => self.receive_data(sim, id, Direction::Upstream, data, false),
            Said::ClientCloses => self.half_close(sim, id, Direction::Downstream),
            Said::UpstreamCloses => self.half_close(sim, id, Direction::Upstream),
        }
    }

    /// Resumes the reading of what a filter holds back of the client's data.
    pub(super) fn resume_connection(&mut self, sim: &mut Sim, vm: usize, context: u32) {
        if let Some(Context::Connection { connection, filter }) = sim.context_of(vm, context) {
            let (connection, filter) = (*connection, *filter);
            if let Some(connection) = sim.connections.get_mut(&connection) {
                connection.is_held = false;
            }
            self.pass_on(sim, connection, Direction::Downstream, filter + 1, false);
        }
    }

    /// Closes a connection because a plugin has asked for it.
    pub(super) fn close_connection(&mut self, sim: &mut Sim, vm: usize, context: u32, by_upstream: bool) {
        let Some(Context::Connection { connection, .. }) = sim.context_of(vm, context) else { return };
        let id = *connection;
        if let Some(connection) = sim.connections.get_mut(&id).filter(|_| !by_upstream) {
            connection.is_closed = true;
            connection.seen.closed_by_proxy = true;
        }
    }

    /// Accepts a connection.
    pub(super) fn connect(&mut self, sim: &mut Sim, id: u64) {
        sim.connections.insert(id, Connection::default());
        for plugin in 0..self.placed.len() {
            let placed = match sim.follows_spec() {
                true => self.place(sim, plugin),
                false => self.placed.get(plugin).copied().flatten(),
            };
            let Some(Placed { vm, root, .. }) = placed else { continue };
            let Some(connection) = sim.connections.get_mut(&id) else { return };
            let filter = connection.filters.len();
            let context =
                sim.vms.get_mut(vm).map(|vm| vm.create(Context::Connection { connection: id, filter }));
            let context = context.unwrap_or_default();
            connection.filters.push(NetworkFilter { vm, root, context, ..NetworkFilter::default() });
        }
        for index in 0..self.filters(sim, id) {
            let Some((vm, root, context)) = filter(sim, id, index) else { return };
            let created = self.call(sim, vm, Callback::ContextCreate { context, parent: root });
            let asked = created.and_then(|_| self.call(sim, vm, Callback::NewConnection { context }));
            let Some(connection) = sim.connections.get_mut(&id) else { return };
            match asked {
                Ok((0, _)) => {}
                Ok(_) => {
                    connection.is_held = true;
                    return;
                }
                Err(Dead) => {
                    connection.is_closed = true;
                    connection.seen.closed_by_proxy = true;
                }
            }
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
            let Some((vm, _, context)) = filter(sim, id, index) else { return };
            // A trap has ended the VM, and is in the log.
            let _ = self.call(sim, vm, Callback::UpstreamConnectionClose { context, peer: UNKNOWN });
        }
    }

    fn receive_data(&mut self, sim: &mut Sim, id: u64, direction: Direction, data: &[u8], ends: bool) {
        let Some(connection) = sim.connections.get_mut(&id).filter(|it| !it.is_closed) else { return };
        match direction {
            Direction::Downstream => connection.from_client.extend_from_slice(data),
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
            Direction::Upstream => connection.seen.to_client.append(&mut connection.from_upstream),
        }
    }

    /// Whether the data goes on behind this filter.
    fn ask_data(&mut self, sim: &mut Sim, id: u64, direction: Direction, index: usize, ends: bool) -> bool {
        let Some((vm, _, context)) = filter(sim, id, index) else { return false };
        let Some(connection) = sim.connections.get_mut(&id).filter(|it| !it.is_closed) else { return false };
        let size = match direction {
            Direction::Downstream => connection.from_client.len(),
            Direction::Upstream => connection.from_upstream.len(),
        } as u32;
        let set_open = |sim: &mut Sim, is_open| {
            let connection = sim.connections.get_mut(&id);
            if let Some(filter) = connection.and_then(|it| it.filters.get_mut(index)) {
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
        if let (Err(Dead), Some(connection)) = (&result, sim.connections.get_mut(&id)) {
            connection.is_closed = true;
            connection.seen.closed_by_proxy = true;
        }
        matches!(result, Ok((0, _)))
    }

    /// Takes a connection apart, and tells what its ends have received.
    pub(super) fn disconnect(&mut self, sim: &mut Sim, id: u64) -> TcpExchange {
        // Who has heard the other end close closes last.
        let is_client_last = sim.connections.get(&id).is_some_and(|connection| connection.is_client_last);
        let peer = if is_client_last { REMOTE } else { LOCAL };
        for index in 0..self.filters(sim, id) {
            let Some((vm, _, context)) = filter(sim, id, index) else { break };
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

fn filter(sim: &Sim, id: u64, index: usize) -> Option<(usize, u32, u32)> {
    sim.connections.get(&id)?.filters.get(index).map(|filter| (filter.vm, filter.root, filter.context))
}
