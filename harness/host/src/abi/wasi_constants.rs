use wasmtime::{Caller, FuncType, Linker, Result, Val, ValType};

use crate::state::State;

/// The functions of WASI that always answer the same, by name, parameters (`i` for i32, `I` for i64) and answer.
const CONSTANTS: [(&str, &str, Answer); 35] = [
    ("args_get", "ii", Answer::Always(SUCCESS)),
    ("environ_get", "ii", Answer::Always(SUCCESS)),
    ("sched_yield", "", Answer::Always(SUCCESS)),
    ("fd_advise", "iIIi", Answer::Always(SUCCESS)),
    ("fd_fdstat_set_flags", "ii", Answer::Always(NOSYS)),
    ("fd_read", "iiii", Answer::Always(NOSYS)),
    ("fd_pread", "iiiIi", Answer::Always(NOSYS)),
    ("fd_prestat_dir_name", "iii", Answer::Always(NOSYS)),
    // The guest's C library takes this for the end of the list of its directories.
    ("fd_prestat_get", "ii", Answer::Always(BADF)),
    ("fd_filestat_get", "ii", Answer::Always(BADF)),
    ("path_open", "iiiiiIIii", Answer::Always(NOENT)),
    ("fd_seek", "iIii", Answer::Always(SUCCESS)),
    ("fd_close", "i", Answer::Always(SUCCESS)),
    ("fd_allocate", "iII", Answer::OutputOnly),
    ("fd_datasync", "i", Answer::OutputOnly),
    ("fd_sync", "i", Answer::OutputOnly),
    ("fd_fdstat_set_rights", "iII", Answer::OutputOnly),
    ("fd_filestat_set_size", "iI", Answer::OutputOnly),
    ("fd_filestat_set_times", "iIIi", Answer::OutputOnly),
    ("fd_tell", "ii", Answer::OutputOnly),
    ("fd_renumber", "ii", Answer::Renumber),
    ("fd_readdir", "iiiIi", Answer::Always(NOTDIR)),
    ("path_create_directory", "iii", Answer::Always(NOTSUP)),
    ("path_filestat_get", "iiiii", Answer::Always(NOTSUP)),
    ("path_filestat_set_times", "iiiiIIi", Answer::Always(NOTSUP)),
    ("path_link", "iiiiiii", Answer::Always(NOTSUP)),
    ("path_readlink", "iiiiii", Answer::Always(NOTSUP)),
    ("path_remove_directory", "iii", Answer::Always(NOTSUP)),
    ("path_rename", "iiiiii", Answer::Always(NOTSUP)),
    ("path_symlink", "iiiii", Answer::Always(NOTSUP)),
    ("path_unlink_file", "iii", Answer::Always(NOTSUP)),
    ("sock_accept", "iii", Answer::Always(NOTSUP)),
    ("sock_recv", "iiiiii", Answer::Always(NOTSUP)),
    ("sock_send", "iiiii", Answer::Always(NOTSUP)),
    ("sock_shutdown", "ii", Answer::Always(NOTSUP)),
];

const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const NOENT: i32 = 44;
const NOSYS: i32 = 52;
const NOTSUP: i32 = 58;
/// What Linux calls ENOTDIR; Envoy gives this, where WASI's own number would be 54.
const NOTDIR: i32 = 20;

#[derive(Clone, Copy)]
enum Answer {
    Always(i32),
    /// Fine for standard output and standard error, and no descriptor else.
    OutputOnly,
    /// Not supported for standard output and standard error, and no descriptor else.
    Renumber,
}

pub(super) fn link(linker: &mut Linker<State>, module: &str) -> Result<()> {
    for (name, parameters, answer) in CONSTANTS {
        let parameters = parameters.chars().map(|c| if c == 'I' { ValType::I64 } else { ValType::I32 });
        let kind = FuncType::new(linker.engine(), parameters, [ValType::I32]);
        linker.func_new(module, name, kind, move |mut caller: Caller<'_, State>, arguments, results| {
            let descriptor = arguments.first().and_then(Val::i32).unwrap_or_default();
            let number = answer.number(descriptor);
            // The journal gives back what it is given.
            let _ = caller.data_mut().sim.note(name, &[&descriptor, &number], Ok(()));
            results.iter_mut().for_each(|result| *result = Val::I32(number));
            Ok(())
        })?;
    }
    Ok(())
}

impl Answer {
    const fn number(self, descriptor: i32) -> i32 {
        match (self, descriptor) {
            (Self::Always(number), _) => number,
            (Self::OutputOnly, 1 | 2) => SUCCESS,
            (Self::Renumber, 1 | 2) => NOTSUP,
            (Self::OutputOnly | Self::Renumber, _) => BADF,
        }
    }
}
