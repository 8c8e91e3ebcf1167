use std::collections::BTreeSet;

use portcullis_abi::{Function, is_withheld, withheld};
use portcullis_inspect::imports::{self, Provided};
use wasmtime::{Caller, Extern, ExternType, FuncType, Linker, Memory, Module, Ref, Result, Store, Table};
use wasmtime::{Val, ValType};

use crate::AbiVersion;
use crate::guest::Guest;
use crate::state::State;

/// Links everything that Envoy provides to a module of this version of the ABI.
pub(crate) fn link(linker: &mut Linker<State>, abi: AbiVersion) -> Result<()> {
    for import in imports::all(abi) {
        if let Some(function) = Function::of(import) {
            link_one(linker, import, function)?;
        }
    }
    Ok(())
}

/// Links a function by its signature: the engine passes arguments of types that are known here in registers, all others in a list.
macro_rules! wrapped {
    ($linker:expr, $import:expr, $function:expr; $($signature:literal => ($($argument:ident: $kind:ty),*),)+) => {
        match ($import.parameters, $import.returns()) {
            $(($signature, true) => $linker.func_wrap(
                $import.module,
                $import.name,
                move |caller: Caller<'_, State> $(, $argument: $kind)*| {
                    $function.call(&mut Guest(caller), &[$(u64::from($argument)),*])
                },
            ),)+
            _ => listed($linker, $import, $function),
        }
    };
}

fn link_one(linker: &mut Linker<State>, import: Provided, function: Function) -> Result<()> {
    let linked = wrapped! {
        linker, import, function;
        "" => (),
        "i" => (a: u32),
        "ii" => (a: u32, b: u32),
        "iii" => (a: u32, b: u32, c: u32),
        "iiii" => (a: u32, b: u32, c: u32, d: u32),
        "iiiii" => (a: u32, b: u32, c: u32, d: u32, e: u32),
        "iiiiii" => (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32),
        "iiiiiiii" => (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32),
        "iiiiiiiiii" => (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32, i: u32, j: u32),
        "iI" => (a: u32, b: u64),
        "iIi" => (a: u32, b: u64, c: u32),
    };
    linked.map(|_| ())
}

fn listed(linker: &mut Linker<State>, import: Provided, function: Function) -> Result<&mut Linker<State>> {
    let kind = kind(linker, import);
    linker.func_new(import.module, import.name, kind, move |caller, arguments, results| {
        let arguments: Vec<_> = arguments.iter().map(bits).collect();
        let number = function.call(&mut Guest(caller), &arguments)?;
        results.iter_mut().for_each(|result| *result = Val::I32(number.cast_signed()));
        Ok(())
    })
}

fn kind(linker: &Linker<State>, import: Provided) -> FuncType {
    let parameters =
        import.parameters.chars().map(|kind| if kind == 'I' { ValType::I64 } else { ValType::I32 });
    FuncType::new(linker.engine(), parameters, import.returns().then_some(ValType::I32))
}

fn bits(argument: &Val) -> u64 {
    match argument {
        Val::I32(value) => value.cast_unsigned().into(),
        Val::I64(value) => value.cast_unsigned(),
        // No import takes anything else.
        _ => 0,
    }
}

/// Makes the memories and tables that a module imports, of a VM of its own.
pub(crate) fn make(
    linker: &mut Linker<State>,
    store: &mut Store<State>,
    module: &Module,
) -> Result<Option<Memory>> {
    linker.allow_shadowing(true);
    let mut last = None;
    for import in module.imports() {
        let made = match import.ty() {
            ExternType::Memory(kind) => last.insert(Memory::new(&mut *store, kind)?).to_owned().into(),
            ExternType::Table(kind) => {
                let nothing = Ref::null(kind.element().heap_type());
                Extern::from(Table::new(&mut *store, kind, nothing)?)
            }
            _ => continue,
        };
        linker.define(&*store, import.module(), import.name(), made)?;
    }
    Ok(last)
}

/// Links stubs in place of the functions that are not among a plugin's capabilities.
pub(crate) fn withhold(
    linker: &mut Linker<State>,
    abi: AbiVersion,
    capabilities: &BTreeSet<String>,
) -> Result<()> {
    linker.allow_shadowing(true);
    for import in imports::all(abi).filter(|import| is_withheld(import.name, capabilities)) {
        let call = move |caller: Caller<'_, State>, _: &[Val], results: &mut [Val]| {
            let number = withheld(&mut Guest(caller), import)?;
            results.iter_mut().for_each(|result| *result = Val::I32(number.cast_signed()));
            Ok(())
        };
        let kind = kind(linker, import);
        linker.func_new(import.module, import.name, kind, call)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use portcullis_sim::PluginSetup;
    use wasmtime::{Engine, Store};

    use super::*;

    /// A signature as `inspect` writes it.
    fn shown(kind: &FuncType) -> String {
        let list = |types: Vec<String>| if types.is_empty() { "void".to_owned() } else { types.join(" ") };
        let parameters = list(kind.params().map(|value| value.to_string()).collect());
        format!("{parameters} -> {}", list(kind.results().map(|value| value.to_string()).collect()))
    }

    #[test]
    fn what_is_linked_is_what_the_table_of_imports_says() {
        let engine = Engine::default();
        for (abi, count) in AbiVersion::ALL.into_iter().zip([133, 131, 132]) {
            let mut linker = Linker::new(&engine);
            link(&mut linker, abi).unwrap();
            let mut store = Store::new(&engine, State::new(abi, &PluginSetup::default()));
            let provided: Vec<_> = linker
                .iter(&mut store)
                .map(|(module, name, it)| (module.to_owned(), name.to_owned(), it))
                .collect();
            let linked = provided
                .into_iter()
                .map(|(module, name, it)| (module, name, shown(it.ty(&store).unwrap_func())));
            let table =
                imports::all(abi).map(|it| (it.module.to_owned(), it.name.to_owned(), it.to_string()));
            let (linked, table): (BTreeSet<_>, BTreeSet<_>) = (linked.collect(), table.collect());
            assert_eq!(
                linked.difference(&table).collect::<Vec<_>>(),
                Vec::<&(String, String, String)>::new(),
                "{abi}"
            );
            assert_eq!(
                table.difference(&linked).collect::<Vec<_>>(),
                Vec::<&(String, String, String)>::new(),
                "{abi}"
            );
            assert_eq!(table.len(), count, "{abi}");
        }
    }
}
