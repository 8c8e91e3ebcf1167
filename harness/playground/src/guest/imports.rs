use std::collections::BTreeSet;
use std::sync::Arc;

use js_sys::{Array, Object, Proxy, Reflect};
use portcullis_abi::{Function, is_withheld, withheld};
use portcullis_inspect::{Description, Import, imports};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use super::engine::{Guest, Shared, number};

/// What is behind an import.
enum Behind {
    Hostcall(Function),
    /// Not among the plugin's capabilities.
    Withheld(Import),
}

/// The object with everything that a module imports.
pub(super) fn object(
    description: &Description,
    capabilities: &BTreeSet<String>,
    shared: &Arc<Shared>,
) -> Result<Object, JsValue> {
    let all = Object::new();
    for import in &description.imports {
        let key = JsValue::from(&import.module);
        if !Reflect::has(&all, &key)? {
            Reflect::set(&all, &key, &Object::new())?;
        }
        let provided =
            imports::all(description.abi).find(|it| it.module == import.module && it.name == import.name);
        let behind = match provided.and_then(Function::of) {
            _ if is_withheld(&import.name, capabilities) => Behind::Withheld(import.clone()),
            Some(function) => Behind::Hostcall(function),
            // Who has checked the module has found that there is one.
            None => continue,
        };
        let function = function(Arc::clone(shared), behind)?;
        Reflect::set(&Reflect::get(&all, &key)?, &JsValue::from(&import.name), &function)?;
    }
    Ok(all)
}

/// A function of any number of parameters: that is a proxy in front of one, for a closure has eight at most.
fn function(shared: Arc<Shared>, behind: Behind) -> Result<JsValue, JsValue> {
    let apply = move |_: JsValue, _: JsValue, arguments: Array| -> Result<JsValue, JsValue> {
        let mut guest = Guest(&shared);
        let result = match &behind {
            Behind::Hostcall(function) => {
                let arguments: Vec<_> = arguments.iter().map(bits).collect();
                function.call(&mut guest, &arguments)
            }
            Behind::Withheld(import) => withheld(&mut guest, &import.module, &import.name),
        };
        result.map(JsValue::from).map_err(|thrown| thrown.0)
    };
    // A hostcall may call the guest's allocator, and that another hostcall: so it is no FnMut. The browser drops it with the guest.
    let apply =
        Closure::<dyn Fn(JsValue, JsValue, Array) -> Result<JsValue, JsValue>>::new(apply).into_js_value();
    let handler = Object::new();
    Reflect::set(&handler, &"apply".into(), &apply)?;
    Ok(Proxy::new(&apply, &handler).into())
}

/// An argument, an i32 or an i64, in the lower bits.
fn bits(argument: JsValue) -> u64 {
    if argument.as_f64().is_some() {
        return number(&argument).into();
    }
    i64::try_from(argument).unwrap_or_default().cast_unsigned()
}
