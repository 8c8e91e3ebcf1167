//! Modules that other compilers have made: their imports, their starts and their allocators are not those of Rust.
//!
//! The compilers come from PyPI, as `tests/requirements.txt` says, and `make test` installs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use portcullis_host::{AbiVersion, Module};
use portcullis_inspect::Import;
use portcullis_sim::http::{Request, Sending};
use portcullis_sim::{PluginSetup, Proxy, Setup, Sim};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs a compiler of the virtual environment in the folder of a guest; its caches are kept beside the result.
fn compile(guest: &str, tool: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Vec<u8> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(guest);
    std::fs::create_dir_all(&place).unwrap();
    let output = place.join("guest.wasm");
    let program = root().join(".venv/bin").join(tool);
    let hint = "is not there: make test installs it, or .venv/bin/pip install -r tests/requirements.txt";
    assert!(program.exists(), "{} {hint}", program.display());
    let run = Command::new(program)
        .args(arguments)
        .arg("-o")
        .arg(&output)
        .arg(if guest == "go" { "." } else { "main.cpp" })
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(guest))
        .envs(
            environment.iter().map(|(name, value)| (name, value.replace("$CACHE", place.to_str().unwrap()))),
        )
        .output()
        .unwrap();
    assert!(run.status.success(), "{guest}: {}", String::from_utf8_lossy(&run.stderr));
    std::fs::read(output).unwrap()
}

/// Sends requests through the module and gives the value of its header in each, with what it has logged.
fn played(module: &Module, requests: usize) -> (Vec<String>, Vec<String>) {
    let module = module.clone();
    let factory = move |plugin: &PluginSetup| module.instantiate(plugin).map_err(|error| error.to_string());
    let mut proxy = Proxy::start(Sim::new(Setup::of("conf")), Arc::new(factory)).unwrap();
    let fields = [(":method", "GET"), (":path", "/"), (":authority", "a.example")];
    let headers = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
    let request = Request { headers, ..Request::default() };
    let sending = [Sending { request, ..Sending::default() }];
    let values = (0..requests).map(|_| {
        let exchange = proxy.send(&sending).remove(0);
        let headers = exchange.upstream.unwrap().headers;
        let (_, value) = headers.into_iter().find(|(name, _)| name == b"x-guest").unwrap();
        String::from_utf8(value).unwrap()
    });
    let values = values.collect();
    (values, proxy.sim().log().iter().map(|line| line.message.clone()).collect())
}

#[test]
fn a_module_of_go() {
    let environment = [
        ("GOOS", "wasip1"),
        ("GOARCH", "wasm"),
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOCACHE", "$CACHE/cache"),
        ("GOPATH", "$CACHE/path"),
    ];
    let bytes = compile("go", "go", &["build", "-buildmode=c-shared"], &environment);
    let module = Module::load(&bytes).unwrap();
    let imports = &module.describe().imports;
    for name in ["poll_oneoff", "sched_yield", "random_get", "fd_write", "clock_time_get", "args_sizes_get"] {
        let is_it = |it: &Import| it.module == "wasi_snapshot_preview1" && it.name == name;
        assert!(imports.iter().any(is_it), "{name}: {imports:?}");
    }
    // Enough for the collector to have run several times.
    let (values, lines) = played(&module, 200);
    assert!(values.iter().all(|value| value == "go 6"), "{values:?}");
    assert_eq!(lines[0], "configured with \"conf\", status 0");
    // Written to standard output, which is the log.
    assert_eq!(lines.last().unwrap(), "done with 201");
}

#[test]
fn a_module_of_clang() {
    let arguments =
        ["-m", "ziglang", "c++", "-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-fno-exceptions"];
    let environment = [("ZIG_GLOBAL_CACHE_DIR", "$CACHE/cache"), ("ZIG_LOCAL_CACHE_DIR", "$CACHE/cache")];
    let module = Module::load(&compile("cpp", "python", &arguments, &environment)).unwrap();
    assert_eq!(module.describe().abi, AbiVersion::V0_2_0);
    let (values, lines) = played(&module, 3);
    assert_eq!(values, vec!["c++ 6 stream of 1"; 3]);
    assert_eq!(lines[0], "root configured with \"conf\", status 0");
    assert_eq!(lines.last().unwrap(), "done with 4");
}
