//! What a call costs: the engine's own, a callback, a hostcall in it, a start, and a whole request.
//!
//! `make bench-harness` runs it; `PORTCULLIS_GUEST` names the module of `tests/fuzz/guest`, one of the Rust SDK that does nothing.

use std::cell::Cell;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use portcullis_host::{LoadOptions, Module};
use portcullis_sim::http::{Protocol, Request, Sending};
use portcullis_sim::{Callback, Plugin, PluginSetup, Proxy, Setup, Sim};

const FAST: LoadOptions<'_> = LoadOptions { fuel: false, cache: None, profile: false, spec: false };

/// One figure: its name, and the least time that one turn has taken.
struct Figure {
    name: &'static str,
    least: Cell<Duration>,
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let bare = bare(&mut criterion);
    let others = [
        callback(&mut criterion, "callback", ""),
        callback(&mut criterion, "callback and hostcall", "(drop (call $now (i32.const 0)))"),
        instantiate(&mut criterion),
        warm_start(&mut criterion),
        request(&mut criterion, "request, without fuel", &FAST),
        request(&mut criterion, "request, with fuel", &LoadOptions::default()),
    ];
    println!("{:<26} {:>12}", bare.name, format!("{:?}", bare.least.get()));
    for figure in others.into_iter().flatten() {
        let ratio = figure.least.get().as_secs_f64() / bare.least.get().as_secs_f64();
        println!("{:<26} {:>12} = {ratio:.1} bare calls", figure.name, format!("{:?}", figure.least.get()));
    }
}

fn measure(criterion: &mut Criterion, name: &'static str, mut turn: impl FnMut()) -> Figure {
    let figure = Figure { name, least: Cell::new(Duration::MAX) };
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|turns| {
            let start = Instant::now();
            (0..turns).for_each(|_| turn());
            let all = start.elapsed();
            figure.least.set(figure.least.get().min(all.div_f64(turns as f64)));
            all
        });
    });
    figure
}

/// The engine alone, which nothing here can be faster than.
fn bare(criterion: &mut Criterion) -> Figure {
    let engine = wasmtime::Engine::default();
    let text = "(module (func (export \"f\") (param i32)))";
    let module = wasmtime::Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    let function = instance.get_typed_func::<u32, ()>(&mut store, "f").unwrap();
    measure(criterion, "bare call of the engine", || function.call(&mut store, black_box(1)).unwrap())
}

fn callback(criterion: &mut Criterion, name: &'static str, body: &str) -> Option<Figure> {
    let text = format!(
        r#"(module (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
             (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
             (func (export "malloc") (param i32) (result i32) (i32.const 64))
             (func (export "proxy_on_tick") (param i32) {body}))"#
    );
    let module = Module::load_with(&wat::parse_str(text).unwrap(), &FAST).unwrap();
    let mut instance = module.instantiate(&PluginSetup::default()).unwrap();
    let mut sim = Sim::default();
    Some(measure(criterion, name, || {
        black_box(instance.call(&mut sim, Callback::Tick { context: 1 })).unwrap();
    }))
}

fn instantiate(criterion: &mut Criterion) -> Option<Figure> {
    let module = Module::load_with(&guest()?, &FAST).unwrap();
    let setup = PluginSetup::default();
    Some(measure(criterion, "instantiate", || {
        black_box(module.instantiate(&setup)).unwrap();
    }))
}

fn warm_start(criterion: &mut Criterion) -> Option<Figure> {
    let directory = tempfile::tempdir().unwrap();
    let options = LoadOptions { cache: Some(directory.path()), ..FAST };
    // The module that is shipped is the larger one, if it has been built.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/jwt-auth.wasm");
    let bytes = std::fs::read(shipped).ok().or_else(guest)?;
    Module::load_with(&bytes, &options).unwrap();
    let setup = PluginSetup::default();
    println!("warm start of {} KiB", bytes.len() >> 10);
    Some(measure(criterion, "warm start", || {
        black_box(Module::load_with(&bytes, &options).unwrap().instantiate(&setup)).unwrap();
    }))
}

fn request(criterion: &mut Criterion, name: &'static str, options: &LoadOptions<'_>) -> Option<Figure> {
    let module = Module::load_with(&guest()?, options).unwrap();
    let factory = move |plugin: &PluginSetup| module.instantiate(plugin).map_err(|error| error.to_string());
    let mut proxy = Proxy::start(Sim::new(Setup::of("")), Arc::new(factory)).unwrap();
    let fields = [(":method", "GET"), (":path", "/"), (":authority", "a.example"), (":scheme", "http")];
    let headers = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
    let request = Request { headers, ..Request::default() };
    let requests = [Sending { request, protocol: Protocol::Http2, ..Sending::default() }];
    Some(measure(criterion, name, || {
        black_box(proxy.send(&requests));
    }))
}

/// The SDK's module; without it the figures that need it are left out, and said to be.
fn guest() -> Option<Vec<u8>> {
    let path = std::env::var_os("PORTCULLIS_GUEST");
    let bytes = path.and_then(|path| std::fs::read(path).ok());
    if bytes.is_none() {
        println!("PORTCULLIS_GUEST names no module of tests/fuzz/guest: left out");
    }
    bytes
}
