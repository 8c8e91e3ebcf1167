use super::*;

const OCSF: &str = include_str!("../../tests/records/request.ocsf.json");
const ECS: &str = include_str!("../../tests/records/request.ecs.json");

fn row(record: &str) -> Row<'_> {
    Row::read(record.as_bytes()).unwrap()
}

fn problem(record: &[u8]) -> String {
    Row::read(record).unwrap_err().to_string()
}

/// All fields that a row has, as text.
fn told(row: &Row<'_>) -> Vec<String> {
    let told = Field::ALL.iter().filter_map(|field| Some((field, row.value(*field)?)));
    told.map(|(field, value)| format!("{} {value:?}", field.name())).collect()
}

#[test]
fn a_request_has_the_same_row_in_both_schemas() {
    let (ocsf, ecs) = (row(OCSF), row(ECS));
    assert_eq!((ocsf.schema(), ecs.schema()), (Schema::Ocsf, Schema::Ecs));
    let but = |row, names: &[&str]| -> Vec<_> {
        let all = told(row);
        all.into_iter().filter(|line| !names.contains(&line.split(' ').next().unwrap())).collect()
    };
    // The hashes are over other bytes; a class is what OCSF has, one reason what ECS has.
    let other = ["hash", "class_uid", "activity", "details"];
    assert_eq!(but(&ocsf, &other), but(&ecs, &other));
    assert_eq!(ocsf.text(Field::Activity), Some("Get"));
    assert_eq!(ecs.text(Field::Activity), Some("get"));
    let missing: Vec<_> = Field::ALL.iter().filter(|field| ocsf.value(**field).is_none()).collect();
    assert_eq!(missing, [&Field::GrpcStatus, &Field::Count, &Field::Operation, &Field::Stage]);
}

#[test]
fn a_denial_has_its_filter_and_its_reason() {
    let row = row(OCSF);
    assert_eq!((row.decision(), row.kind()), (Decision::Denied, "request"));
    assert_eq!((row.text(Field::Filter), row.text(Field::Reason)), (Some("jwt-auth"), Some("jwt_expired")));
    assert_eq!(row.integer(Field::Time), Some(1_790_000_000_000));
    assert_eq!(row.value(Field::Duration), Some(&Value::Double(12.0)));
    let addresses = vec!["198.51.100.7".into(), "203.0.113.9".into()];
    assert_eq!(row.value(Field::ForwardedFor), Some(&Value::List(addresses)));
    assert_eq!(row.count(), 1);
}

#[test]
fn the_other_form_of_integrity_is_read_as_well() {
    let record = r#"{"attestation_list":[{"chain_uid":"c","fingerprint":{"value":"h"},"prev_event":{"fingerprint":{"value":"p"}}}],
        "class_uid":4002,"metadata":{"uid":"c-7"}}"#;
    let row = row(record);
    let found = [Field::Chain, Field::Hash, Field::Previous].map(|field| row.text(field).unwrap());
    assert_eq!((found, row.integer(Field::Sequence)), (["c", "h", "p"], Some(7)));
}

#[test]
fn a_method_that_ocsf_does_not_know_is_an_activity_or_among_what_is_ours() {
    let record = r#"{"activity_id":99,"activity_name":"PROPFIND","class_uid":4002}"#;
    assert_eq!(row(record).text(Field::Method), Some("PROPFIND"));
    let record = r#"{"activity_id":99,"activity_name":"List","class_uid":6003,"unmapped":{"audit":{"method":"PROPFIND"}}}"#;
    assert_eq!(row(record).text(Field::Method), Some("PROPFIND"));
}

#[test]
fn an_operation_is_the_action_of_an_api_in_ecs() {
    let of = |category: &str| {
        format!(
            r#"{{"event":{{"action":"Orders/List","category":["{category}"]}},"portcullis":{{"audit":{{}}}}}}"#
        )
    };
    assert_eq!(row(&of("api")).text(Field::Operation), Some("Orders/List"));
    assert_eq!(row(&of("web")).text(Field::Operation), None);
}

#[test]
fn what_writers_say_of_themselves_is_of_another_kind() {
    let record = r#"{"activity_id":99,"activity_name":"loss","class_uid":1008,"count":17,"time":1,
        "unmapped":{"audit":{"kind":"loss","reason":"queue_full"}}}"#;
    let row = row(record);
    assert_eq!((row.kind(), row.count(), row.text(Field::Reason)), ("loss", 17, Some("queue_full")));
    assert_eq!((row.text(Field::Decision), row.text(Field::Activity)), (None, Some("loss")));
    assert!(!row.is_request());
}

#[test]
fn what_is_missing_or_of_another_type_is_nothing() {
    for record in [
        r#"{"class_uid":4002}"#,
        r#"{"class_uid":4002,"time":"soon","http_request":[1,{"url":2}],"actor":7,"http_response":{"code":{}},"duration":"12s","count":true}"#,
        r#"{"class_uid":4002,"http_request":{"x_forwarded_for":{"a":1},"url":null,"version":[],"body_length":1e300}}"#,
        r#"{"class_uid":4002,"count":123456789012345678901234567890,"src_endpoint":{"port":4294967296},"time":-1}"#,
        r#"{"class_uid":4002,"time":99999999999999999,"unmapped":{"audit":{"decisions":[1,[],{"action":[]},{"filter":1},{"action":"allowed"}]}}}"#,
    ] {
        let row = row(record);
        let found: Vec<_> = told(&row).into_iter().filter(|line| !line.contains("forwarded_for")).collect();
        assert_eq!(
            found,
            ["kind Text(\"request\")", "decision Text(\"other\")", "class_uid Integer(4002)"],
            "{record}"
        );
    }
    let record = r#"{"class_uid":4002,"http_request":{"x_forwarded_for":["a",1,null,{"b":[]},"\u0063"]}}"#;
    assert_eq!(row(record).value(Field::ForwardedFor), Some(&Value::List(vec!["a".into(), "c".into()])));
}

#[test]
fn numbers_may_be_written_in_other_ways() {
    let record =
        r#"{"class_uid":4002,"count":2.0,"duration":0.5,"http_response":{"code":"404"},"time":1.79e12}"#;
    let row = row(record);
    let found = [Field::Count, Field::Status, Field::Time].map(|field| row.integer(field).unwrap());
    assert_eq!(found, [2, 404, 1_790_000_000_000]);
    assert_eq!(row.value(Field::Duration), Some(&Value::Double(0.5)));
}

#[test]
fn a_broken_line_says_what_is_wrong_with_it_and_where() {
    for (record, expected) in [
        (&b"{\"class_uid\":4002,\"time\":17"[..], "half a record: the line ends in the middle of it"),
        (b"{\"class_uid\":4002,}", "no record: trailing comma at column 19"),
        (b"{\"class_uid\":4002}}", "no record: trailing characters at column 19"),
        (b"{\"class_uid\":4002,\"time\":1e400}", "no record: number out of range at column 30"),
        (b"{\"class_uid\":1,\"class_uid\":2}", "no record: a member stands there twice at column 26"),
        (
            b"{\"class_uid\":4002,\"status_detail\":\"\xff\"}",
            "no record: invalid unicode code point at column 36",
        ),
        (b"{\"msg\":\"hello\"}", "JSON, but no audit record"),
        (
            b"{\"@timestamp\":\"2026-01-01T00:00:00Z\",\"ecs\":{\"version\":\"9.0\"}}",
            "JSON, but no audit record",
        ),
    ] {
        assert_eq!(problem(record), expected, "{}", String::from_utf8_lossy(record));
    }
}

#[test]
fn no_depth_is_too_deep() {
    let deep = format!("{{\"class_uid\":4002,\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(row(&deep).integer(Field::ClassUid), Some(4002));
    let deep =
        format!("{{\"class_uid\":4002,\"http_request\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(row(&deep).integer(Field::ClassUid), Some(4002));
    let list = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = format!("{{\"class_uid\":4002,\"unmapped\":{{\"audit\":{{\"decisions\":{list}}}}}}}");
    assert!(problem(deep.as_bytes()).starts_with("no record: recursion limit exceeded at column "));
}

#[test]
fn texts_without_escapes_are_not_copied() {
    let row = row(OCSF);
    assert!(matches!(row.value(Field::Path), Some(Value::Text(Cow::Borrowed("/orders/7")))));
    let escaped = Row::read(br#"{"class_uid":4002,"status_detail":"a\n"}"#).unwrap();
    assert!(matches!(escaped.value(Field::Details), Some(Value::Text(Cow::Owned(text))) if text == "a\n"));
}
