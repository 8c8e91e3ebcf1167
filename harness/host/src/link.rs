use std::collections::BTreeSet;

use portcullis_abi::{Function, is_withheld, withheld};
use portcullis_inspect::imports::{self, Provided};
use wasmtime::{Caller, ExternType, FuncType, InstancePre, Linker, Module, Result, Val, ValType};

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
    let parameters =
        import.parameters.chars().map(|kind| if kind == 'I' { ValType::I64 } else { ValType::I32 });
    let kind = FuncType::new(linker.engine(), parameters, import.returns().then_some(ValType::I32));
    linker.func_new(import.module, import.name, kind, move |caller, arguments, results| {
        let arguments: Vec<_> = arguments.iter().map(bits).collect();
        let number = function.call(&mut Guest(caller), &arguments)?;
        results.iter_mut().for_each(|result| *result = Val::I32(number.cast_signed()));
        Ok(())
    })
}

fn bits(argument: &Val) -> u64 {
    match argument {
        Val::I32(value) => value.cast_unsigned().into(),
        Val::I64(value) => value.cast_unsigned(),
        // No import takes anything else.
        _ => 0,
    }
}

/// Links a module with stubs in place of the functions that are not among its capabilities.
pub(crate) fn withhold(
    mut linker: Linker<State>,
    module: &Module,
    capabilities: &BTreeSet<String>,
) -> Result<InstancePre<State>> {
    linker.allow_shadowing(true);
    for import in module.imports() {
        if let ExternType::Func(kind) = import.ty()
            && is_withheld(import.name(), capabilities)
        {
            stub(&mut linker, import.module(), import.name(), kind)?;
        }
    }
    linker.instantiate_pre(module)
}

fn stub(linker: &mut Linker<State>, from: &str, name: &str, kind: FuncType) -> Result<()> {
    let (owned_from, owned_name) = (from.to_owned(), name.to_owned());
    let call = move |caller: Caller<'_, State>, _: &[Val], results: &mut [Val]| {
        let number = withheld(&mut Guest(caller), &owned_from, &owned_name)?;
        results.iter_mut().for_each(|result| *result = Val::I32(number.cast_signed()));
        Ok(())
    };
    linker.func_new(from, name, kind, call).map(|_| ())
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
