//! What is sent again, and for how long.

use super::*;

#[test]
fn what_may_be_sent_again_is_sent_again_as_it_was_and_later_each_time() {
    let mut world = World::new(over_http());
    world.write(&["a", "b"]);
    for (tries, pause) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        world.answer("503", "");
        // Jitter makes it shorter, and never less than half as long.
        world.tick_after(second(pause) / 2 - Duration::from_millis(1));
        assert_eq!(world.sent().len(), tries, "too soon after try {tries}");
        world.tick_after(second(pause) / 2 + Duration::from_millis(1));
        assert_eq!(world.sent(), vec!["a\nb"; tries + 1], "after try {tries}");
    }
    world.answer("200", "");
    assert_eq!(world.counts(), Counts { sent: 2, retries: 7, ..Counts::default() });
    assert_eq!(
        world.host.log,
        ["WARN: test: the server \"c\" fails: status 503", "INFO: test: the server \"c\" answers again"]
    );
}

#[test]
fn the_pauses_begin_anew_after_an_answer() {
    let mut world = World::new(over_grpc());
    for _ in 0..2 {
        world.write(&["a", "b"]);
        let before = world.sent().len();
        world.answer_grpc(&GrpcAnswer::Status(14));
        world.tick_after(second(1));
        assert_eq!(world.sent().len(), before + 1);
        world.answer_grpc(&GrpcAnswer::Message(Vec::new()));
    }
}

#[test]
fn the_server_may_ask_for_more_and_not_for_less() {
    for (asked, least, most) in [("100", 99, 100), ("0", 0, 1), ("99999", 299, 300)] {
        let mut world = World::new(Destination { patience: None, ..over_http() });
        world.write(&["a", "b"]);
        world.answer_with(&[(":status", "429"), ("retry-after", asked)], "");
        world.tick_after(second(least) + Duration::from_millis(400));
        assert_eq!(world.sent().len(), 1, "{asked}");
        world.tick_after(second(most - least));
        assert_eq!(world.sent().len(), 2, "{asked}");
    }
}

#[test]
fn who_fails_for_too_long_loses_the_batch_and_not_those_behind_it() {
    let mut world = World::new(over_http());
    world.write(&["a", "b", "c"]);
    let mut waited = 0;
    while world.losses().is_empty() {
        world.answer("503", "");
        world.tick_after(second(30));
        waited += 30;
        assert!(waited <= 330);
    }
    assert!(waited > 270, "{waited}");
    assert_eq!(world.counts().dropped_failed, 2);
    world.tick_after(second(30));
    assert_eq!(world.sent().last().unwrap(), "c");
}

#[test]
fn who_never_gives_up_loses_nothing() {
    let mut world = World::new(Destination { patience: None, ..over_http() });
    world.write(&["a", "b", "c"]);
    for _ in 0..2 * 24 * 60 {
        world.answer("503", "");
        world.tick_after(second(30));
    }
    assert!(world.sent().len() > 2000 && world.sent().iter().all(|body| body == "a\nb"));
    world.answer("200", "");
    world.tick_after(second(5));
    world.answer("200", "");
    let counts = world.counts();
    assert_eq!((counts.sent, counts.dropped_failed, world.losses().len()), (3, 0, 0));
}

#[test]
fn a_cluster_without_hosts_is_tried_again() {
    let mut world = World::new(over_http());
    world.host.unreachable = true;
    world.write(&["a", "b"]);
    world.tick_after(second(1));
    assert!(world.sent().is_empty());
    world.host.unreachable = false;
    world.tick_after(second(2));
    assert_eq!(world.sent(), ["a\nb"]);
}

#[test]
fn a_call_that_is_never_answered_holds_up_nobody() {
    let mut world = World::new(over_http());
    world.write(&["a", "b"]);
    world.tick_after(second(7));
    assert_eq!(world.sent().len(), 1);
    world.tick_after(Duration::from_millis(1));
    world.tick_after(second(1));
    assert_eq!(world.sent().len(), 2, "{:?}", world.host.log);
    // The first answer comes after all, and is nobody's.
    let answer = HttpAnswer { headers: [(":status", "200")].into_iter().collect(), ..HttpAnswer::default() };
    world.exporter.on_http_answer(CallId(4), &answer, &mut world.host);
    assert_eq!((world.exporter.len(), world.counts().sent), (2, 0));
}
