//! Callbacks in any order, against a module of the Rust SDK: its dispatcher may panic, and that is reported as a trap.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Command;

use bolero::TypeGenerator;
use portcullis_host::Module;
use portcullis_sim::{Callback, Plugin, PluginSetup, Sim};

#[derive(Clone, Debug, TypeGenerator)]
struct Call {
    kind: u8,
    context: u8,
    number: u32,
    end_of_stream: bool,
}

impl Call {
    fn callback(&self) -> Callback {
        let Self { kind, number, end_of_stream, .. } = *self;
        // Few contexts, so that the same ones come again.
        let context = u32::from(self.context % 4);
        match kind % 15 {
            0 => Callback::Start,
            1 => Callback::ContextCreate { context, parent: number % 4 },
            2 => Callback::VmStart { context, size: number },
            3 => Callback::Configure { context, size: number },
            4 => Callback::Tick { context },
            5 => Callback::QueueReady { context, queue: number },
            6 => Callback::RequestHeaders { context, count: number, end_of_stream },
            7 => Callback::RequestBody { context, size: number, end_of_stream },
            8 => Callback::RequestTrailers { context, count: number },
            9 => Callback::ResponseHeaders { context, count: number, end_of_stream },
            10 => Callback::ResponseBody { context, size: number, end_of_stream },
            11 => Callback::ResponseTrailers { context, count: number },
            12 => Callback::Done { context },
            13 => Callback::Log { context },
            _ => Callback::Delete { context },
        }
    }
}

/// The guest of this folder, built for the ABI that Envoy takes.
fn guest() -> Module {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guest");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--target", "wasm32-wasip1", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let bytes = std::fs::read(target.join("wasm32-wasip1/release/portcullis_guest.wasm")).unwrap();
    Module::load(&bytes).unwrap()
}

#[test]
fn any_order() {
    // It is only read.
    let module = AssertUnwindSafe(guest());
    bolero::check!().with_type::<Vec<Call>>().with_iterations(300).for_each(|calls| {
        let module = &module;
        let mut instance = module.instantiate(&PluginSetup::default()).unwrap();
        let mut sim = Sim::default();
        let order = [Callback::Start].into_iter().chain(calls.iter().map(Call::callback));
        for callback in order {
            if let Err(trap) = instance.call(&mut sim, callback) {
                assert!(trap.message.contains("In-VM backtrace"), "{trap}");
                return;
            }
        }
    });
}
