//! Scenario files: whatever stands in one, the parser gives a scenario or says where it stopped.

use portcullis_scenario::Scenario;

fn none(_: &str) -> Result<String, String> {
    Err("there is no other file".into())
}

#[test]
fn any_text() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        // Any text is good or bad; only a panic is wrong.
        let _ = Scenario::load("any.yaml", &text, &none);
    });
}

/// A scenario that is good, cut and changed.
#[test]
fn any_change_of_a_scenario() {
    let good = include_str!("../../scenarios/jwt-auth/readme.yaml");
    bolero::check!().with_type::<Vec<(u16, char)>>().for_each(|changes| {
        let mut text: Vec<char> = good.chars().collect();
        for (at, character) in changes {
            let at = usize::from(*at) % text.len();
            text[at] = *character;
        }
        let text: String = text.into_iter().collect();
        if let Err(error) = Scenario::load("any.yaml", &text, &none) {
            assert!(error.to_string().contains("any.yaml"), "{error}");
        }
    });
}
