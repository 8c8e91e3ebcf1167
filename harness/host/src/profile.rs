use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{GuestProfiler, Module, Store, UpdateDeadline};

use crate::error::one_line;
use crate::state::State;

/// A profile that is being taken: the clock behind its samples.
pub(crate) struct Profiling {
    is_over: Arc<AtomicBool>,
    clock: Option<JoinHandle<()>>,
}

impl Profiling {
    /// Samples the module at every `interval`, at the next loop or function that it enters.
    pub(crate) fn start(
        store: &mut Store<State>,
        module: Module,
        interval: Duration,
    ) -> std::io::Result<Self> {
        // A clock without a pause would leave nothing for the module.
        let interval = interval.max(Duration::from_micros(100));
        let engine = store.engine().clone();
        let name = module.name().unwrap_or("module").to_owned();
        let profiler = GuestProfiler::new(&engine, &name, interval, [(name.clone(), module)]);
        let profiler = profiler.map_err(|error| std::io::Error::other(one_line(&error)))?;
        store.data_mut().profiler = Some(Box::new(profiler));
        store.epoch_deadline_callback(|mut context| {
            // Out of the store and back, for the sample looks at all of it.
            if let Some(mut profiler) = context.data_mut().profiler.take() {
                profiler.sample(&context, Duration::ZERO);
                context.data_mut().profiler = Some(profiler);
            }
            Ok(UpdateDeadline::Continue(1))
        });
        store.set_epoch_deadline(1);
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let clock = std::thread::Builder::new().name("profile".into()).spawn(move || {
            while !until.load(Ordering::Relaxed) {
                std::thread::sleep(interval);
                engine.increment_epoch();
            }
        })?;
        Ok(Self { is_over, clock: Some(clock) })
    }
}

impl Drop for Profiling {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // A clock that has panicked has stopped, which is all that is wanted of it.
        let _ = self.clock.take().map(JoinHandle::join);
    }
}
