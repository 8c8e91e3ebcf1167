use log::Level;
use wasmtime::{Caller, Linker, Result};

use crate::abi::link::hostcalls;
use crate::guest::{Fault, Guest, hostcall};
use crate::state::State;

/// The two names under which Envoy provides WASI.
pub(super) const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// WASI's error numbers, as far as Envoy uses them here.
const SUCCESS: u32 = 0;
const BADF: u32 = 8;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOTSUP: u32 = 58;

/// More than this at once is refused by Envoy.
const RANDOM: u32 = 64 << 10;

/// The functions of WASI that do something.
pub(super) fn link(linker: &mut Linker<State>, module: &str) -> Result<()> {
    hostcalls! {
        linker, module, errno;
        fd_write => fd_write(fd: u32, pieces: u32, count: u32, written_at: u32),
        clock_res_get => clock_res_get(clock: u32, resolution_at: u32),
        random_get => random_get(buffer: u32, size: u32),
        environ_sizes_get => environ_sizes_get(count_at: u32, size_at: u32),
        environ_get => environ_get(list_at: u32, texts_at: u32),
        args_sizes_get => args_sizes_get(count_at: u32, size_at: u32),
        fd_fdstat_get => fd_fdstat_get(fd: u32, stat_at: u32),
    }
    hostcalls! {
        linker, module, errno;
        fd_pwrite(fd: u32, pieces: u32, count: u32, _offset: u64, written_at: u32) =>
            fd_write(fd, pieces, count, written_at),
        clock_time_get(clock: u32, _precision: u64, time_at: u32) => clock_time_get(clock, time_at),
        poll_oneoff(_in: u32, _out: u32, _count: u32, events_at: u32) => poll_oneoff(events_at),
    }
    linker.func_wrap(module, "proc_exit", |caller: Caller<'_, State>, code: u32| {
        // Envoy writes a line of its own and goes on, so what comes after it in the guest, usually `unreachable`, is run.
        errno("proc_exit", caller, |guest| {
            guest.state().exited = Some(code);
            Ok(SUCCESS)
        })
        .map(|_| ())
    })?;
    Ok(())
}

/// Runs one function of WASI, which has error numbers of its own.
pub(super) fn errno(
    name: &'static str,
    caller: Caller<'_, State>,
    body: impl FnOnce(&mut Guest<'_>) -> Result<u32, Fault>,
) -> Result<u32> {
    let mut number = SUCCESS;
    let status = hostcall(name, caller, |guest| {
        number = body(guest)?;
        guest.note(name, &[&number]);
        Ok(())
    })?;
    Ok(if status == 0 { number } else { FAULT })
}

fn fd_write(guest: &mut Guest<'_>, fd: u32, pieces: u32, count: u32, written_at: u32) -> Result<u32, Fault> {
    let level = match fd {
        1 => Level::Info,
        2 => Level::Error,
        _ => return Ok(BADF),
    };
    let mut text = Vec::new();
    for index in 0..count {
        // A list without an end runs into the end of the memory.
        let at = pieces.saturating_add(index.saturating_mul(8));
        let (pointer, size) = (guest.read_u32(at)?, guest.read_u32(at.saturating_add(4))?);
        if size > 0 {
            guest.read_into((pointer, size), &mut text)?;
        }
    }
    if !text.is_empty() {
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        guest.sim().push_log(level, &String::from_utf8_lossy(line));
    }
    guest.write_u32(written_at, text.len() as u32)?;
    Ok(SUCCESS)
}

fn clock_time_get(guest: &mut Guest<'_>, clock: u32, time_at: u32) -> Result<u32, Fault> {
    let time = match clock {
        0 => guest.sim().current_time()?,
        1 => u64::try_from(guest.sim().uptime().as_nanos()).unwrap_or(u64::MAX),
        _ => return Ok(NOTSUP),
    };
    guest.write(time_at, &time.to_le_bytes())?;
    Ok(SUCCESS)
}

fn clock_res_get(guest: &mut Guest<'_>, clock: u32, resolution_at: u32) -> Result<u32, Fault> {
    match clock {
        0 | 1 => guest.write(resolution_at, &1_u64.to_le_bytes()).map(|()| SUCCESS),
        _ => Ok(NOTSUP),
    }
}

fn random_get(guest: &mut Guest<'_>, buffer: u32, size: u32) -> Result<u32, Fault> {
    if size > RANDOM {
        return Ok(INVAL);
    }
    if size == 0 {
        return Ok(SUCCESS);
    }
    let mut bytes = vec![0; size as usize];
    guest.sim().fill_random(&mut bytes);
    guest.write(buffer, &bytes)?;
    Ok(SUCCESS)
}

fn environ_sizes_get(guest: &mut Guest<'_>, count_at: u32, size_at: u32) -> Result<u32, Fault> {
    let variables = &guest.state().environment;
    let (count, size) = (variables.len(), variables.iter().map(|text| text.len() + 1).sum::<usize>());
    guest.write_u32(count_at, count as u32)?;
    guest.write_u32(size_at, size as u32)?;
    Ok(SUCCESS)
}

/// A list of pointers, and elsewhere the texts that they point to, each with a NUL behind it.
fn environ_get(guest: &mut Guest<'_>, mut list_at: u32, mut texts_at: u32) -> Result<u32, Fault> {
    for mut text in guest.state().environment.clone() {
        text.push(0);
        guest.write_u32(list_at, texts_at)?;
        guest.write(texts_at, &text)?;
        list_at = list_at.saturating_add(4);
        texts_at = texts_at.saturating_add(text.len() as u32);
    }
    Ok(SUCCESS)
}

/// There are no arguments.
fn args_sizes_get(guest: &mut Guest<'_>, count_at: u32, size_at: u32) -> Result<u32, Fault> {
    guest.write_u32(count_at, 0)?;
    guest.write_u32(size_at, 0)?;
    Ok(SUCCESS)
}

/// No event ever comes.
fn poll_oneoff(guest: &mut Guest<'_>, events_at: u32) -> Result<u32, Fault> {
    guest.write_u32(events_at, 0).map(|()| SUCCESS)
}

fn fd_fdstat_get(guest: &mut Guest<'_>, fd: u32, stat_at: u32) -> Result<u32, Fault> {
    if !matches!(fd, 1 | 2) {
        return Ok(BADF);
    }
    // File type and flags unknown; the one right is FD_WRITE.
    let mut stat = [0; 24];
    stat[8..16].copy_from_slice(&64_u64.to_le_bytes());
    match guest.write(stat_at, &stat) {
        // Envoy does not look at whether there was a place for it.
        Ok(()) | Err(Fault::Memory(_)) => Ok(SUCCESS),
        Err(fault) => Err(fault),
    }
}
