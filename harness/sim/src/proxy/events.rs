use crate::events::EventKind;
use crate::proxy::thread::Thread;
use crate::{Callback, Plugin, Sim};

impl<P: Plugin> Thread<P> {
    /// Lets something happen that has fallen due.
    pub(super) fn handle(&mut self, sim: &mut Sim, event: EventKind) {
        match event {
            EventKind::Tick { vm, root } => self.tick(sim, vm, root),
            EventKind::QueueReady { vm, root, queue } => {
                // A trap has ended the VM, and is in the log.
                let _ = self.call(sim, vm, Callback::QueueReady { context: root, queue });
            }
            EventKind::Upstream { stream } => self.upstream_acts(sim, stream),
            EventKind::UpstreamTimeout { stream } => self.upstream_times_out(sim, stream),
            EventKind::CallOut { vm, token, received } => self.receive(sim, vm, token, received),
        }
        let mine =
            sim.streams.iter().filter(|(_, stream)| stream.thread == self.index && stream.end.is_some());
        let ended: Vec<u64> = mine.map(|(id, _)| *id).collect();
        for id in ended {
            self.finish_ended(sim, id);
        }
    }

    fn tick(&mut self, sim: &mut Sim, vm: usize, root: u32) {
        let now = sim.clock;
        let Some(context) = sim.vms.get_mut(vm).and_then(|vm| vm.root_mut(root)) else { return };
        // The period has been set anew since this tick was arranged.
        if context.next_tick.is_none_or(|due| due > now) {
            return;
        }
        context.next_tick = None;
        if self.call(sim, vm, Callback::Tick { context: root }).is_err() {
            return;
        }
        let is_armed =
            sim.vms.get(vm).and_then(|vm| vm.root(root)).is_none_or(|root| root.next_tick.is_some());
        if !is_armed {
            sim.arm_tick(vm, root);
        }
    }
}
