/// Links functions of the host to the names under which a module imports them.
///
/// `name => function(argument: type)` hands over every argument, after the guest; `name(argument: type) =>
/// function(expression)` hands over what the expressions say. `$run` turns the function's result into what the module gets.
macro_rules! hostcalls {
    ($linker:expr, $module:expr, $run:path;
     $($name:ident => $function:ident($($argument:ident: $kind:ty),* $(,)?)),+ $(,)?) => {
        hostcalls! {
            $linker, $module, $run;
            $($name($($argument: $kind),*) => $function($($argument),*)),+
        }
    };
    ($linker:expr, $module:expr, $run:path;
     $($name:ident($($argument:ident: $kind:ty),* $(,)?) => $function:ident($($handed:expr),* $(,)?)),+ $(,)?) => {$(
        $linker.func_wrap(
            $module,
            stringify!($name),
            |caller: wasmtime::Caller<'_, $crate::state::State> $(, $argument: $kind)*| {
                $run(stringify!($name), caller, |guest| $function(guest $(, $handed)*))
            },
        )?;
    )+};
}
pub(super) use hostcalls;
