use std::collections::BTreeMap;
use std::sync::Arc;

use crate::setup::PluginSetup;
use crate::stream::{LocalResponse, Side};
use crate::vm::{Asked, Context, Vm};
use crate::{Callback, Plugin, Sim, UnixTime};

/// Makes the VM for a plugin; an error says why that cannot be.
pub type Factory<P> = Arc<dyn Fn(&PluginSetup) -> Result<P, String> + Send + Sync>;

/// One thread of the proxy, with its own VM of each kind.
pub(super) struct Thread<P> {
    /// 0 is the main thread.
    pub(super) index: usize,
    pub(super) factory: Factory<P>,
    vms: BTreeMap<usize, P>,
    /// Where each plugin of the setup is; none for one that could not be started here.
    pub(super) placed: Vec<Option<Placed>>,
}

/// A plugin on a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) vm: usize,
    pub(super) root: u32,
    /// When its VM was made, which bounds how soon another may replace it.
    pub(super) since: UnixTime,
}

/// The VM is dead, and with it the callback.
pub(super) struct Dead;

impl<P> std::fmt::Debug for Thread<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Thread")
            .field("index", &self.index)
            .field("placed", &self.placed)
            .finish_non_exhaustive()
    }
}

impl<P: Plugin> Thread<P> {
    pub(super) fn new(index: usize, factory: Factory<P>) -> Self {
        Self { index, factory, vms: BTreeMap::new(), placed: Vec::new() }
    }

    /// Makes a VM in which nothing has run yet.
    pub(super) fn new_vm(&mut self, sim: &mut Sim, plugin: &PluginSetup) -> Result<usize, String> {
        let made = (self.factory)(plugin)?;
        let number = sim.vms.len();
        sim.vms.push(Vm::new(self.index, &plugin.vm_id, &plugin.vm_configuration));
        self.vms.insert(number, made);
        Ok(number)
    }

    pub(super) fn drop_vm(&mut self, sim: &mut Sim, vm: usize) {
        self.vms.remove(&vm);
        if let Some(vm) = sim.vms.get_mut(vm) {
            vm.is_dead = true;
        }
    }

    /// Calls the plugin, and then does what it has asked for. Gives its answer, and whether it has replied itself.
    pub(super) fn call(&mut self, sim: &mut Sim, vm: usize, callback: Callback) -> Result<(u32, bool), Dead> {
        let Some(plugin) = self.vms.get_mut(&vm).filter(|_| !sim.is_dead(vm)) else { return Err(Dead) };
        let before = sim.begin(vm, &callback);
        let result = plugin.call(sim, callback);
        sim.end(before, || match &result {
            Ok(Some(value)) => shown(&callback, *value),
            Ok(None) => "not exported".to_owned(),
            Err(_) => "trap".to_owned(),
        });
        match result {
            Ok(None) => sim.lint_absent(vm, &callback),
            _ if !sim.setup.costs => {}
            _ => sim.count(vm, callback.export().name, plugin.cost()),
        }
        let replied = sim.vms.get_mut(vm).is_some_and(|vm| std::mem::take(&mut vm.has_replied));
        match result {
            Ok(value) => {
                self.act(sim, vm);
                Ok((value.unwrap_or_else(|| callback.absent()), replied))
            }
            Err(trap) => {
                sim.trapped(vm, &callback, trap);
                Err(Dead)
            }
        }
    }

    fn act(&mut self, sim: &mut Sim, vm: usize) {
        while let Some(asked) = sim.vms.get_mut(vm).and_then(|vm| vm.asked.pop_front()) {
            match asked {
                Asked::Reply { context, reply } => self.reply_in(sim, vm, context, &reply),
                Asked::Resume { context, side } => self.resume_in(sim, vm, context, side),
                Asked::Close { context } => {
                    if let Some(Context::Stream { stream, .. }) = sim.context_of(vm, context) {
                        let stream = *stream;
                        self.reset(sim, stream, "wasm_close_stream");
                    }
                }
                Asked::Receive { token, received } => self.receive(sim, vm, token, received),
                Asked::ResumeConnection { context } => self.resume_connection(sim, vm, context),
                Asked::CloseConnection { context } => self.close_connection(sim, vm, context),
                Asked::Finalize { context } => {
                    self.finalize(sim, vm, context);
                    sim.forget_finished();
                }
            }
        }
    }

    fn reply_in(&mut self, sim: &mut Sim, vm: usize, context: u32, reply: &LocalResponse) {
        if let Some(Context::Stream { stream, .. }) = sim.context_of(vm, context) {
            let stream = *stream;
            if sim.stream_of(stream).is_some_and(|stream| stream.logging) {
                return sim.crash("proxy_send_local_response in proxy_on_log");
            }
            self.local_reply(sim, stream, reply);
        }
    }

    fn resume_in(&mut self, sim: &mut Sim, vm: usize, context: u32, side: Side) {
        let Some(Context::Stream { stream, filter }) = sim.context_of(vm, context) else { return };
        let (stream, filter) = (*stream, *filter);
        let has_started = sim.stream_of(stream).is_some_and(|stream| stream.response.has_started);
        if side == Side::Response && !has_started {
            return sim.crash("proxy_continue_stream(Response) before there is a response");
        }
        let count = sim.stream_of(stream).map_or(0, |stream| stream.filters.len());
        let position = if side == Side::Request { filter } else { count.saturating_sub(filter + 1) };
        self.resume(sim, stream, side, position);
    }
}

fn shown(callback: &Callback, value: u32) -> String {
    let name = match callback {
        Callback::VmStart { .. } | Callback::Configure { .. } | Callback::Done { .. } => {
            return (value != 0).to_string();
        }
        callback if !callback.export().returns => return String::new(),
        _ if value == 0 => "Continue",
        _ if value == 1 => "Pause",
        _ => "",
    };
    if name.is_empty() { value.to_string() } else { name.to_owned() }
}
