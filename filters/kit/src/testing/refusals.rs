//! What a filter says of configurations that it refuses.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that is wrong fails")]

use serde_json::{Value, json};

use super::config::{objects, with};
use crate::HttpFilter;

/// The one line with which a configuration is refused.
///
/// # Panics
/// Where it is accepted.
#[must_use]
pub fn error<F: HttpFilter>(config: &Value) -> String {
    error_of_text::<F>(&config.to_string())
}

/// Whether a configuration is accepted.
#[must_use]
pub fn is_accepted<F: HttpFilter>(config: &Value) -> bool {
    F::configure(config.to_string().as_bytes()).is_ok()
}

/// Checks that each of these is accepted.
///
/// # Panics
/// Where one is not.
pub fn assert_accepted<F: HttpFilter>(configs: impl IntoIterator<Item = Value>) {
    for config in configs {
        let error = F::configure(config.to_string().as_bytes()).err();
        assert_eq!(error, None, "{config}");
    }
}

/// Checks that each of these is refused, in these words.
///
/// # Panics
/// Where one is accepted, or refused in others.
pub fn assert_refused<F: HttpFilter>(cases: &[(Value, &str)]) {
    for (config, expected) in cases {
        assert_eq!(error::<F>(config), *expected);
    }
}

/// Checks that a member that nobody knows is refused and named in every object of a configuration, but for those at these pointers, and says how
/// many objects those were.
///
/// # Panics
/// Where one is accepted, or not named.
pub fn assert_known_members<F: HttpFilter>(full: &Value, may_have_others: impl Fn(&str) -> bool) -> usize {
    let mut pointers = objects(full);
    pointers.retain(|pointer| !may_have_others(pointer));
    for pointer in &pointers {
        for member in ["aaa_unknown", "zzz_unknown"] {
            let error = error::<F>(&with(full.clone(), &format!("{pointer}/{member}"), json!(1)));
            assert!(!error.contains('\n') && error.len() < 500, "{pointer}: {error}");
            let names_it = error.contains(member) || error.contains("expected an object with one member");
            assert!(names_it, "{pointer}: {error}");
        }
    }
    pointers.len()
}

/// Checks that a member of another type is refused with its path, whichever it is.
///
/// # Panics
/// Where one is accepted, or another path named.
pub fn assert_types<F: HttpFilter>(full: &Value) {
    for pointer in objects(full) {
        let members = full.pointer(&pointer).unwrap().as_object().unwrap();
        for member in members.keys() {
            let error = error::<F>(&with(full.clone(), &format!("{pointer}/{member}"), json!(-0.5)));
            let (path, problem) = error.split_once(": ").unwrap();
            // A name may have dots in it.
            let path = path.strip_suffix(member.as_str()).unwrap_or_else(|| panic!("{member}: {error}"));
            let path = path.replace(['[', '.'], "/").replace(']', "");
            assert_eq!(format!("/{path}").replace("//", "/"), format!("{pointer}/"), "{error}");
            assert!(problem.contains(", expected ") || problem.contains("-0.5; write "), "{error}");
        }
    }
}

/// Checks that no list is taken for an object, but for those at these pointers.
///
/// # Panics
/// Where one is.
pub fn assert_no_lists<F: HttpFilter>(full: &Value, may_be_one: impl Fn(&str) -> bool) {
    for pointer in objects(full).iter().filter(|pointer| !may_be_one(pointer)) {
        let list = if pointer.is_empty() { json!([]) } else { with(full.clone(), pointer, json!([])) };
        let error = error::<F>(&list);
        assert!(!error.contains('\n') && error.contains("an object"), "{pointer}: {error}");
    }
}

/// Checks that what is no JSON object is refused, and one that has a member twice, which is in the full configuration.
///
/// # Panics
/// Where it is accepted, or refused in other words.
pub fn assert_json<F: HttpFilter>(full: &Value, twice: &str) {
    for (text, expected) in
        [("", "empty; "), ("{", "not JSON: "), ("7", "invalid type: integer `7`, expected an object")]
    {
        let error = error_of_text::<F>(text);
        assert!(error.starts_with(expected), "{error}");
    }
    let value = full.get(twice).unwrap();
    let text = full.to_string().replacen('{', &format!("{{\"{twice}\":{value},"), 1);
    let error = error_of_text::<F>(&text);
    assert!(error.starts_with(&format!("not JSON: duplicate member `{twice}`")), "{error}");
}

fn error_of_text<F: HttpFilter>(text: &str) -> String {
    match F::configure(text.as_bytes()) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}
