use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use portcullis_foreign::foreign_functions;
use portcullis_host::{LoadOptions, Module};
use portcullis_scenario::report::{shown, shown_line};
use portcullis_sim::http::{Exchange, HeaderList, Sending};
use portcullis_sim::{Factory, Plugin, PluginSetup, Proxy, Setup, Sim, StartError};

use super::read_config;
use super::request::RequestOptions;
use crate::Verdict;
use crate::profiled::Profile;
use crate::targets::{load_module_with, real_time, since_epoch};

/// How long a profile is taken.
const PROFILED: Duration = Duration::from_secs(1);

/// Sends one request through a module, and shows every callback and hostcall.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The module.
    module: PathBuf,
    /// The plugin's configuration, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The time, RFC 3339 in UTC. Left out: the real time.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339)]
    clock: Option<SystemTime>,
    /// Repeats the request for a second, and writes down where the module spends its time, for <https://profiler.firefox.com>.
    #[arg(long, value_name = "FILE")]
    profile_guest: Option<PathBuf>,
    #[command(flatten)]
    request: RequestOptions,
}

impl Run {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let is_profiled = self.profile_guest.is_some();
        let options = LoadOptions { profile: is_profiled, ..LoadOptions::default() };
        let module = load_module_with(&self.module, &options)?;
        let configuration = self.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
        let clock = Some(self.clock.map_or_else(real_time, since_epoch));
        let mut sim = Sim::new(Setup { clock, journal: true, ..Setup::of(configuration) });
        for (name, function) in foreign_functions() {
            sim.register_foreign_function(name, function);
        }
        let profile = Profile::default();
        let factory = if is_profiled { profile.vms(module) } else { boxed(module) };
        let mut proxy = match Proxy::start(sim, factory) {
            Ok(proxy) => proxy,
            Err(StartError::Refused(lines)) => {
                anstream::println!("the plugin refused its configuration:");
                lines
                    .iter()
                    .for_each(|line| anstream::println!("  {}: {}", line.level, shown(&line.message)));
                return Ok(Verdict::Bad);
            }
            Err(StartError::Trap(trap)) => {
                return Err(shown(&format!("{}: {}", self.module.display(), trap.message)));
            }
            Err(StartError::Vm(problem)) => return Err(format!("{}: {problem}", self.module.display())),
        };
        let sending = self.request.sending();
        let exchange = proxy.send(std::slice::from_ref(&sending)).pop().unwrap_or_default();
        show_journal(proxy.sim());
        match proxy.sim().journal_lost() {
            0 => {}
            lost => anstream::println!("... and {lost} more"),
        }
        show(&exchange);
        if let Some(trap) = proxy.trap() {
            return Err(shown(&format!("{}: {}", self.module.display(), trap.message)));
        }
        if let Some(path) = &self.profile_guest {
            let sent = repeat(&mut proxy, &sending);
            drop(proxy);
            profile.write(path)?;
            anstream::eprintln!("{}: written, after {sent} requests", path.display());
        }
        Ok(Verdict::Good)
    }
}

/// Every entry, under the VM that it is about: the canary, the main thread and the worker start the plugin alike.
fn show_journal(sim: &Sim) {
    let mut vm = None;
    for entry in sim.journal() {
        if vm.replace(entry.vm) != Some(entry.vm) {
            anstream::println!("{}:", shown_line(&sim.vm_name(entry.vm).to_string()));
        }
        anstream::println!("  {}", shown(&entry.to_string()));
    }
}

fn boxed(module: Module) -> Factory<Box<dyn Plugin>> {
    Arc::new(move |setup: &PluginSetup| {
        let instance = module.instantiate(setup).map_err(|error| error.to_string())?;
        Ok(Box::new(instance) as Box<dyn Plugin>)
    })
}

/// Sends a request again and again, so that a profile has something to see.
fn repeat(proxy: &mut Proxy<Box<dyn Plugin>>, sending: &Sending) -> u32 {
    proxy.sim_mut().set_journal(false);
    let begin = Instant::now();
    let mut sent = 1;
    while begin.elapsed() < PROFILED && proxy.trap().is_none() {
        proxy.send(std::slice::from_ref(sending));
        sent += 1;
    }
    sent
}

fn show(exchange: &Exchange) {
    match &exchange.upstream {
        None => anstream::println!("\nThe upstream was not called."),
        Some(request) => {
            anstream::println!("\nThe upstream gets");
            show_message(&request.headers, &request.body);
        }
    }
    match &exchange.client {
        None => {
            anstream::println!(
                "\nThe client gets no response: the stream is paused, and nothing resumed it."
            );
        }
        Some(response) => {
            let details = shown_line(exchange.details.as_deref().unwrap_or("-"));
            anstream::println!("\nThe client gets {} ({details})", response.status);
            show_message(&response.headers, &response.body);
        }
    }
}

fn show_message(headers: &HeaderList, body: &[Vec<u8>]) {
    for (name, value) in headers {
        let text = |bytes: &[u8]| shown_line(&String::from_utf8_lossy(bytes));
        anstream::println!("  {}: {}", text(name), text(value));
    }
    if !body.is_empty() {
        anstream::println!("\n  {}", shown(&String::from_utf8_lossy(&body.concat())));
    }
}
