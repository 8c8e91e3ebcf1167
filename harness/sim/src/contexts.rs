use std::collections::BTreeMap;
use std::time::Duration;

use crate::UnixTime;
use crate::stream::Stream;

/// The live contexts of the VM, and whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    last: u32,
    live: BTreeMap<u32, Context>,
    /// The context that the proxy has called.
    current: u32,
    /// The context that the plugin has switched to.
    effective: Option<u32>,
}

#[derive(Debug)]
pub(crate) enum Context {
    Root(Root),
    Stream(Box<Stream>),
}

/// A plugin (root) context.
#[derive(Debug, Default)]
pub(crate) struct Root {
    pub(crate) period: Option<Duration>,
    pub(crate) next_tick: Option<UnixTime>,
}

impl Contexts {
    pub(crate) fn create(&mut self, context: Context) -> u32 {
        self.last += 1;
        self.live.insert(self.last, context);
        self.last
    }

    pub(crate) fn delete(&mut self, id: u32) {
        self.live.remove(&id);
    }

    pub(crate) fn exists(&self, id: u32) -> bool {
        self.live.contains_key(&id)
    }

    /// A callback begins or ends: whatever the plugin had switched to is forgotten.
    pub(crate) fn enter(&mut self, id: u32) {
        self.current = id;
        self.effective = None;
    }

    pub(crate) fn switch(&mut self, id: Option<u32>) {
        self.effective = id;
    }

    /// The context that hostcalls are about; one that has died in between falls back to the called one.
    pub(crate) fn id(&self) -> u32 {
        self.effective.filter(|id| self.exists(*id)).unwrap_or(self.current)
    }

    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.stream_of(self.id())
    }

    pub(crate) fn stream_mut(&mut self) -> Option<&mut Stream> {
        self.stream_of_mut(self.id())
    }

    pub(crate) fn stream_of(&self, id: u32) -> Option<&Stream> {
        match self.live.get(&id)? {
            Context::Stream(stream) => Some(stream),
            Context::Root(_) => None,
        }
    }

    pub(crate) fn stream_of_mut(&mut self, id: u32) -> Option<&mut Stream> {
        match self.live.get_mut(&id)? {
            Context::Stream(stream) => Some(stream),
            Context::Root(_) => None,
        }
    }

    /// The root context; there is one plugin in a VM.
    pub(crate) fn root_mut(&mut self) -> Option<(u32, &mut Root)> {
        self.live.iter_mut().find_map(|(id, context)| match context {
            Context::Root(root) => Some((*id, root)),
            Context::Stream(_) => None,
        })
    }
}
