use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use wasmparser::{RefType, TypeRef};

use crate::exports::Occasion;
use crate::lint::{Lint, lints};
use crate::parts::{LISTED, Parts, short};
use crate::{AbiVersion, Host, exports};

/// What a module is made of.
///
/// A list has a thousand entries at most, and an entry 256 characters: beyond that there is only what a damaged or hostile module has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The ABI that it says it was made for.
    #[schemars(with = "String")]
    pub abi: AbiVersion,
    /// The size of the module in bytes.
    pub size: usize,
    /// The memory that it starts with, in bytes.
    pub memory: u64,
    /// The memory beyond which it cannot grow, in bytes; `None` where only the proxy limits it.
    pub memory_maximum: Option<u64>,
    /// What it imports, each once.
    pub imports: Vec<Import>,
    /// The memories and tables that it imports.
    #[serde(skip)]
    pub made: Vec<Made>,
    /// The export that is the memory of hostcalls; `None` where that is one that it imports, the last.
    #[serde(skip)]
    pub memory_export: Option<String>,
    /// The exports that Envoy calls at the start and for every HTTP request that gets there: each costs a crossing.
    pub called_always: Vec<String>,
    /// The exports that Envoy calls for a request or response with a body, trailers or metadata.
    pub called_for_content: Vec<String>,
    /// The exports that Envoy calls for a connection of TCP.
    pub called_for_tcp: Vec<String>,
    /// The exports that Envoy calls after the module has asked for it, or where it is a stats sink.
    pub called_on_occasion: Vec<String>,
    /// The exports whose signatures Envoy checks, and which it never calls.
    pub never_called: Vec<String>,
    /// The exports that Envoy uses to start the module and to give it memory.
    pub lifecycle: Vec<String>,
    /// Other exports, which Envoy never looks at.
    pub other_exports: Vec<String>,
    /// How many other exports there are.
    pub other_exports_in_all: usize,
    /// Sections that do nothing at run time, such as names and debugging information.
    pub custom_sections: Vec<CustomSection>,
    /// How many such sections there are.
    pub custom_sections_in_all: usize,
    /// What could be better.
    pub lints: Vec<Lint>,
}

/// A function that a module imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Import {
    /// Where from: `env`, `wasi_snapshot_preview1`.
    pub module: String,
    /// Its name there.
    pub name: String,
}

/// A memory or a table that a module imports, and that Envoy makes for it, whatever its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it is imported from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// What is in a table, as JavaScript calls it; `None` for a memory.
    pub element: Option<&'static str>,
    /// How many entries or pages it starts with.
    pub initial: u64,
    /// How many it may have.
    pub maximum: Option<u64>,
}

impl Made {
    pub(crate) fn of(import: &wasmparser::Import<'_>) -> Option<Self> {
        let (element, initial, maximum) = match import.ty {
            TypeRef::Memory(it) if !it.shared && !it.memory64 && it.page_size_log2.is_none() => {
                (None, it.initial, it.maximum)
            }
            TypeRef::Table(it) if !it.shared && !it.table64 => {
                let element = match it.element_type {
                    RefType::FUNCREF => "anyfunc",
                    RefType::EXTERNREF => "externref",
                    _ => return None,
                };
                (Some(element), it.initial, it.maximum)
            }
            _ => return None,
        };
        Some(Self { module: import.module.into(), name: import.name.into(), element, initial, maximum })
    }
}

/// A section that does nothing at run time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CustomSection {
    /// `name` where it holds names of functions, `.debug_info`.
    pub name: String,
    /// In bytes, its name included.
    pub size: usize,
}

impl Description {
    /// The exports that Envoy calls.
    pub fn callbacks(&self) -> impl Iterator<Item = &String> {
        let of_http = self.called_always.iter().chain(&self.called_for_content);
        of_http.chain(&self.called_for_tcp).chain(&self.called_on_occasion)
    }

    pub(crate) fn of(parts: &Parts<'_>, abi: AbiVersion, host: Host, size: usize) -> Self {
        let (memory_export, memory) = parts.memory(host).unzip();
        let page = memory.and_then(|memory| memory.page_size_log2).map_or(64 << 10, |log2| 1 << log2.min(16));
        let bytes = |pages: u64| pages.saturating_mul(page);
        let mut seen = BTreeSet::new();
        let imports = parts.imports.iter().filter(|import| seen.insert((import.module, import.name)));
        let import = |it: &wasmparser::Import<'_>| Import { module: it.module.into(), name: it.name.into() };
        let mut description = Self {
            abi,
            size,
            memory: memory.map_or(0, |memory| bytes(memory.initial)),
            memory_maximum: memory.and_then(|memory| memory.maximum).map(bytes),
            imports: imports.map(import).collect(),
            made: parts.imports.iter().filter_map(Made::of).collect(),
            memory_export: memory_export.flatten().map(str::to_owned),
            called_always: Vec::new(),
            called_for_content: Vec::new(),
            called_for_tcp: Vec::new(),
            called_on_occasion: Vec::new(),
            never_called: Vec::new(),
            lifecycle: Vec::new(),
            other_exports: Vec::new(),
            other_exports_in_all: 0,
            custom_sections: parts.custom_sections.first.clone(),
            custom_sections_in_all: parts.custom_sections.in_all,
            lints: Vec::new(),
        };
        parts.exports.iter().for_each(|export| description.add_export(export.name));
        description.lints = lints(parts, &description);
        description
    }

    fn add_export(&mut self, name: &str) {
        let list = match exports::occasion(self.abi, name) {
            Some(Occasion::Always) => &mut self.called_always,
            Some(Occasion::Content) => &mut self.called_for_content,
            Some(Occasion::Tcp) => &mut self.called_for_tcp,
            Some(Occasion::Asked) => &mut self.called_on_occasion,
            Some(Occasion::Never) => &mut self.never_called,
            None if exports::is_lifecycle(name) || self.memory_export.as_deref() == Some(name) => {
                &mut self.lifecycle
            }
            None => {
                self.other_exports_in_all += 1;
                &mut self.other_exports
            }
        };
        if list.len() < LISTED {
            list.push(short(name));
        }
    }
}
