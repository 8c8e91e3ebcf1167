//! Instances that share an exporter, and go.

use super::*;
use crate::export::Reason;

#[test]
fn the_next_instance_sends_what_is_left() {
    let mut world = World::new(over_http());
    world.write(&["a", "b", "c"]);
    let next = world.exporter.share();
    let mut former = std::mem::replace(&mut world.exporter, next);
    former.leave();
    // What it sees to its end now is sent by the other one.
    former.enqueue("d".to_owned(), &mut world.host).unwrap();
    former.send_what_is_due(&mut world.host);
    assert_eq!(world.sent().len(), 1, "nobody would hear the answer");
    world.tick_after(second(1));
    assert_eq!(world.sent(), ["a\nb", "a\nb"], "the call ended with the instance");
    world.answer("200", "");
    world.answer("200", "");
    assert_eq!(world.counts(), Counts { sent: 4, retries: 1, ..Counts::default() });
    former.leave();
    assert!(world.write(&["e"]), "who has left does not leave again");
}

#[test]
fn a_call_of_one_that_stays_is_not_repeated() {
    let mut world = World::new(over_http());
    let mut former = world.exporter.share();
    world.write(&["a", "b"]);
    former.leave();
    world.tick_after(second(1));
    assert_eq!(world.sent().len(), 1);
    world.answer("200", "");
    assert_eq!(world.counts().sent, 2);
}

#[test]
fn what_the_last_one_leaves_is_lost_and_told() {
    let mut world = World::new(over_http());
    world.write(&["a", "b", "c", "d"]);
    world.exporter.leave();
    assert_eq!(
        world.losses(),
        [
            Loss { reason: Reason::Stopped, count: 2, of: 2, mark: mark("a", "b") },
            Loss { reason: Reason::Stopped, count: 2, of: 2, mark: mark("c", "d") }
        ]
    );
    assert!(world.exporter.is_empty() && world.exporter.queued_bytes() == 0);
    let late = world.exporter.enqueue("e".to_owned(), &mut world.host);
    assert_eq!(late, Err((Reason::Stopped, "e".to_owned())));
    assert_eq!(world.counts(), Counts { dropped_stopped: 5, ..Counts::default() });
    world.answer("200", "");
    assert_eq!(world.counts(), Counts::default(), "nobody's answer");
}

#[test]
fn an_empty_one_loses_nothing() {
    let mut world = World::new(over_http());
    world.exporter.leave();
    assert!(world.losses().is_empty() && world.counts() == Counts::default());
}
