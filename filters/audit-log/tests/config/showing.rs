//! What is shown, and who requests are from.

use serde_json::json;

use crate::full::KEY;
use crate::{assert_accepted, assert_refused, error, small, with};

#[test]
fn each_list_of_names_has_its_errors() {
    assert_refused(&[
        (
            with("/show/request_headers", json!(["x-a", "x a"])),
            "show.request_headers[1]: \"x a\" is no header name; write one such as x-env",
        ),
        (
            with("/show/response_headers", json!([":status"])),
            "show.response_headers[0]: \":status\" is no header name; write one such as x-env",
        ),
        (
            with("/show/json", json!([["a"], []])),
            "show.json[1]: empty; write the names on the way to a member, as in [order, id]",
        ),
        (
            with("/show/hidden", json!("plain")),
            "show.hidden: unknown variant `plain`, expected one of `name_only`, `masked`, `keyed`",
        ),
    ]);
}

#[test]
fn a_key_is_for_keyed_marks() {
    let remedy = "write at least 16 random bytes in base64, as from openssl rand -base64 32";
    let show = |hidden: &str, key: Option<&str>| small(json!({"show": {"hidden": hidden, "key": key}}));
    assert_refused(&[
        (show("keyed", None), "show.key: missing; keyed needs one, at least 16 bytes in base64"),
        (show("masked", Some(KEY)), "show.key: nothing uses it; write hidden: keyed, or leave it out"),
        (show("name_only", Some(KEY)), "show.key: nothing uses it; write hidden: keyed, or leave it out"),
        (show("keyed", Some("a passphrase")), &format!("show.key: not base64; {remedy}")),
        (show("keyed", Some("AAECAwQFBgcICQoLDA0O")), &format!("show.key: 15 bytes; {remedy}")),
    ]);
    assert_accepted([show("keyed", Some("AAECAwQFBgcICQoLDA0ODw=="))]);
}

#[test]
fn a_template_says_what_it_hides() {
    let remedy =
        "write a path with {name} for a segment and ** at the end for all below, as in /users/{id}/**";
    assert_refused(&[
        (
            with("/show/paths/0/template", json!("reset/{token}")),
            &format!("show.paths[0].template: \"reset/{{token}}\" is no template; {remedy}"),
        ),
        (
            with("/show/paths/0/show", json!(["step", "nothing"])),
            "show.paths[0].show[1]: \"nothing\" is not in the template; write one of [\"token\", \"step\"]",
        ),
    ]);
}

#[test]
fn where_an_identity_is_has_names() {
    let empty = "empty; write the names on the way to a claim, as in [realm, plan]";
    for (member, value, at) in [
        ("subject", json!([]), "identity.subject"),
        ("tenant", json!([]), "identity.tenant"),
        ("client", json!([""]), "identity.client"),
        ("session", json!([]), "identity.session"),
        ("claims", json!([["a"], []]), "identity.claims[1]"),
    ] {
        assert_eq!(error(&small(json!({"identity": {member: value}}))), format!("{at}: {empty}"));
    }
    for (member, name) in [("tokens", ""), ("failures", "a b"), ("tokens", "a\"b")] {
        let expected = format!(
            "identity.{member}[0]: {name:?}; write the filter_state of a provider in letters, digits, _, . and -"
        );
        assert_eq!(error(&small(json!({"identity": {member: [name]}}))), expected);
    }
}

#[test]
fn claims_have_names_of_their_own() {
    for claims in [json!([["a", "b"], ["c"], ["a", "b"]]), json!([["a.b"], ["c"], ["a", "b"]])] {
        let error = error(&small(json!({"identity": {"claims": claims}})));
        assert!(error.starts_with("identity.claims[2]: ") && error.contains("a.b"), "{error}");
    }
}

#[test]
fn each_member_of_bodies_has_its_error() {
    assert_refused(&[
        (
            with("/bodies/content_types", json!(["application/json; charset=utf-8"])),
            "bodies.content_types[0]: \"application/json; charset=utf-8\" is no type; write one without parameters, as in application/json",
        ),
        (with("/bodies/max_size", json!("0B")), "bodies.max_size: 0B; write from 1B to 64KiB"),
        (with("/bodies/max_size", json!("65KiB")), "bodies.max_size: 65KiB; write from 1B to 64KiB"),
        (with("/bodies/max_held", json!("0B")), "bodies.max_held: 0B; write from 1B to 256MiB"),
        (with("/bodies/max_held", json!("257MiB")), "bodies.max_held: 257MiB; write from 1B to 256MiB"),
    ]);
}
