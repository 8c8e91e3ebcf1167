use std::collections::BTreeSet;

use portcullis_inspect::exports::is_capability;
use portcullis_sim::{Refusal, Status};
use wasmtime::{Caller, ExternType, FuncType, InstancePre, Linker, Module, Result, Val, format_err};

use crate::abi::MODULE;
use crate::state::State;

/// What WASI calls ENOTCAPABLE.
const NOTCAPABLE: i32 = 76;

/// Links a module with stubs in place of the functions that are not among its capabilities.
pub(crate) fn withhold(
    mut linker: Linker<State>,
    module: &Module,
    capabilities: &BTreeSet<String>,
) -> Result<InstancePre<State>> {
    linker.allow_shadowing(true);
    for import in module.imports() {
        let is_withheld = is_capability(import.name()) && !capabilities.contains(import.name());
        if let ExternType::Func(kind) = import.ty()
            && is_withheld
        {
            stub(&mut linker, import.module(), import.name(), kind)?;
        }
    }
    linker.instantiate_pre(module)
}

fn stub(linker: &mut Linker<State>, from: &str, name: &str, kind: FuncType) -> Result<()> {
    let is_proxys = from == MODULE;
    let owned = name.to_owned();
    let call = move |mut caller: Caller<'_, State>, _: &[Val], results: &mut [Val]| {
        let state = caller.data_mut();
        if let Some(why) = state.phase.forbids(&owned) {
            return Err(format_err!("{owned} was called: {why}"));
        }
        state.meter.hostcall()?;
        let chapter = if is_proxys { "proxy-wasm" } else { "WASI" };
        let line = format!("Attempted call to restricted {chapter} capability: {owned}");
        state.sim.push_log(log::Level::Error, &line);
        let why = format!("{owned} is not among the plugin's allowed_capabilities");
        let refusal = Refusal::new(Status::InternalFailure, why);
        // The journal gives back what it is given.
        let _ = state.sim.note::<()>("capability_restriction_config", &[&owned], Err(refusal));
        let number = if is_proxys { Status::InternalFailure as i32 } else { NOTCAPABLE };
        results.iter_mut().for_each(|result| *result = Val::I32(number));
        Ok(())
    };
    linker.func_new(from, name, kind, call).map(|_| ())
}
