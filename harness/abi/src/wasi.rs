//! The functions of WASI that do something.

use log::Level;
use portcullis_sim::{Refusal, Status};

use crate::guest::{Fault, Guest, Outcome, hostcall};

/// WASI's error numbers, as far as Envoy uses them.
pub(crate) const SUCCESS: u32 = 0;
pub(crate) const BADF: u32 = 8;
/// What Linux calls ENOTDIR; Envoy gives this, where WASI's own number would be 54.
pub(crate) const NOTDIR: u32 = 20;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
pub(crate) const NOENT: u32 = 44;
pub(crate) const NOSYS: u32 = 52;
pub(crate) const NOTSUP: u32 = 58;

/// More than this at once is refused by Envoy.
const RANDOM: u32 = 64 << 10;

/// Runs one function of WASI, which has error numbers of its own.
pub(crate) fn errno<E: Guest>(
    name: &'static str,
    guest: &mut E,
    body: impl FnOnce(&mut E) -> Outcome<E, u32>,
) -> Result<u32, E::Trap> {
    let mut number = SUCCESS;
    let status = hostcall(name, guest, |guest| {
        number = body(guest)?;
        guest.note(name, if number == SUCCESS { Ok(()) } else { Err(refusal(number)) });
        Ok(())
    })?;
    Ok(if status == 0 { number } else { FAULT })
}

/// The journal has the proxy's statuses; what a C library tries and can do without is nothing to be told of.
fn refusal(number: u32) -> Refusal {
    let (status, what) = match number {
        BADF => (Status::NotFound, "EBADF"),
        NOTDIR => (Status::NotFound, "ENOTDIR"),
        NOENT => (Status::NotFound, "ENOENT"),
        INVAL => (Status::BadArgument, "EINVAL"),
        NOSYS => (Status::Unimplemented, "ENOSYS"),
        _ => (Status::Unimplemented, "ENOTSUP"),
    };
    Refusal::new(status, format!("WASI's error {number}, {what}"))
}

/// Envoy writes a line at a level below those that are shown and goes on, so what comes after it in the guest, usually `unreachable`, is run.
pub(crate) fn proc_exit<E: Guest>(guest: &mut E, code: u32) -> Outcome<E, u32> {
    guest.state().exited = Some(code);
    Ok(SUCCESS)
}

pub(crate) fn fd_write<E: Guest>(
    guest: &mut E,
    fd: u32,
    pieces: u32,
    count: u32,
    written_at: u32,
) -> Outcome<E, u32> {
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
        guest.state().sim.push_log(level, &String::from_utf8_lossy(line));
    }
    guest.write_u32(written_at, text.len() as u32)?;
    Ok(SUCCESS)
}

pub(crate) fn clock_time_get<E: Guest>(guest: &mut E, clock: u32, time_at: u32) -> Outcome<E, u32> {
    let time = match clock {
        0 => guest.state().sim.clock().as_nanos(),
        1 => u64::try_from(guest.state().sim.uptime().as_nanos()).unwrap_or(u64::MAX),
        _ => return Ok(NOTSUP),
    };
    guest.write(time_at, &time.to_le_bytes())?;
    Ok(SUCCESS)
}

pub(crate) fn clock_res_get<E: Guest>(guest: &mut E, clock: u32, resolution_at: u32) -> Outcome<E, u32> {
    match clock {
        0 | 1 => guest.write(resolution_at, &1_u64.to_le_bytes()).map(|()| SUCCESS),
        _ => Ok(NOTSUP),
    }
}

pub(crate) fn random_get<E: Guest>(guest: &mut E, buffer: u32, size: u32) -> Outcome<E, u32> {
    if size > RANDOM {
        return Ok(INVAL);
    }
    if size == 0 {
        return Ok(SUCCESS);
    }
    let mut bytes = vec![0; size as usize];
    guest.state().sim.fill_random(&mut bytes);
    guest.write(buffer, &bytes)?;
    Ok(SUCCESS)
}

pub(crate) fn environ_sizes_get<E: Guest>(guest: &mut E, count_at: u32, size_at: u32) -> Outcome<E, u32> {
    let state = guest.state();
    let variables = &state.environment;
    let (count, size) = (variables.len(), variables.iter().map(|text| text.len() + 1).sum::<usize>());
    drop(state);
    guest.write_u32(count_at, count as u32)?;
    guest.write_u32(size_at, size as u32)?;
    Ok(SUCCESS)
}

/// A list of pointers, and elsewhere the texts that they point to, each with a NUL behind it.
pub(crate) fn environ_get<E: Guest>(guest: &mut E, mut list_at: u32, mut texts_at: u32) -> Outcome<E, u32> {
    let variables = guest.state().environment.clone();
    for mut text in variables {
        text.push(0);
        guest.write_u32(list_at, texts_at)?;
        guest.write(texts_at, &text)?;
        list_at = list_at.saturating_add(4);
        texts_at = texts_at.saturating_add(text.len() as u32);
    }
    Ok(SUCCESS)
}

/// There are no arguments.
pub(crate) fn args_sizes_get<E: Guest>(guest: &mut E, count_at: u32, size_at: u32) -> Outcome<E, u32> {
    guest.write_u32(count_at, 0)?;
    guest.write_u32(size_at, 0)?;
    Ok(SUCCESS)
}

/// No event ever comes.
pub(crate) fn poll_oneoff<E: Guest>(guest: &mut E, events_at: u32) -> Outcome<E, u32> {
    guest.write_u32(events_at, 0).map(|()| SUCCESS)
}

pub(crate) fn fd_fdstat_get<E: Guest>(guest: &mut E, fd: u32, stat_at: u32) -> Outcome<E, u32> {
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
