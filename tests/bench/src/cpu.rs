use std::fs;
use std::time::Duration;

/// The unit of `/proc/PID/stat`: USER_HZ is 100 on every Linux that Envoy runs on.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time that a process has spent so far, user and system, all of its threads.
///
/// To the nanosecond where the kernel says so, else in hundredths of a second.
pub(crate) fn time(process: u32) -> Result<Duration, String> {
    if let Some(time) = time_of_threads(process) {
        return Ok(time);
    }
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    time_in(&text).ok_or_else(|| format!("{path}: not as proc(5) describes it"))
}

/// The memory of a process that is in RAM.
pub(crate) fn resident_mib(process: u32) -> Result<f64, String> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    resident_in(&text).ok_or_else(|| format!("{path}: no VmRSS"))
}

/// The name of the machine's processor.
pub(crate) fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    line.map_or_else(|| "unknown".to_owned(), |(_, model)| model.trim().to_owned())
}

fn time_of_threads(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let time = |thread: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        time_on_cpu(&text)
    };
    // A thread that has never run says 0; a kernel without the figure has no file.
    threads.map(time).sum::<Option<Duration>>().filter(|time| !time.is_zero())
}

/// The first field: nanoseconds.
fn time_on_cpu(schedstat: &str) -> Option<Duration> {
    schedstat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Fields 14 and 15; field 2 is the name in parentheses and may hold blanks.
fn time_in(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.checked_add(system)?)
}

fn resident_in(status: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_any_name() {
        let stat = "77 (a ) b) S 1 77 77 0 -1 4194560 1 2 3 4 250 17 0 0 20 0 5 0 999";
        assert_eq!(time_in(stat), Some(Duration::from_millis(2670)));
        assert_eq!(time_in("77 (a) S 1"), None);
    }

    #[test]
    fn time_on_the_cpu_is_in_nanoseconds() {
        assert_eq!(time_on_cpu("134721 9009203 2\n"), Some(Duration::from_nanos(134_721)));
        assert_eq!(time_on_cpu(""), None);
    }

    #[test]
    fn memory_is_in_mib() {
        assert_eq!(resident_in("VmPeak:\t  99 kB\nVmRSS:\t   2048 kB\n"), Some(2.0));
        assert_eq!(resident_in("VmPeak: 1 kB"), None);
    }

    #[test]
    fn this_process_has_used_some_memory() {
        assert!(resident_mib(std::process::id()).unwrap() > 0.5);
        assert!(time(std::process::id()).is_ok());
    }
}
