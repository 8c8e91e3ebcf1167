//! Bodies that the host compresses.

use super::*;
use crate::HostError;
use crate::testing::TestFunction;

fn compressed(compress: Option<TestFunction>) -> World {
    let mut world = World::new(Destination { compression: true, ..over_http() });
    world.host.foreign.extend(compress.map(|function| ("compress", function)));
    world
}

fn encoding(world: &World, call: usize) -> Option<String> {
    let mut headers = world.host.calls[call].headers.iter();
    headers.find(|(name, _)| name == "content-encoding").map(|(_, value)| value.clone())
}

fn asked(world: &World) -> u32 {
    world.host.foreign_calls.get("compress").copied().unwrap_or_default()
}

#[test]
fn the_host_compresses_a_batch_once() {
    let mut world = compressed(Some(|body| Ok([b"short: ", body].concat())));
    world.write(&["a", "b"]);
    world.answer("503", "");
    world.tick_after(second(1));
    assert_eq!(world.sent(), ["short: a\nb", "short: a\nb"]);
    assert_eq!(
        (encoding(&world, 0).as_deref(), encoding(&world, 1).as_deref()),
        (Some("deflate"), Some("deflate"))
    );
    world.answer("200", "");
    assert_eq!((asked(&world), world.counts().sent), (1, 2));
}

#[test]
fn a_host_that_cannot_is_asked_once_and_gets_everything_as_it_is() {
    for failing in [None, Some((|_| Err(HostError(4))) as TestFunction), Some(|_| Ok(Vec::new()))] {
        let mut world = compressed(failing);
        world.write(&["a", "b", "c", "d"]);
        world.answer("200", "");
        assert_eq!(world.sent(), ["a\nb", "c\nd"]);
        assert_eq!((encoding(&world, 0), encoding(&world, 1), asked(&world)), (None, None, 1));
        assert_eq!(world.host.log.len(), 1);
        assert!(world.host.log[0].starts_with("WARN: test: the server \"c\" gets everything uncompressed: "));
    }
}

#[test]
fn nobody_is_asked_where_it_is_off() {
    let mut world = World::new(over_http());
    world.host.foreign.insert("compress", |_| Ok(b"short".to_vec()));
    world.write(&["a", "b"]);
    assert_eq!((world.sent(), encoding(&world, 0), asked(&world)), (vec!["a\nb".to_owned()], None, 0));
}
