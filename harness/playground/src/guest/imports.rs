use std::collections::BTreeSet;
use std::sync::Arc;

use js_sys::{Array, Object, Reflect, WebAssembly};
use portcullis_abi::{Function, is_withheld, withheld};
use portcullis_inspect::imports::{self, Provided};
use portcullis_inspect::{Description, Made, Room};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::engine::{Guest, Shared, number};

/// What is behind an import.
enum Behind {
    Hostcall(Function),
    /// Not among the plugin's capabilities.
    Withheld(Provided),
}

/// The object with everything that a module imports.
pub(super) fn object(
    description: &Description,
    room: Room,
    capabilities: &BTreeSet<String>,
    shared: &Arc<Shared>,
) -> Result<Object, JsValue> {
    let all = empty();
    for import in &description.imports {
        let key = JsValue::from(&import.module);
        if !Reflect::has(&all, &key)? {
            Reflect::set(&all, &key, &empty())?;
        }
        let provided =
            imports::all(description.abi).find(|it| it.module == import.module && it.name == import.name);
        let behind = match provided.and_then(|it| Some((it, Function::of(it)?))) {
            Some((it, _)) if is_withheld(it.name, capabilities) => Behind::Withheld(it),
            Some((_, function)) => Behind::Hostcall(function),
            // No function: that is made below.
            None => continue,
        };
        let function = function(Arc::clone(shared), behind);
        Reflect::set(&Reflect::get(&all, &key)?, &JsValue::from(&import.name), &function)?;
    }
    for made in &description.made {
        let module = Reflect::get(&all, &JsValue::from(&made.module))?;
        Reflect::set(&module, &JsValue::from(&made.name), &make(made, room)?)?;
    }
    Ok(all)
}

/// An object in which there is nothing: a module may call an import `__proto__`, and what it got must not become a member of every object.
fn empty() -> Object {
    Object::create(JsValue::NULL.unchecked_ref())
}

/// A memory or a table, of no more than the guest may have.
fn make(made: &Made, room: Room) -> Result<JsValue, JsValue> {
    let kind = empty();
    let set = |name: &str, value: JsValue| Reflect::set(&kind, &name.into(), &value);
    set("initial", (made.initial as f64).into())?;
    set("maximum", (room.maximum(made) as f64).into())?;
    let Some(element) = made.element else { return Ok(WebAssembly::Memory::new(&kind)?.into()) };
    set("element", element.into())?;
    Ok(WebAssembly::Table::new(&kind)?.into())
}

/// A function of any number of parameters.
fn function(shared: Arc<Shared>, behind: Behind) -> JsValue {
    let mark = shared.mark.clone();
    let call = move |arguments: Array| -> Result<JsValue, JsValue> {
        let mut guest = Guest(&shared);
        let result = match &behind {
            Behind::Hostcall(function) => {
                let arguments: Vec<_> = arguments.iter().map(bits).collect();
                function.call(&mut guest, &arguments)
            }
            Behind::Withheld(import) => withheld(&mut guest, *import),
        };
        result.map(JsValue::from).map_err(|thrown| thrown.0)
    };
    // A hostcall may call the guest's allocator, and that another hostcall: so it is no FnMut. The browser drops it with the guest.
    guarded(&Closure::<dyn Fn(Array) -> Result<JsValue, JsValue>>::new(call).into_js_value(), &mark)
}

#[wasm_bindgen(inline_js = r#"
function reach(depth) {
  return depth === 0 ? 0 : 1 + reach(depth - 1);
}

export function guarded(call, mark) {
  return (...args) => {
    try {
      reach(150);
    } catch {
      mark.isTooDeep = true;
    }
    if (mark.isTooDeep) throw new RangeError("Maximum call stack size exceeded");
    return call(args);
  };
}
"#)]
extern "C" {
    /// A function that calls another with its arguments in an array, if there is stack enough for any hostcall: they take less than 60 such steps.
    /// An error of the stack amid a hostcall would go through the playground's own code, which would be of no more use: its destructors do not run.
    /// Where there is not, the object is marked, and no other such function with that object is called: a guest can catch what is thrown.
    fn guarded(call: &JsValue, mark: &Object) -> JsValue;
}

/// Whether an object was marked by a function that found no stack left.
pub(super) fn is_too_deep(mark: &Object) -> bool {
    Reflect::get(mark, &"isTooDeep".into()).is_ok_and(|is_too_deep| is_too_deep.is_truthy())
}

/// An argument, an i32 or an i64, in the lower bits.
fn bits(argument: JsValue) -> u64 {
    if argument.as_f64().is_some() {
        return number(&argument).into();
    }
    i64::try_from(argument).unwrap_or_default().cast_unsigned()
}
