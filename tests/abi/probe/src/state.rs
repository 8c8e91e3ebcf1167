//! What a VM of this guest remembers.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

#[derive(Default)]
struct State {
    contexts: BTreeMap<u32, Context>,
    roots: u32,
    streams: u32,
    /// Numbers that the host gave out, by the names that the script has for them.
    names: BTreeMap<Vec<u8>, u64>,
}

struct Context {
    name: String,
    parent: u32,
    script: Vec<u8>,
    turns: BTreeMap<&'static str, usize>,
}

/// Notes a context; its name is `root`, `root2`, ... or `stream1`, `stream2`, ... as they come in this VM.
pub(crate) fn create(id: u32, parent: u32) {
    STATE.with_borrow_mut(|state| {
        let name = if parent == 0 {
            state.roots += 1;
            if state.roots == 1 { "root".to_owned() } else { format!("root{}", state.roots) }
        } else {
            state.streams += 1;
            format!("stream{}", state.streams)
        };
        state.names.insert(name.clone().into_bytes(), id.into());
        state.contexts.insert(id, Context { name, parent, script: Vec::new(), turns: BTreeMap::new() });
    });
}

/// Sets the script of a root context and of the streams that belong to it.
pub(crate) fn set_script(root: u32, script: Vec<u8>) {
    STATE.with_borrow_mut(|state| {
        if let Some(context) = state.contexts.get_mut(&root) {
            context.script = script;
        }
    });
}

pub(crate) fn has_script(root: u32) -> bool {
    STATE.with_borrow(|state| state.contexts.get(&root).is_some_and(|context| !context.script.is_empty()))
}

pub(crate) fn context_name(id: u32) -> String {
    STATE.with_borrow(|state| match state.contexts.get(&id) {
        Some(context) => context.name.clone(),
        None => format!("unknown{id}"),
    })
}

/// The line of the script whose turn it is.
pub(crate) fn next_line(id: u32, callback: &'static str) -> Option<Vec<u8>> {
    STATE.with_borrow_mut(|state| {
        let context = state.contexts.get_mut(&id)?;
        let turn = context.turns.entry(callback).or_default();
        let now = *turn;
        *turn += 1;
        let root = if context.parent == 0 { id } else { context.parent };
        crate::script::line(&state.contexts.get(&root)?.script, callback.as_bytes(), now).map(<[u8]>::to_vec)
    })
}

/// Keeps a number under a name.
pub(crate) fn remember(name: &[u8], number: impl Into<u64>) {
    STATE.with_borrow_mut(|state| state.names.insert(name.to_vec(), number.into()));
}

/// The number under a name.
pub(crate) fn recall(name: &[u8]) -> Option<u64> {
    STATE.with_borrow(|state| state.names.get(name).copied())
}
