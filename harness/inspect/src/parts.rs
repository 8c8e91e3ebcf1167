use std::collections::BTreeMap;

use wasmparser::types::{EntityType, Types};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, Export, FuncType, FuncValidatorAllocations, Import, MemoryType,
    Parser, Payload, TypeRef, ValidPayload, Validator, WasmFeatures,
};

use crate::describe::CustomSection;
use crate::exports::{self, MEMORY};
use crate::{Host, ModuleError};

/// More entries than this are counted in a list, and not kept.
pub(crate) const LISTED: usize = 1000;
/// More characters of a name than this are not shown; a name may have 100,000 bytes.
const NAME: usize = 256;

/// What V8 takes in Envoy 1.40: also both kinds of exceptions, and shared memory.
pub(crate) const FEATURES: WasmFeatures =
    WasmFeatures::WASM3.union(WasmFeatures::LEGACY_EXCEPTIONS).union(WasmFeatures::THREADS);

/// A module that is valid.
pub(crate) struct Parts<'a> {
    pub(crate) imports: Vec<Import<'a>>,
    pub(crate) exports: Vec<Export<'a>>,
    pub(crate) custom_sections: CustomSections,
    /// The pages that the largest of its memories starts with.
    pub(crate) pages: u64,
    /// The entries that its tables start with together.
    pub(crate) entries: u64,
    types: Types,
    /// The exports that Envoy looks for, whatever they are.
    known: BTreeMap<&'static str, EntityType>,
}

/// The sections that do nothing at run time.
#[derive(Default)]
pub(crate) struct CustomSections {
    /// The first of them.
    pub(crate) first: Vec<CustomSection>,
    pub(crate) in_all: usize,
    /// Bytes of names and of debugging information.
    pub(crate) for_people: usize,
}

impl<'a> Parts<'a> {
    /// Reads all of a module, the bodies of its functions too.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, ModuleError> {
        Self::read(bytes).map_err(|error| damaged(&error))
    }

    fn read(bytes: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut parser = Parser::new(0);
        parser.set_features(FEATURES);
        let mut validator = Validator::new_with_features(FEATURES);
        let mut allocations = FuncValidatorAllocations::default();
        let (mut imports, mut exports, mut custom_sections) = (vec![], vec![], CustomSections::default());
        let (mut pages, mut entries) = (0, 0_u64);
        let mut end = bytes.len();
        for payload in parser.parse_all(bytes) {
            let payload = payload?;
            if let Payload::End(at) = payload {
                end = at;
                continue;
            }
            if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
                let mut function = function.into_validator(allocations);
                function.validate(&body)?;
                allocations = function.into_allocations();
            }
            match payload {
                Payload::ImportSection(section) => {
                    imports = section.into_imports().collect::<Result<Vec<_>, _>>()?;
                    for import in &imports {
                        match import.ty {
                            TypeRef::Memory(memory) => pages = memory.initial.max(pages),
                            TypeRef::Table(table) => entries = entries.saturating_add(table.initial),
                            _ => {}
                        }
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        pages = memory?.initial.max(pages);
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        entries = entries.saturating_add(table?.ty.initial);
                    }
                }
                Payload::ExportSection(section) => exports = section.into_iter().collect::<Result<_, _>>()?,
                Payload::CustomSection(section) => custom_sections.add(section.name(), section.range().len()),
                _ => {}
            }
        }
        let types = validator.end(end)?;
        let entity = |export| types.as_ref().entity_type_from_export(export);
        let known = exports
            .iter()
            .filter_map(|export: &Export| Some((exports::known(export.name)?, entity(export)?)));
        let known = known.collect();
        Ok(Self { imports, exports, custom_sections, pages, entries, types, known })
    }

    /// An export that Envoy looks for; what is no function counts as absent.
    pub(crate) fn function(&self, name: &str) -> Option<&FuncType> {
        self.signature(*self.known.get(name)?)
    }

    /// The memory that hostcalls see, and under which name it is exported: to the specification it is `memory`. Envoy takes the last that is
    /// exported, whatever its name, or else the last that is imported.
    pub(crate) fn memory(&self, host: Host) -> Option<(Option<&'a str>, MemoryType)> {
        let is_envoy = host == Host::Envoy;
        let exports = self.exports.iter().rev().filter(|export| is_envoy || export.name == MEMORY);
        let imports = self.imports.iter().rev().filter(|_| is_envoy);
        let exported = |export: &Export<'a>| match self.types.as_ref().entity_type_from_export(export)? {
            EntityType::Memory(memory) => Some((Some(export.name), memory)),
            _ => None,
        };
        let imported = |import: &Import<'a>| match import.ty {
            TypeRef::Memory(memory) => Some((None, memory)),
            _ => None,
        };
        exports.into_iter().find_map(exported).or_else(|| imports.into_iter().find_map(imported))
    }

    /// What an import is; `None` where it is no function.
    pub(crate) fn imported(&self, import: &Import<'_>) -> Option<&FuncType> {
        self.signature(self.types.as_ref().entity_type_from_import(import)?)
    }

    fn signature(&self, entity: EntityType) -> Option<&FuncType> {
        let (EntityType::Func(id) | EntityType::FuncExact(id)) = entity else { return None };
        match &self.types[id].composite_type.inner {
            CompositeInnerType::Func(signature) => Some(signature),
            _ => None,
        }
    }
}

impl CustomSections {
    fn add(&mut self, name: &str, size: usize) {
        self.in_all += 1;
        if name == "name" || name.starts_with(".debug_") || name.starts_with("reloc..debug_") {
            self.for_people += size;
        }
        if self.first.len() < LISTED {
            self.first.push(CustomSection { name: short(name), size });
        }
    }
}

/// What is wrong with the bytes of a module, in the words of the host's engine.
pub(crate) fn damaged(error: &BinaryReaderError) -> ModuleError {
    let (at, message) = (error.offset(), error.message());
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    ModuleError::Damaged(short(&format!("Invalid input WebAssembly code at offset {at}: {message}")))
}

/// A name or a message, as it is shown: in one line, which the bytes of a module cannot break, and not endless.
pub fn short(text: &str) -> String {
    let mut shown = String::new();
    for (at, char) in text.chars().enumerate() {
        match char {
            _ if at == NAME => return shown + "...",
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}
