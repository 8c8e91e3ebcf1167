use std::collections::{BTreeMap, VecDeque};

use crate::events::EventKind;
use crate::{Hostcall, Refusal, Sim, Status};

/// Envoy has no bound here.
const BYTES: usize = 256 << 20;

/// The queues of all VMs.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// By `vm_id` and name.
    tokens: BTreeMap<(Vec<u8>, Vec<u8>), u32>,
    queues: BTreeMap<u32, Queue>,
    bytes: usize,
}

/// One queue, and whoever registered it last: nobody else is told of its items.
#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Vec<u8>>,
    vm: usize,
    root: u32,
}

impl Sim {
    /// `proxy_register_shared_queue`: gives the queue's token, the same for the same name, and makes the caller its owner.
    ///
    /// # Errors
    /// None.
    pub fn register_shared_queue(&mut self, name: &[u8]) -> Hostcall<u32> {
        let (vm, root) = (self.turn.vm, self.root_id());
        let key = (self.vm_id(), name.to_vec());
        let next = self.queues.tokens.len() as u32 + 1;
        let token = *self.queues.tokens.entry(key).or_insert(next);
        let queue = self.queues.queues.entry(token).or_default();
        (queue.vm, queue.root) = (vm, root);
        self.note("proxy_register_shared_queue", &[&name], Ok(token))
    }

    /// `proxy_resolve_shared_queue`; an empty `vm_id` is the plugin's own.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn resolve_shared_queue(&mut self, vm_id: &[u8], name: &[u8]) -> Hostcall<u32> {
        let space = if vm_id.is_empty() { self.vm_id() } else { vm_id.to_vec() };
        let token = self.queues.tokens.get(&(space, name.to_vec())).copied();
        let result = token.ok_or_else(|| Refusal::not_found("no queue of this name has been registered"));
        self.note("proxy_resolve_shared_queue", &[&vm_id, &name], result)
    }

    /// `proxy_enqueue_shared_queue`: the owner is told, once for each item.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown token.
    pub fn enqueue_shared_queue(&mut self, token: u32, item: &[u8]) -> Hostcall<()> {
        let result = self.queues.enqueue(token, item).map(|(vm, root)| {
            let thread = self.vms.get(vm).map_or(0, |vm| vm.thread);
            self.events.push(self.clock, thread, EventKind::QueueReady { vm, root, queue: token });
        });
        self.note("proxy_enqueue_shared_queue", &[&token, &item], result)
    }

    /// `proxy_dequeue_shared_queue`.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown token, `EMPTY`.
    pub fn dequeue_shared_queue(&mut self, token: u32) -> Hostcall<Vec<u8>> {
        let result = self.queues.dequeue(token);
        self.note("proxy_dequeue_shared_queue", &[&token], result)
    }

    fn vm_id(&self) -> Vec<u8> {
        self.vm().map(|vm| vm.id.clone().into_bytes()).unwrap_or_default()
    }
}

impl Queues {
    /// Gives the owner.
    fn enqueue(&mut self, token: u32, item: &[u8]) -> Hostcall<(usize, u32)> {
        if self.bytes.saturating_add(item.len()) > BYTES {
            return Err(Refusal::new(Status::InternalFailure, format!("the queues hold {BYTES} bytes")));
        }
        let queue = self.queue(token)?;
        queue.items.push_back(item.to_vec());
        let owner = (queue.vm, queue.root);
        self.bytes += item.len();
        Ok(owner)
    }

    fn dequeue(&mut self, token: u32) -> Hostcall<Vec<u8>> {
        let empty = || Refusal::new(Status::Empty, "the queue holds nothing");
        let item = self.queue(token)?.items.pop_front().ok_or_else(empty)?;
        self.bytes = self.bytes.saturating_sub(item.len());
        Ok(item)
    }

    fn queue(&mut self, token: u32) -> Hostcall<&mut Queue> {
        let unknown = || Refusal::not_found(format!("no queue has the token {token}"));
        self.queues.get_mut(&token).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_first_in_first_out_and_registering_again_keeps_it() {
        let mut sim = Sim::default();
        let token = sim.register_shared_queue(b"q").unwrap();
        sim.enqueue_shared_queue(token, b"1").unwrap();
        assert_eq!(sim.register_shared_queue(b"q"), Ok(token));
        sim.enqueue_shared_queue(token, b"2").unwrap();
        assert_eq!(sim.resolve_shared_queue(b"", b"q"), Ok(token));
        assert_eq!(sim.dequeue_shared_queue(token), Ok(b"1".to_vec()));
        assert_eq!(sim.dequeue_shared_queue(token), Ok(b"2".to_vec()));
        assert_eq!(sim.dequeue_shared_queue(token).unwrap_err().status, Status::Empty);
    }

    #[test]
    fn what_was_never_registered_is_not_found() {
        let mut sim = Sim::default();
        assert_eq!(sim.resolve_shared_queue(b"", b"q").unwrap_err().status, Status::NotFound);
        assert_eq!(sim.dequeue_shared_queue(1).unwrap_err().status, Status::NotFound);
        assert_eq!(sim.enqueue_shared_queue(1, b"").unwrap_err().status, Status::NotFound);
    }
}
