use crate::Sim;

/// What one thread of the proxy does.
pub type Job<'a> = Box<dyn FnOnce(&mut Sim) + Send + 'a>;

/// Runs threads of the proxy at the same time, of which only one has the [`Sim`] at each moment.
///
/// The simulation has no threads of its own: without an explorer one thread of the proxy runs after the other, each until it has
/// nothing more to do.
pub trait Explorer: std::fmt::Debug + Send + Sync {
    /// Runs the jobs, each for a thread of the proxy, and comes back when all have ended.
    fn run(&self, sim: &mut Sim, jobs: Vec<(usize, Job<'_>)>);

    /// A hostcall of this thread of the proxy has ended: lets another thread go on first, or not.
    fn switch(&self, thread: usize, sim: &mut Sim);
}

impl Sim {
    /// Lets an explorer decide, after each hostcall, which thread of the proxy goes on.
    pub fn set_explorer(&mut self, explorer: std::sync::Arc<dyn Explorer>) {
        self.explorer = Some(explorer);
    }

    /// A moment at which a real proxy might go on with another thread.
    pub(crate) fn switch(&mut self) {
        let (Some(explorer), Some(thread)) = (self.explorer.clone(), self.vm().map(|vm| vm.thread)) else {
            return;
        };
        // What belongs to this thread and not to the process.
        let (turn, configuring, open) = (self.turn, self.configuring, self.journal.open_callback());
        explorer.switch(thread, self);
        (self.turn, self.configuring) = (turn, configuring);
        self.journal.set_open_callback(open);
    }
}
