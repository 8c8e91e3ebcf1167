//! The functions of WASI that always answer the same.

use crate::guest::{Guest, Outcome};
use crate::wasi::{BADF, NOENT, NOSYS, NOTDIR, NOTSUP, SUCCESS};

/// Name, answer, and where zeros belong.
type Entry = (&'static str, Answer, &'static [(usize, usize)]);

/// The functions of WASI that always answer the same: name, answer, and which arguments say where a zero belongs, and of how
/// many bytes.
static CONSTANTS: [Entry; 34] = [
    ("args_get", Answer::Always(SUCCESS), &[]),
    ("sched_yield", Answer::Always(SUCCESS), &[]),
    ("fd_advise", Answer::Always(SUCCESS), &[]),
    ("fd_fdstat_set_flags", Answer::Always(NOSYS), &[]),
    ("fd_read", Answer::Always(NOSYS), &[]),
    ("fd_pread", Answer::Always(NOSYS), &[]),
    ("fd_prestat_dir_name", Answer::Always(NOSYS), &[]),
    // The guest's C library takes this for the end of the list of its directories.
    ("fd_prestat_get", Answer::Always(BADF), &[]),
    ("fd_filestat_get", Answer::Always(BADF), &[]),
    ("path_open", Answer::Always(NOENT), &[]),
    ("fd_seek", Answer::Always(SUCCESS), &[]),
    ("fd_close", Answer::Always(SUCCESS), &[]),
    ("fd_allocate", Answer::OutputOnly, &[]),
    ("fd_datasync", Answer::OutputOnly, &[]),
    ("fd_sync", Answer::OutputOnly, &[]),
    ("fd_fdstat_set_rights", Answer::OutputOnly, &[]),
    ("fd_filestat_set_size", Answer::OutputOnly, &[]),
    ("fd_filestat_set_times", Answer::OutputOnly, &[]),
    ("fd_tell", Answer::OutputOnly, &[(1, 8)]),
    ("fd_renumber", Answer::Renumber, &[]),
    ("fd_readdir", Answer::Always(NOTDIR), &[(4, 4)]),
    ("path_create_directory", Answer::Always(NOTSUP), &[]),
    ("path_filestat_get", Answer::Always(NOTSUP), &[]),
    ("path_filestat_set_times", Answer::Always(NOTSUP), &[]),
    ("path_link", Answer::Always(NOTSUP), &[]),
    ("path_readlink", Answer::Always(NOTSUP), &[(5, 4)]),
    ("path_remove_directory", Answer::Always(NOTSUP), &[]),
    ("path_rename", Answer::Always(NOTSUP), &[]),
    ("path_symlink", Answer::Always(NOTSUP), &[]),
    ("path_unlink_file", Answer::Always(NOTSUP), &[]),
    ("sock_accept", Answer::Always(NOTSUP), &[(2, 8)]),
    ("sock_recv", Answer::Always(NOTSUP), &[(4, 4), (5, 2)]),
    ("sock_send", Answer::Always(NOTSUP), &[(4, 4)]),
    ("sock_shutdown", Answer::Always(NOTSUP), &[]),
];

/// Those of which Envoy writes a line, at a level below those that are shown.
const LOGGED: [&str; 2] = ["fd_close", "fd_seek"];

#[derive(Clone, Copy)]
enum Answer {
    Always(u32),
    /// Fine for standard output and standard error, and no descriptor else.
    OutputOnly,
    /// Not supported between standard output and standard error, and no descriptor else.
    Renumber,
}

/// One of these functions.
#[derive(Clone, Copy)]
pub(crate) struct Constant(&'static Entry);

impl Constant {
    pub(crate) fn named(name: &str) -> Option<Self> {
        CONSTANTS.iter().find(|(constant, ..)| *constant == name).map(Self)
    }

    pub(crate) const fn name(self) -> &'static str {
        self.0.0
    }

    /// Whether Envoy does without the guest's memory and its log.
    pub(crate) fn needs_nothing(self) -> bool {
        let Self((name, _, zeros)) = self;
        zeros.is_empty() && !LOGGED.contains(name)
    }

    pub(crate) fn call<E: Guest>(self, guest: &mut E, arguments: &[u64]) -> Outcome<E, u32> {
        let Self((_, answer, zeros)) = self;
        let argument = |at: usize| arguments.get(at).copied().unwrap_or_default() as u32;
        let number = answer.number(argument(0), argument(1));
        if number != BADF {
            for (at, size) in *zeros {
                guest.write(argument(*at), [0; 8].get(..*size).unwrap_or_default())?;
            }
        }
        Ok(number)
    }
}

impl Answer {
    const fn number(self, descriptor: u32, other: u32) -> u32 {
        match (self, descriptor, other) {
            (Self::Always(number), ..) => number,
            (Self::OutputOnly, 1 | 2, _) => SUCCESS,
            (Self::Renumber, 1 | 2, 1 | 2) => NOTSUP,
            (Self::OutputOnly | Self::Renumber, ..) => BADF,
        }
    }
}
