//! What is done for a request that passes.

use portcullis_jwt_auth::JwtAuth;
use portcullis_kit::testing::TestHost;
use portcullis_kit::{HttpFilter, StreamId};
use serde_json::json;

use crate::common::{NOW, bearer, config, filter, tokens};

#[test]
fn a_proxy_that_refuses_is_told_of_once() {
    let mut filter = filter(&config(json!({"clear_route_cache": true})));
    // It knows no foreign functions.
    let mut host = TestHost::at(NOW.as_secs());
    for _ in 0..3 {
        let mut stream = <JwtAuth as HttpFilter>::Stream::default();
        let mut request = bearer(tokens()["good_es256"].as_bytes());
        filter.on_request_headers((StreamId(2), &mut stream), &mut request, &mut host).unwrap();
    }
    let told: Vec<_> =
        host.log.iter().filter(|line| line.contains("the route was not picked anew")).collect();
    assert!(told.len() == 1 && told[0].starts_with("WARN"), "{:?}", host.log);
}
