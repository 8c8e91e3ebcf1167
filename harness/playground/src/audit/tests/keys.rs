use portcullis_audit_chain::{Chain, Form, Keys as SigningKeys, MacKey, Signature, Signer, hex};
use serde_json::{Value, json};

use super::*;

const KEY: &str = "audit.example+c271e3d6+AeMR4ZsVJXi6p85fhlmE0XJhcFFlF3eoRiccRfj2ZyqO";

#[test]
fn a_key_vouches_or_is_told_to_be_none_without_being_repeated() {
    let trust = |keys: Value| verify(dropped(FILE), &keys.to_string());
    let it: Value = serde_json::from_str(&trust(json!({"verifierKeys": [KEY]})).unwrap()).unwrap();
    let chain = &it["chains"][0];
    assert_eq!((&it["isIntact"], &chain["signedCheckpoints"]), (&json!(true), &chain["checkpoints"]));
    let before =
        "4 records before a gap and behind the last checkpoint: nothing vouches for what is in such a place";
    assert_eq!(it["remarks"], json!([before, OPEN]));
    assert!(chain["checkpoints"].as_u64() > Some(0), "{chain}");
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let it: Value = serde_json::from_str(&trust(json!({"verifierKeys": ["", other]})).unwrap()).unwrap();
    assert_eq!((&it["isIntact"], &it["findings"][0]["code"]), (&json!(false), &json!("wrong_key")));
    let error = trust(json!({"verifierKeys": [other, "secret"]})).unwrap_err();
    assert_eq!(error.member, "verifierKeys");
    assert!(
        error.problem.starts_with("key 2 cannot be read: ") && !error.problem.contains("secret+"),
        "{error}"
    );
    let error = trust(json!({"macKeys": ["hunter2"]})).unwrap_err();
    assert_eq!(error.member, "macKeys");
    assert!(
        error.problem.starts_with("key 1 cannot be read: ") && !error.problem.contains("hunter2"),
        "{error}"
    );
    assert!(trust(json!({"keys": []})).unwrap_err().problem.starts_with("trust: unknown field `keys`"));
}

/// A chain that has come to its end, with a checkpoint that is signed by this key.
fn complete(key: &str) -> String {
    let mut chain = Chain::new([7; 16], Form::Member, String::new());
    let mut signer = Signer::for_chain(&SigningKeys::Mac(MacKey::parse(key).unwrap()), chain.uid());
    let line = |(number, kind): (usize, &str)| {
        let checkpoint = chain.checkpoint();
        let audit = match kind {
            "checkpoint" => {
                let Signature::Mac { epoch, mac } = signer.sign(&checkpoint) else { unreachable!() };
                let (mac, root, size) = (hex::lower(&mac), checkpoint.root_text(), checkpoint.size);
                format!(r#""epoch":{epoch},"kind":"checkpoint","mac":"{mac}","root":"{root}","size":{size}"#)
            }
            kind => format!(r#""kind":"{kind}""#),
        };
        let id = format!("{}-{number}", chain.uid());
        let record = format!(
            r#"{{"metadata":{{"sequence":{number},"uid":"{id}"}},"unmapped":{{"audit":{{{audit}}}}}}}"#
        );
        let mut record = record.into_bytes();
        let place = record.len() - 2;
        chain.seal(&mut record, place);
        String::from_utf8(record).unwrap() + "\n"
    };
    ["genesis", "other", "checkpoint", "stop"].into_iter().enumerate().map(line).collect()
}

#[test]
fn a_chain_that_has_ended_and_is_signed_leaves_nothing_open() {
    let (key, other) = ("05".repeat(32), "06".repeat(32));
    let file = complete(&key);
    let of = |keys: &[&str], bytes: &str| -> Value {
        let trust = json!({"macKeys": keys, "isRequired": !keys.is_empty()});
        serde_json::from_str(&verify(dropped(bytes), &trust.to_string()).unwrap()).unwrap()
    };
    let told = |it: &Value| ["isIntact", "remarks"].map(|name| it[name].clone());
    let signed = of(&[&key], &file);
    assert_eq!(told(&signed), [json!(true), json!([])]);
    assert_eq!(
        (&signed["chains"][0]["isOpen"], &signed["chains"][0]["signedCheckpoints"]),
        (&json!(false), &json!(1))
    );
    let keyless = "no key was given: whoever can write these files can have made all hashes anew";
    assert_eq!(told(&of(&[], &file)), [json!(true), json!([keyless])]);
    let begun: String = file.lines().take(3).map(|line| format!("{line}\n")).collect();
    assert_eq!(told(&of(&[&key], &begun)), [json!(true), json!([OPEN])]);
    let wrong = of(&[&other], &file);
    assert_eq!((&wrong["isIntact"], &wrong["findings"][0]["code"]), (&json!(false), &json!("wrong_mac")));
}

#[test]
fn a_signature_may_be_asked_of_every_chain() {
    let begun: String = FILE.lines().take(2).map(|line| format!("{line}\n")).collect();
    let trust = |trust: Value| verify(dropped(begun.as_str()), &trust.to_string());
    let of = |is_required: bool| -> Value {
        let asked = json!({"verifierKeys": [KEY], "isRequired": is_required});
        serde_json::from_str(&trust(asked).unwrap()).unwrap()
    };
    assert_eq!(of(false)["isIntact"], true);
    let unsigned = "1 chain with no checkpoint that vouches for it: whoever can write these files can have made all its hashes anew";
    assert_eq!(of(false)["remarks"], json!([OPEN, unsigned]));
    assert_eq!(of(true)["findings"][0]["code"], "not_vouched");
    assert_eq!(
        trust(json!({"isRequired": true})).unwrap_err(),
        refused("isRequired", "give the key as well")
    );
}
