//! The hostcalls over an engine without WebAssembly, whose guest is a script: its memory is copied, and its state is behind a
//! lock, as where the memory of the guest is not the host's own.

use std::sync::{Arc, Mutex, MutexGuard};

use portcullis_abi::{Death, Engine, Forbidden, Function, Instantiated, Memory, Overrun, Phase, State, Vm};
use portcullis_inspect::{AbiVersion, imports};
use portcullis_sim::http::{Exchange, Request, Sending};
use portcullis_sim::{PluginSetup, Profile, Proxy, Setup, Sim};

/// Where the guest's allocator gives memory.
const HEAP: u32 = 1024;
const OK: u32 = 0;
const INVALID_MEMORY_ACCESS: u32 = 6;

type Script = fn(&mut Fake) -> Result<u32, Died>;
type Allocator = fn(&mut Fake, u32) -> Result<u32, Died>;

#[derive(Clone)]
struct Fake {
    state: Arc<Mutex<State>>,
    memory: Option<Vec<u8>>,
    allocator: Option<Allocator>,
    script: Script,
    /// How many bytes of its memory were read.
    copied: Arc<Mutex<usize>>,
}

#[derive(Debug)]
struct Died(String);

impl From<Forbidden> for Died {
    fn from(forbidden: Forbidden) -> Self {
        Self(forbidden.to_string())
    }
}

impl From<Overrun> for Died {
    fn from(overrun: Overrun) -> Self {
        Self(overrun.to_string())
    }
}

struct Copied<'a>(&'a mut Vec<u8>, Arc<Mutex<usize>>);

impl Memory for Copied<'_> {
    type Piece<'a>
        = Vec<u8>
    where
        Self: 'a;

    fn size(&self) -> usize {
        self.0.len()
    }

    fn read(&self, start: usize, size: usize) -> Option<Vec<u8>> {
        *self.1.lock().unwrap() += size;
        self.0.get(start..start.checked_add(size)?).map(<[u8]>::to_vec)
    }

    fn write(&mut self, start: usize, bytes: &[u8]) -> bool {
        self.0.as_mut_slice().write(start, bytes)
    }
}

impl Engine for Fake {
    type State<'a> = MutexGuard<'a, State>;
    type Memory<'a> = Copied<'a>;
    type Trap = Died;

    fn state(&mut self) -> MutexGuard<'_, State> {
        self.state.try_lock().expect("nobody has it while another wants it")
    }

    fn memory(&mut self) -> Option<(Copied<'_>, MutexGuard<'_, State>)> {
        let state = self.state.try_lock().expect("nobody has it while another wants it");
        Some((Copied(self.memory.as_mut()?, self.copied.clone()), state))
    }

    fn allocate(&mut self, size: u32) -> Option<Result<u32, Death>> {
        let death = |Died(cause)| Death { cause, ..Death::default() };
        self.allocator.map(|allocate| allocate(self, size).map_err(death))
    }
}

impl Fake {
    fn new(script: Script) -> Self {
        let state = State::new(AbiVersion::V0_2_1, &PluginSetup::default());
        let state = Arc::new(Mutex::new(state));
        Self {
            state,
            memory: Some(vec![0; 4096]),
            allocator: Some(|_, _| Ok(HEAP)),
            script,
            copied: Arc::default(),
        }
    }

    fn call(&mut self, name: &str, arguments: &[u64]) -> Result<u32, Died> {
        let import = imports::all(AbiVersion::V0_2_1).find(|it| it.name == name).unwrap();
        Function::of(import).unwrap().call(self, arguments)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.memory.as_mut().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn at(&self, at: u32, size: u32) -> &[u8] {
        &self.memory.as_ref().unwrap()[at as usize..(at + size) as usize]
    }

    fn number(&self, at: u32) -> u32 {
        u32::from_le_bytes(*self.at(at, 4).first_chunk().unwrap())
    }
}

impl Instantiated for Fake {
    type State<'a> = MutexGuard<'a, State>;
    type Function = Script;
    type Trap = Died;

    fn state(&mut self) -> MutexGuard<'_, State> {
        Engine::state(self)
    }

    fn function(&mut self, name: &str) -> Option<Script> {
        match name {
            "proxy_on_request_headers" => Some(self.script),
            "malloc" => Some(|_| panic!("hostcalls call it")),
            _ => None,
        }
    }

    fn set_allocator(&mut self, _: Script) {}

    fn enter(&mut self, function: &Script, _: &[u32]) -> Result<u32, Died> {
        function(self)
    }

    fn memory_size(&self) -> u64 {
        self.memory.as_ref().map_or(0, |memory| memory.len() as u64)
    }

    fn death(&mut self, Died(cause): Died) -> Death {
        Death { cause, ..Death::default() }
    }
}

fn played(fake: Fake) -> (Exchange, Proxy<Vm<Fake>>) {
    let mut sim = Sim::new(Setup::of(""));
    sim.set_journal(true);
    let vms = move |setup: &PluginSetup| Ok(Vm::new(fake.clone(), setup, Profile::Envoy).unwrap());
    let mut proxy = Proxy::start(sim, Arc::new(vms)).unwrap();
    let headers = [(":method", "GET"), (":path", "/"), (":authority", "a.example"), ("x-user", "alice")];
    let headers = headers.map(|(name, value)| (name.into(), value.into())).to_vec();
    let request = Request { headers, ..Request::default() };
    (proxy.send(&[Sending { request, ..Sending::default() }]).remove(0), proxy)
}

fn trap(fake: Fake) -> String {
    played(fake).1.trap().expect("it has trapped").message.clone()
}

#[test]
fn every_import_has_a_function() {
    for abi in AbiVersion::ALL {
        let lacking: Vec<_> = imports::all(abi).filter(|import| Function::of(*import).is_none()).collect();
        assert_eq!(lacking, [], "{abi}");
    }
}

#[test]
fn a_value_is_given_in_memory_of_the_guests_allocator() {
    let (exchange, proxy) = played(Fake::new(|guest| {
        guest.put(0, b"x-userx-got");
        let status = guest.call("proxy_get_header_map_value", &[0, 0, 6, 100, 104])?;
        let (pointer, size) = (guest.number(100), guest.number(104));
        assert_eq!((status, pointer, guest.at(pointer, size)), (OK, HEAP, &b"alice"[..]));
        guest.call("proxy_add_header_map_value", &[0, 6, 5, pointer.into(), size.into()])
    }));
    let upstream = exchange.upstream.unwrap();
    assert!(upstream.headers.contains(&(b"x-got".to_vec(), b"alice".to_vec())), "{upstream:?}");
    let names: Vec<_> = proxy.sim().journal().iter().filter(|it| !it.is_callback).map(|it| it.name).collect();
    assert_eq!(names, ["proxy_get_header_map_value", "proxy_add_header_map_value"]);
}

#[test]
fn numbers_of_64_bits_keep_their_sign() {
    let (_, proxy) = played(Fake::new(|guest| {
        guest.put(0, b"depth");
        assert_eq!(guest.call("proxy_define_metric", &[1, 0, 5, 100])?, OK);
        let id = guest.number(100).into();
        assert_eq!(guest.call("proxy_record_metric", &[id, 1 << 40])?, OK);
        guest.call("proxy_increment_metric", &[id, (-1_i64).cast_unsigned()])
    }));
    assert_eq!(proxy.sim().metrics().get("depth"), Some(&((1 << 40) - 1)), "{:?}", proxy.sim().metrics());
}

#[test]
fn what_is_outside_of_the_memory_is_a_status() {
    let (exchange, proxy) = played(Fake::new(|guest| {
        for arguments in [[2, 4090, 7], [2, u64::from(u32::MAX), u64::from(u32::MAX)]] {
            assert_eq!(guest.call("proxy_log", &arguments)?, INVALID_MEMORY_ACCESS);
        }
        guest.put(0, b"x-user");
        assert_eq!(guest.call("proxy_get_header_map_value", &[0, 0, 6, 4093, 0])?, INVALID_MEMORY_ACCESS);
        Ok(0)
    }));
    assert_eq!(exchange.client.unwrap().status, 200);
    let reasons: Vec<_> = proxy.sim().journal().iter().filter_map(|entry| entry.reason.as_deref()).collect();
    assert_eq!(reasons[0], "7 bytes at 0xffa cannot be read: the module's memory ends at 0x1000");
    assert!(reasons.iter().any(|reason| reason.starts_with("4 bytes at 0xffd cannot be written")));
}

#[test]
fn a_guest_without_memory_or_allocator_is_told() {
    let script: Script = |guest| {
        assert_eq!(guest.call("proxy_get_header_map_pairs", &[0, 100, 104])?, INVALID_MEMORY_ACCESS);
        assert_eq!(Engine::state(guest).phase, Phase::Running);
        Ok(0)
    };
    for (fake, expected) in [
        (Fake { allocator: None, ..Fake::new(script) }, "the module exports no allocator"),
        (Fake { memory: None, ..Fake::new(script) }, "the module exports no memory"),
        (
            Fake { allocator: Some(|_, _| Ok(0)), ..Fake::new(script) },
            "the module's allocator gave no memory",
        ),
    ] {
        let (_, proxy) = played(fake);
        let reasons = proxy.sim().journal().iter().filter_map(|entry| entry.reason.as_deref());
        assert!(reasons.into_iter().any(|reason| reason.starts_with(expected)), "{expected}");
    }
}

#[test]
fn within_its_allocator_a_guest_can_write_to_the_log_and_do_nothing_else() {
    let script: Script = |guest| guest.call("proxy_get_header_map_pairs", &[0, 100, 104]);
    let (_, proxy) = played(Fake {
        allocator: Some(|guest, _| {
            guest.put(0, b"more");
            assert_eq!(guest.call("proxy_log", &[2, 0, 4])?, OK);
            Ok(HEAP)
        }),
        ..Fake::new(script)
    });
    assert_eq!(proxy.sim().log()[0].message, "more");
}

#[test]
fn a_guest_runs_on_after_a_trap_in_its_allocator_and_is_dead_then() {
    let script: Script = |guest| {
        assert_eq!(guest.call("proxy_get_header_map_pairs", &[0, 100, 104])?, INVALID_MEMORY_ACCESS);
        guest.put(0, b"on");
        guest.call("proxy_log", &[2, 0, 2])
    };
    let (exchange, proxy) =
        played(Fake { allocator: Some(|guest, _| guest.call("proxy_done", &[])), ..Fake::new(script) });
    let [failed, on] = proxy.sim().log() else { panic!("{:?}", proxy.sim().log()) };
    let start = "Function: malloc failed: proxy_done was called: the module's allocator";
    assert!(failed.message.starts_with(start), "{failed:?}");
    assert_eq!(on.message, "on");
    assert_eq!(exchange.client.unwrap().status, 503);
    assert!(proxy.trap().unwrap().message.starts_with("proxy_done was called"));
}

#[test]
fn a_budget_ends_the_guest() {
    let fake = Fake::new(|guest| {
        loop {
            guest.call("proxy_log", &[2, 0, 100])?;
        }
    });
    fake.state.lock().unwrap().meter.budget.hostcalls = 3;
    let died = trap(fake.clone());
    let start = "more hostcalls than the budget of one callback allows: 4, and 3 are allowed\n";
    assert!(died.starts_with(start), "{died}");
    fake.state.lock().unwrap().meter.budget.bytes = 250;
    assert!(trap(fake).starts_with("more bytes in hostcalls"));
}

#[test]
fn a_guest_that_catches_what_ends_it_is_ended_all_the_same() {
    let forbidden: Script = |guest| {
        Engine::state(guest).phase = Phase::Starting;
        assert!(guest.call("proxy_done", &[]).is_err());
        Engine::state(guest).phase = Phase::Running;
        assert!(guest.call("proxy_log", &[2, 0, 4]).is_err());
        Ok(0)
    };
    let (exchange, proxy) = played(Fake::new(forbidden));
    assert_eq!(exchange.client.unwrap().status, 503);
    assert!(proxy.trap().unwrap().message.starts_with("proxy_done was called: while the module starts"));
    let overrun = Fake::new(|guest| {
        assert_eq!(guest.call("proxy_log", &[2, 0, 100])?, OK);
        assert!(guest.call("proxy_log", &[2, 0, 200]).is_err());
        assert!(guest.call("proxy_get_current_time_nanoseconds", &[0]).is_err());
        Ok(0)
    });
    overrun.state.lock().unwrap().meter.budget.bytes = 250;
    let start = "proxy_on_request_headers: more bytes in hostcalls than the budget of one callback allows: 300, and 250";
    let died = trap(overrun);
    assert!(died.starts_with(start), "{died}");
}

#[test]
fn an_allocator_that_catches_what_ends_it_has_failed() {
    let script: Script = |guest| {
        assert_eq!(guest.call("proxy_get_header_map_pairs", &[0, 100, 104])?, INVALID_MEMORY_ACCESS);
        guest.call("proxy_log", &[2, 0, 0])
    };
    let allocator: Allocator = |guest, _| {
        assert!(guest.call("proxy_done", &[]).is_err());
        assert!(guest.call("proxy_log", &[2, 0, 0]).is_err());
        Ok(HEAP)
    };
    let (exchange, proxy) = played(Fake { allocator: Some(allocator), ..Fake::new(script) });
    assert_eq!((exchange.client.unwrap().status, proxy.sim().log().len()), (503, 2));
    assert!(proxy.trap().unwrap().message.starts_with("proxy_done was called: the module's allocator"));
}

#[test]
fn nothing_is_copied_beyond_the_budget() {
    let fake = Fake::new(|guest| guest.call("proxy_log", &[2, 0, 4000]));
    fake.state.lock().unwrap().meter.budget.bytes = 250;
    let died = trap(fake.clone());
    assert!(died.starts_with("more bytes in hostcalls") && *fake.copied.lock().unwrap() == 0, "{died}");
}
