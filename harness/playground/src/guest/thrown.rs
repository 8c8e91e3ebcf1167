use js_sys::{Error, Reflect, WebAssembly};
use portcullis_abi::{Death, Forbidden, Overrun};
use portcullis_inspect::short;
use wasm_bindgen::{JsCast, JsValue};

/// The name of an error by which a budget that is used up is told from others.
const OVERRUN: &str = "Overrun";

/// An exception of WebAssembly has a tag and no message.
const UNCAUGHT: &str = "the module threw an exception that it does not catch";

/// What was thrown out of a guest: by the engine, or by a hostcall that ends it.
pub(super) struct Thrown(pub(super) JsValue);

impl From<Forbidden> for Thrown {
    fn from(forbidden: Forbidden) -> Self {
        Self(Error::new(&forbidden.to_string()).into())
    }
}

impl From<Overrun> for Thrown {
    fn from(overrun: Overrun) -> Self {
        let error = Error::new(&overrun.to_string());
        error.set_name(OVERRUN);
        Self(error.into())
    }
}

impl Thrown {
    /// What it says of the end of its VM, in this export; in the module as the engine has it, code is so many bytes further behind.
    pub(super) fn death(&self, export: &str, longer: isize) -> Death {
        let message = message(&self.0);
        let name = self.0.dyn_ref::<Error>().map(|error| String::from(error.name()));
        if name.as_deref() == Some(OVERRUN) {
            let cause = format!("{export}: {message}");
            return Death { cause, ..Death::default() };
        }
        let is_too_deep = is_too_deep(&message);
        if !is_too_deep && !self.0.has_type::<WebAssembly::RuntimeError>() {
            return Death { cause: message, ..Death::default() };
        }
        let is_unreachable = message.to_lowercase().contains("unreachable");
        let what = match (is_too_deep, is_unreachable) {
            (true, _) => "call stack exhausted",
            (_, true) => "wasm `unreachable` instruction executed",
            _ => &message,
        };
        let backtrace = backtrace(&self.0, longer);
        Death { cause: format!("wasm trap: {what}"), is_unreachable, backtrace }
    }
}

/// The words of Chromium and Safari, and those of Firefox; what kind of error it is differs too, and others have the same.
fn is_too_deep(message: &str) -> bool {
    ["call stack size exceeded", "too much recursion"].iter().any(|words| message.contains(words))
}

/// What an error says, in one line.
pub(super) fn message(thrown: &JsValue) -> String {
    let text = thrown.dyn_ref::<Error>().map(|error| String::from(error.message()));
    let is_exception = || thrown.has_type::<WebAssembly::Exception>();
    let text = text.or_else(|| is_exception().then(|| UNCAUGHT.to_owned())).or_else(|| thrown.as_string());
    let text = text.unwrap_or_else(|| "it does not say why".to_owned());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The guest's functions, innermost first: those before the first line of JavaScript, behind which there are the playground's own.
fn backtrace(thrown: &JsValue, longer: isize) -> Vec<String> {
    let stack = Reflect::get(thrown, &"stack".into()).ok().and_then(|stack| stack.as_string());
    let stack = stack.unwrap_or_default();
    let frames =
        stack.lines().map(str::trim).skip_while(|line| !is_frame(line)).take_while(|line| is_frame(line));
    frames.enumerate().map(|(index, line)| format!("  {index:>3}: {}", frame(line, longer))).collect()
}

fn is_frame(line: &str) -> bool {
    line.contains("wasm-function[")
}

/// `at name (wasm://wasm/name-1234:wasm-function[5]:0x67)` as `0x67 - name`; as it is where a browser writes something else.
fn frame(line: &str, longer: isize) -> String {
    let line = line.strip_prefix("at ").unwrap_or(line);
    let (before, place) = line.split_once("wasm-function[").unwrap_or((line, ""));
    let name = before.split_once(" (").or_else(|| before.split_once('@')).map_or("", |(name, _)| name);
    let place = place.trim_end_matches(')').split_once("]:0x");
    let place = place.and_then(|(index, at)| Some((index, usize::from_str_radix(at, 16).ok()?)));
    let Some((index, at)) = place else { return short(line) };
    let name = if name.is_empty() { format!("<wasm function {index}>") } else { short(name) };
    format!("{:#8x} - {name}", at.saturating_add_signed(-longer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_shown_as_the_command_shows_it() {
        for (line, expected) in [
            ("at my_filter::run (wasm://wasm/my-0a1b:wasm-function[5]:0x69)", "    0x67 - my_filter::run"),
            ("at wasm://wasm/0a1b:wasm-function[5]:0x678b", "  0x6789 - <wasm function 5>"),
            ("at a\rb (wasm://wasm/0a1b:wasm-function[5]:0x69)", "    0x67 - a\\rb"),
            (
                "run@http://127.0.0.1/engine.js line 1 > WebAssembly.Module:wasm-function[5]:0x69",
                "    0x67 - run",
            ),
            ("<?>.wasm-function[5]@[wasm code]", "<?>.wasm-function[5]@[wasm code]"),
        ] {
            assert!(is_frame(line));
            assert_eq!(frame(line, 2), expected);
        }
        for (message, expected) in [
            ("Maximum call stack size exceeded", true),
            ("Maximum call stack size exceeded.", true),
            ("too much recursion", true),
            ("Invalid typed array length: 7", false),
        ] {
            assert_eq!(is_too_deep(message), expected, "{message}");
        }
        assert!(!is_frame("at imports.wbg.__wbg_apply (http://127.0.0.1/engine.js:1:2)"));
    }
}
