use portcullis_audit_chain::{NoteKey, VerifierKey};

use super::Files;

#[test]
fn a_pair_of_keys_is_made() {
    let files = Files::new();
    let [made, other] = [(); 2].map(|()| files.audit(&["key", "audit.example"]));
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    assert_ne!(made.out, other.out);
    let [secret, public] = made.out.lines().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(NoteKey::parse(secret).unwrap().verifier(), VerifierKey::parse(public).unwrap());
    let ran = files.audit(&["key", "two words"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("\"two words\": the name of a key is not empty"), "{}", ran.err);
}

#[test]
fn keys_and_files_that_are_none_are_told_before_anything_is_read() {
    let files = Files::new();
    files.write("empty.jsonl", "");
    files.write("other.log", "[info] x\n");
    files.write("other.json", "{\"type\":\"object\"}\n");
    files.write("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    files.write("bad.note", "portcullis.audit/x\n");
    for (arguments, expected) in [
        (&["audit.jsonl", "--key", "x"][..], "--key: a key has the form <name>+<key id>+<base64>"),
        (
            &["audit.jsonl", "--key", "PRIVATE+KEY+a+00000000+secret"],
            "--key: this is the signing key; give the one to verify with, which has no PRIVATE+KEY+",
        ),
        (
            &["audit.jsonl", "--require-signed"],
            "--require-signed: give the key as well, by --key or --mac-key",
        ),
        (&["audit.jsonl", "none.jsonl"], "none.jsonl: No such file or directory (os error 2)"),
        (&["audit.jsonl", "--mac-key", "none"], "none: No such file or directory (os error 2)"),
        (&["audit.jsonl", "--checkpoints", "none"], "none: No such file or directory (os error 2)"),
        (
            &["audit.jsonl", "--checkpoints", "other.log"],
            "other.log: no checkpoint in it, neither as a record nor as a note",
        ),
        (
            &["audit.jsonl", "--checkpoints", "bad.note"],
            "bad.note:1: no note of a chain: that has its name, a number, a root and a hash, each on a line",
        ),
        (&["image.png"], "image.png: no audit record in it: it is an image"),
        (&["other.log", "image.png"], "other.log, image.png: no audit record in it: image.png is an image"),
        (
            &["audit.jsonl", "--checkpoints", "image.png"],
            "image.png: no checkpoint in it, neither as a record nor as a note: it is an image",
        ),
        (&["empty.jsonl"], "empty.jsonl: no audit record in it: it is empty"),
        (
            &["empty.jsonl", "other.log"],
            "empty.jsonl, other.log: no audit record in it: 1 line of something else",
        ),
        (
            &["other.json", "--format", "json"],
            "other.json: no audit record in it: 1 line of something else (line 1: no audit record: it has not a member `integrity` or `attestation_list`)",
        ),
    ] {
        let ran = files.audit(&[&["verify"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str(), ran.err), (2, "", format!("portcullis: {expected}\n")));
    }
}
