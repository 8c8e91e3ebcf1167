//! What the log says of itself.

use portcullis_kit::testing::TestHost;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::checks::audit;
use crate::common::recorder::{Recorder, recorder_at};
use crate::common::{Exchange, NOW, recorder};

#[test]
fn the_first_record_says_who_writes() {
    let mut host = TestHost::at(NOW);
    for (name, value) in
        [("id", "n-1"), ("cluster", "web.shop"), ("metadata.NAME", "web-0"), ("metadata.NAMESPACE", "shop")]
    {
        host.properties.insert(format!("xds.node.{name}"), value.into());
    }
    let config = json!({"sink": {"http": {"cluster": "siem", "path": "/"}}});
    let digest = Sha256::digest(config.to_string());
    let mut recorder = recorder_at(config, host);
    assert_eq!(recorder.lines(), [""; 0], "without requests there is nothing to say");
    recorder.record(&Exchange::plain());
    let genesis = recorder.records().remove(0);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = json!({
        "config": digits, "filter": "audit-log", "kind": "genesis",
        "node": {"cluster": "web.shop", "id": "n-1", "namespace": "shop", "pod": "web-0"},
        "reason": "start", "version": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(*audit(&genesis), expected);
    let integrity = &genesis["unmapped"]["integrity"];
    assert_eq!((&integrity["sequence"], &integrity["previous"]), (&json!(0), &json!("0".repeat(64))));
    let ids = ["activity_id", "category_uid", "class_uid", "log_type_id", "status_id", "type_uid", "time"];
    let ids = ids.map(|name| genesis[name].as_u64().unwrap());
    assert_eq!(ids, [6, 1, 1008, 2, 1, 100_806, NOW * 1000 + 1000]);
    assert_eq!(genesis["log_name"], "portcullis.audit");
    assert_eq!(genesis["metadata"]["log_provider"], "web.shop");
    assert_eq!(genesis["activity_name"], Value::Null);
}

#[test]
fn a_proxy_without_a_node_says_nothing_of_it() {
    let mut recorder = recorder(json!({}));
    recorder.record(&Exchange::plain());
    assert_eq!(audit(&recorder.records()[0])["node"], Value::Null);
}

#[test]
fn a_proxy_without_chance_makes_do_with_its_clock() {
    let mut recorders = [NOW, NOW + 1].map(|now| {
        let mut host = TestHost::at(now);
        host.random = [None, None].into();
        let mut recorder = Recorder::worker(0, host);
        recorder.start(json!({}));
        recorder
    });
    let chains = recorders.each_mut().map(|recorder| {
        recorder.record(&Exchange::plain());
        assert_eq!(
            recorder.logged("WARN"),
            ["audit-log: the proxy has no randomness: the number of the chain comes from its clock"]
        );
        recorder.records()[0]["unmapped"]["integrity"]["chain"].as_str().unwrap().to_owned()
    });
    assert_ne!(chains[0], chains[1]);
}

#[test]
fn in_the_form_of_ocsf_1_9_the_links_stand_elsewhere() {
    let mut host = TestHost::at(NOW);
    host.properties.insert("xds.node.id".into(), b"n-1".to_vec());
    let mut recorder =
        recorder_at(json!({"integrity": {"record_integrity": true, "checkpoint": {"records": 2}}}), host);
    recorder.record(&Exchange::plain());
    let [genesis, request, checkpoint] = recorder.records().try_into().unwrap();
    let chain = "00".repeat(16);
    for record in [&genesis, &request, &checkpoint] {
        assert_eq!(record["unmapped"]["integrity"], Value::Null);
        assert_eq!(record["metadata"]["version"], "1.9.0-dev");
        let profiles = record["metadata"]["profiles"].as_array().unwrap();
        assert!(profiles.contains(&json!("record_integrity")), "{record}");
        let attestation = &record["attestation_list"][0];
        assert_eq!(
            (&attestation["authority_uid"], &attestation["chain_uid"]),
            (&json!("n-1"), &json!(chain))
        );
    }
    let of = |record: &Value| record["attestation_list"][0]["fingerprint"].clone();
    assert_eq!(genesis["attestation_list"][0]["prev_event"], Value::Null);
    let before = json!({"fingerprint": of(&genesis), "uid": format!("{chain}-0")});
    assert_eq!(request["attestation_list"][0]["prev_event"], before);
    assert_eq!((&of(&request)["algorithm_id"], &of(&request)["serialization_id"]), (&json!(3), &json!(2)));
}
