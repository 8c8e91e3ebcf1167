//! Makes the playground's WebAssembly into a module of JavaScript: `portcullis-bindgen IN.wasm OUT`, where OUT is a folder.
//!
//! It is what the command `wasm-bindgen` does, of exactly the version that the playground is built with: Cargo.lock has both.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [input, out] = arguments.as_slice() else {
        eprintln!("usage: portcullis-bindgen IN.wasm OUT");
        return ExitCode::from(2);
    };
    let made = Bindgen::new().input_path(input).web(true).and_then(|bindgen| {
        // Names of functions are half as much again as the code; a trap is told by its message.
        bindgen.remove_name_section(true).remove_producers_section(true).typescript(false).generate(out)
    });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis-bindgen: {}: {error:#}", input.display());
            ExitCode::FAILURE
        }
    }
}
