use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use portcullis_host::foreign_functions;
use portcullis_scenario::report::{shown, shown_line};
use portcullis_sim::http::{Exchange, HeaderList, Protocol, Request, Sending};
use portcullis_sim::{Proxy, Setup, Sim, StartError};

use super::read_config;
use crate::Verdict;
use crate::targets::{load_module, real_time, since_epoch, vms};

/// Sends one request through a module, and shows every callback and hostcall.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The module.
    module: PathBuf,
    /// The plugin's configuration, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The method.
    #[arg(long, default_value = "GET")]
    method: String,
    /// Path and query.
    #[arg(long, default_value = "/")]
    path: String,
    /// The host.
    #[arg(long, default_value = "example.com")]
    host: String,
    /// A header; may be given several times.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// The body.
    #[arg(long)]
    body: Option<String>,
    /// The time, RFC 3339 in UTC. Left out: the real time.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339)]
    clock: Option<SystemTime>,
    /// Speaks HTTP/2 instead of HTTP/1.1.
    #[arg(long)]
    http2: bool,
}

impl Run {
    pub(crate) fn execute(self) -> Result<Verdict, String> {
        let module = load_module(&self.module)?;
        let configuration = self.config.as_deref().map(read_config).transpose()?.unwrap_or_default();
        let clock = Some(self.clock.map_or_else(real_time, since_epoch));
        let mut sim = Sim::new(Setup { clock, ..Setup::of(configuration) });
        sim.set_journal(true);
        for (name, function) in foreign_functions() {
            sim.register_foreign_function(name, function);
        }
        let factory = vms(vec![module]);
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
        let protocol = if self.http2 { Protocol::Http2 } else { Protocol::Http1 };
        let sending = Sending { protocol, request: self.request(), ..Sending::default() };
        let exchange = proxy.send(&[sending]).pop().unwrap_or_default();
        show_journal(proxy.sim());
        match proxy.sim().journal_lost() {
            0 => {}
            lost => anstream::println!("... and {lost} more"),
        }
        show(&exchange);
        match proxy.trap() {
            None => Ok(Verdict::Good),
            Some(trap) => Err(shown(&format!("{}: {}", self.module.display(), trap.message))),
        }
    }

    fn request(&self) -> Request {
        let pseudo = [
            (":method", &self.method),
            (":path", &self.path),
            (":authority", &self.host),
            (":scheme", &"http".into()),
        ];
        let mut headers: HeaderList =
            pseudo.map(|(name, value)| (name.into(), value.clone().into_bytes())).into();
        headers.extend(
            self.header.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes())),
        );
        Request {
            headers,
            body: self.body.iter().map(|body| body.clone().into_bytes()).collect(),
            trailers: None,
        }
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

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    if name.is_empty() {
        return Err("write NAME: VALUE; --method, --path and --host set the rest".into());
    }
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
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
