//! Plugins before a TCP proxy.

use portcullis_envoy::EnvoyTarget;
use portcullis_scenario::Target;
use portcullis_sim::tcp::{Conversation, Said, TcpExchange};
use portcullis_sim::{Reachability, Setup};

use crate::{messages, start, start_all};

fn converse(target: &mut EnvoyTarget, steps: &[Said]) -> TcpExchange {
    target.converse(&Conversation { worker: None, steps: steps.to_vec() }).unwrap()
}

fn client(text: &str) -> Said {
    Said::ByClient(text.as_bytes().to_vec())
}

fn upstream(text: &str) -> Said {
    Said::ByUpstream(text.as_bytes().to_vec())
}

fn exchange(to_upstream: &str, to_client: &str) -> TcpExchange {
    TcpExchange {
        to_upstream: to_upstream.as_bytes().to_vec(),
        to_client: to_client.as_bytes().to_vec(),
        closed_by_proxy: false,
    }
}

#[test]
fn a_plugin_sees_both_directions() {
    let mut target = start("shout", b"").unwrap();
    let steps = [client("a"), upstream("b"), client("c")];
    assert_eq!(converse(&mut target, &steps), exchange("!a!c", "?b"));
    assert_eq!(converse(&mut target, &[upstream("first")]), exchange("", "?first"));
    assert_eq!(converse(&mut target, &[]), exchange("", ""));
}

#[test]
fn an_end_that_has_closed_still_hears() {
    let mut target = start("shout", b"").unwrap();
    assert_eq!(converse(&mut target, &[Said::ClientCloses, upstream("b")]), exchange("", "?b"));
    assert_eq!(converse(&mut target, &[Said::UpstreamCloses, client("a")]), exchange("!a", ""));
}

#[test]
fn the_proxy_closes_what_it_cannot_carry() {
    let closed = TcpExchange { closed_by_proxy: true, ..TcpExchange::default() };
    let mut target = start("shout", b"").unwrap();
    target.tolerate_traps().unwrap();
    assert_eq!(converse(&mut target, &[client("Trap"), upstream("b")]), closed);
    assert_eq!(
        messages(&mut target),
        ["Function: proxy_on_downstream_data failed: Uncaught RuntimeError: unreachable"]
    );
    let setup = Setup { upstream: Reachability::NoHealthyHost, ..Setup::of("") };
    let mut target = start_all(&["shout"], &setup).unwrap();
    assert_eq!(converse(&mut target, &[client("a")]), closed);
}
