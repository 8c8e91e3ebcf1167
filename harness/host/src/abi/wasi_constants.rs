use log::Level;
use wasmtime::{Caller, FuncType, Linker, Result, Val, ValType};

use crate::abi::wasi::errno;
use crate::state::State;

/// The functions of WASI that always answer the same: name, parameters (`i` for i32, `I` for i64), answer, and which
/// arguments say where a zero belongs, and of how many bytes.
///
/// The parameters are Envoy's: `path_link` and `path_symlink` have one less than in WASI, so that a module that imports
/// WASI's does not load.
const CONSTANTS: [(&str, &str, Answer, &[(usize, usize)]); 34] = [
    ("args_get", "ii", Answer::Always(SUCCESS), &[]),
    ("sched_yield", "", Answer::Always(SUCCESS), &[]),
    ("fd_advise", "iIIi", Answer::Always(SUCCESS), &[]),
    ("fd_fdstat_set_flags", "ii", Answer::Always(NOSYS), &[]),
    ("fd_read", "iiii", Answer::Always(NOSYS), &[]),
    ("fd_pread", "iiiIi", Answer::Always(NOSYS), &[]),
    ("fd_prestat_dir_name", "iii", Answer::Always(NOSYS), &[]),
    // The guest's C library takes this for the end of the list of its directories.
    ("fd_prestat_get", "ii", Answer::Always(BADF), &[]),
    ("fd_filestat_get", "ii", Answer::Always(BADF), &[]),
    ("path_open", "iiiiiIIii", Answer::Always(NOENT), &[]),
    ("fd_seek", "iIii", Answer::Logged("wasi_unstable fd_seek"), &[]),
    ("fd_close", "i", Answer::Logged("wasi_unstable fd_close"), &[]),
    ("fd_allocate", "iII", Answer::OutputOnly, &[]),
    ("fd_datasync", "i", Answer::OutputOnly, &[]),
    ("fd_sync", "i", Answer::OutputOnly, &[]),
    ("fd_fdstat_set_rights", "iII", Answer::OutputOnly, &[]),
    ("fd_filestat_set_size", "iI", Answer::OutputOnly, &[]),
    ("fd_filestat_set_times", "iIIi", Answer::OutputOnly, &[]),
    ("fd_tell", "ii", Answer::OutputOnly, &[(1, 8)]),
    ("fd_renumber", "ii", Answer::Renumber, &[]),
    ("fd_readdir", "iiiIi", Answer::Always(NOTDIR), &[(4, 4)]),
    ("path_create_directory", "iii", Answer::Always(NOTSUP), &[]),
    ("path_filestat_get", "iiiii", Answer::Always(NOTSUP), &[]),
    ("path_filestat_set_times", "iiiiIIi", Answer::Always(NOTSUP), &[]),
    ("path_link", "iiiiii", Answer::Always(NOTSUP), &[]),
    ("path_readlink", "iiiiii", Answer::Always(NOTSUP), &[(5, 4)]),
    ("path_remove_directory", "iii", Answer::Always(NOTSUP), &[]),
    ("path_rename", "iiiiii", Answer::Always(NOTSUP), &[]),
    ("path_symlink", "iiii", Answer::Always(NOTSUP), &[]),
    ("path_unlink_file", "iii", Answer::Always(NOTSUP), &[]),
    ("sock_accept", "iii", Answer::Always(NOTSUP), &[(2, 8)]),
    ("sock_recv", "iiiiii", Answer::Always(NOTSUP), &[(4, 4), (5, 2)]),
    ("sock_send", "iiiii", Answer::Always(NOTSUP), &[(4, 4)]),
    ("sock_shutdown", "ii", Answer::Always(NOTSUP), &[]),
];

const SUCCESS: u32 = 0;
const BADF: u32 = 8;
const NOENT: u32 = 44;
const NOSYS: u32 = 52;
const NOTSUP: u32 = 58;
/// What Linux calls ENOTDIR; Envoy gives this, where WASI's own number would be 54.
const NOTDIR: u32 = 20;

#[derive(Clone, Copy)]
enum Answer {
    Always(u32),
    /// Success, and an error in the log.
    Logged(&'static str),
    /// Fine for standard output and standard error, and no descriptor else.
    OutputOnly,
    /// Not supported between standard output and standard error, and no descriptor else.
    Renumber,
}

pub(super) fn link(linker: &mut Linker<State>, module: &str) -> Result<()> {
    for (name, parameters, answer, zeros) in CONSTANTS {
        let parameters = parameters.chars().map(|c| if c == 'I' { ValType::I64 } else { ValType::I32 });
        let kind = FuncType::new(linker.engine(), parameters, [ValType::I32]);
        linker.func_new(module, name, kind, move |caller: Caller<'_, State>, arguments, results| {
            let argument =
                |at: usize| arguments.get(at).and_then(Val::i32).unwrap_or_default().cast_unsigned();
            let number = errno(name, caller, |guest| {
                let number = answer.number(argument(0), argument(1));
                if let Answer::Logged(line) = answer {
                    guest.sim().push_log(Level::Error, line);
                }
                if number != BADF {
                    zeros.iter().try_for_each(|(at, size)| {
                        guest.write(argument(*at), [0; 8].get(..*size).unwrap_or_default())
                    })?;
                }
                Ok(number)
            })?;
            results.iter_mut().for_each(|result| *result = Val::I32(number.cast_signed()));
            Ok(())
        })?;
    }
    Ok(())
}

impl Answer {
    const fn number(self, descriptor: u32, other: u32) -> u32 {
        match (self, descriptor, other) {
            (Self::Always(number), ..) => number,
            (Self::Logged(_), ..) | (Self::OutputOnly, 1 | 2, _) => SUCCESS,
            (Self::Renumber, 1 | 2, 1 | 2) => NOTSUP,
            (Self::OutputOnly | Self::Renumber, ..) => BADF,
        }
    }
}
