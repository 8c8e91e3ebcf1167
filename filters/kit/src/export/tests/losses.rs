//! What the owner learns of what is lost.

use super::*;
use crate::export::Reason;

#[test]
fn the_mark_of_a_lost_batch_comes_back_once() {
    let mut world = World::new(over_http());
    world.write(&["a", "b", "c", "d"]);
    world.answer("400", "");
    let lost = Loss { reason: Reason::Refused, count: 2, of: 2, mark: mark("a", "b") };
    assert_eq!((world.losses(), world.losses()), (vec![lost], vec![]));
    assert_eq!(world.host.log, ["WARN: test: the server \"c\" has refused 2 lines: status 400"]);
    world.answer("200", "");
    assert_eq!(world.counts(), Counts { sent: 2, dropped_refused: 2, ..Counts::default() });
    assert!(world.losses().is_empty(), "c and d have been taken");
}

#[test]
fn of_a_batch_that_was_taken_in_part_the_owner_learns_how_many_are_missing() {
    for (said, refused, sent) in [("1 too old", 1, 1), ("99 ", 2, 0)] {
        for is_grpc in [false, true] {
            let mut world = World::new(if is_grpc { over_grpc() } else { over_http() });
            world.write(&["a", "b"]);
            match is_grpc {
                true => world.answer_grpc(&GrpcAnswer::Message(said.into())),
                false => world.answer("200", said),
            }
            let lost = Loss { reason: Reason::Refused, count: refused, of: 2, mark: mark("a", "b") };
            assert_eq!(world.losses(), [lost]);
            let expected = Counts { sent, dropped_refused: refused, partial: 1, ..Counts::default() };
            assert_eq!(world.counts(), expected);
            world.tick_after(second(60));
            assert_eq!(world.sent().len(), 1, "a partial success is a success");
        }
    }
}

#[test]
fn a_warning_is_told_once_and_costs_nothing() {
    let mut world = World::new(over_http());
    for _ in 0..3 {
        world.write(&["a", "b"]);
        world.answer("200", "0 use the\nother path");
    }
    assert_eq!(world.counts(), Counts { sent: 6, ..Counts::default() });
    assert_eq!(
        world.host.log,
        ["WARN: test: the server \"c\" has taken 2 lines, and says: use the other path"]
    );
}

#[test]
fn who_gave_up_says_on_what() {
    let mut world = World::new(Destination { patience: Some(Span::from_secs(10)), ..over_http() });
    world.write(&["a", "b"]);
    world.answer_with(&[(":status", "503"), ("retry-after", "10")], "");
    assert!(world.losses().is_empty(), "just in time");
    world.tick_after(second(10));
    world.answer("503", "");
    let lost = Loss { reason: Reason::Failed, count: 2, of: 2, mark: mark("a", "b") };
    assert_eq!(world.losses(), [lost]);
    assert_eq!(Reason::Failed.as_str(), "failed");
}

#[test]
fn the_payload_says_which_statuses_are_final() {
    for (status, is_final) in [("500", false), ("503", false), ("502", true), ("401", true)] {
        let mut world = World::new(over_http());
        world.write(&["a", "b"]);
        world.answer(status, "");
        assert_eq!(world.losses().len() == 1, is_final, "{status}");
        assert_eq!(world.exporter.is_empty(), is_final, "{status}");
    }
}
