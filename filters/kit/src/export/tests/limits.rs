//! When something is sent, and what there is room for.

use super::*;
use crate::UnixTime;
use crate::export::Reason;

#[test]
fn a_full_batch_is_sent_at_once_and_a_lone_item_when_it_has_waited() {
    let mut world = World::new(over_http());
    world.write(&["a"]);
    world.tick_after(second(4));
    assert!(world.sent().is_empty());
    world.tick_after(second(1));
    assert_eq!(world.sent(), ["a"]);
    world.answer("200", "");
    world.write(&["b", "c", "d"]);
    assert_eq!(world.sent(), ["a", "b\nc"], "one call at a time");
    world.answer("204", "");
    world.tick_after(second(5));
    assert_eq!(world.sent(), ["a", "b\nc", "d"]);
    world.answer("200", "");
    assert_eq!(world.counts(), Counts { sent: 4, ..Counts::default() });
    assert_eq!(world.counts(), Counts::default(), "told once");
    assert!(world.exporter.is_empty() && world.losses().is_empty() && world.host.log.is_empty());
}

#[test]
fn a_batch_is_also_full_by_its_bytes() {
    let mut world = World::new(Destination { batch: 100, queue: 100, ..over_http() });
    let lines = ["a", "b", "c"].map(|letter| letter.repeat(500));
    world.write(&[&lines[0], &lines[1]]);
    assert!(world.sent().is_empty());
    world.write(&[&lines[2]]);
    assert_eq!(world.sent(), [format!("{}\n{}", lines[0], lines[1])], "no more than 1 KiB");
    let long = "d".repeat(2000);
    world.write(&[&long]);
    world.answer("200", "");
    world.answer("200", "");
    assert_eq!(world.sent()[1..], [lines[2].clone(), long], "a long one goes alone");
}

#[test]
fn what_does_not_fit_comes_back() {
    let mut world = World::new(over_http());
    // Two of them are under way.
    assert!(world.write(&["a", "b", "c", "d"]) && !world.exporter.has_room(0));
    let rest = world.exporter.enqueue("e".to_owned(), &mut world.host);
    assert_eq!(rest, Err((Reason::QueueFull, "e".to_owned())));
    assert_eq!(world.counts(), Counts { dropped_queue_full: 1, ..Counts::default() });
    assert!(world.losses().is_empty(), "the owner has it back");
    world.answer("200", "");
    assert!(world.write(&["e", "f"]));
    assert_eq!(world.exporter.len(), 4);
}

#[test]
fn the_queue_has_a_bound_in_bytes_too() {
    let mut world = World::new(Destination { batch: 2, queue: 100, ..over_http() });
    let long = "a".repeat(1000);
    // A batch of one under way, and three that wait.
    assert!(world.write(&[&long, &long, &long, &long]));
    assert_eq!((world.exporter.len(), world.exporter.queued_bytes()), (4, 4000));
    assert!(
        world.exporter.has_room(96) && !world.exporter.has_room(97) && !world.exporter.has_room(usize::MAX)
    );
    assert!(!world.write(&[&long]));
    world.answer("200", "");
    assert_eq!((world.exporter.len(), world.exporter.queued_bytes()), (3, 3000));
    assert!(world.write(&[&long]));
    assert_eq!(world.counts(), Counts { sent: 1, dropped_queue_full: 1, ..Counts::default() });
}

#[test]
fn the_age_is_that_of_the_oldest_that_is_kept() {
    let mut world = World::new(over_http());
    let start = UnixTime::from_secs(1_800_000_000);
    assert_eq!(world.exporter.oldest(), None);
    for (seconds, line) in (0..).zip(["a", "b", "c"]) {
        assert_eq!(world.host.now, start.saturating_add(second(seconds)));
        world.write(&[line]);
        world.host.advance(second(1));
        assert_eq!(world.exporter.oldest(), Some(start));
    }
    world.answer("200", "");
    assert_eq!(world.exporter.oldest(), Some(start.saturating_add(second(2))));
    world.tick_after(second(4));
    assert_eq!(world.exporter.oldest(), Some(start.saturating_add(second(2))), "under way");
    world.answer("200", "");
    assert_eq!(world.exporter.oldest(), None);
}

#[test]
fn a_call_says_what_it_carries() {
    let headers = vec![("X-Key".to_owned(), "k v".to_owned())];
    let mut world = World::new(Destination { path: Some("/other".to_owned()), headers, ..over_http() });
    world.write(&["a", "b"]);
    let expected = [
        (":method", "POST"),
        (":authority", "c"),
        (":path", "/other"),
        ("content-type", "text/plain"),
        ("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION"))),
        ("x-key", "k v"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((&world.host.calls[0].headers[..], world.host.calls[0].timeout), (&expected[..], second(2)));
    let mut world = World::new(over_grpc());
    world.write(&["a", "b"]);
    assert_eq!(world.host.calls[0].headers[0].1, "/test.v1.Lines/Export");
    assert_eq!(world.sent(), ["a\nb"]);
}

#[test]
fn everything_is_sent_when_there_is_no_time_left() {
    let mut world = World::new(Destination { queue: 10, ..over_http() });
    world.write(&["a", "b", "c", "d", "e"]);
    assert_eq!(world.sent(), ["a\nb"]);
    world.exporter.flush(&mut world.host);
    assert_eq!(world.sent(), ["a\nb"], "the first has not been answered");
    world.answer("200", "");
    world.answer("200", "");
    assert_eq!(world.sent(), ["a\nb", "c\nd", "e"], "nothing waits");
    world.write(&["f"]);
    world.answer("200", "");
    assert_eq!(world.sent()[3..], ["f"], "nor does what comes meanwhile");
    world.answer("200", "");
    assert!(world.exporter.is_empty());
    world.tick_after(second(1));
    world.write(&["g"]);
    world.tick_after(second(1));
    assert_eq!(world.sent().len(), 4, "that was all; now it is as before");
}

#[test]
fn a_flush_does_not_wait_for_a_pause_but_once() {
    let mut world = World::new(over_http());
    world.write(&["a", "b"]);
    world.answer_with(&[(":status", "503"), ("retry-after", "60")], "");
    world.exporter.flush(&mut world.host);
    assert_eq!(world.sent().len(), 2);
    world.answer("503", "");
    world.exporter.flush(&mut world.host);
    assert_eq!(world.sent().len(), 2, "it is still failing");
    world.tick_after(second(2));
    assert_eq!(world.sent().len(), 3);
}
