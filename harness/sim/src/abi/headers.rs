use portcullis_kit::pairs;

use crate::abi::MapType;
use crate::abi::merged::append;
use crate::http::HeaderList;
use crate::stream::{Message, Side, Stream, Window};
use crate::{Hostcall, Refusal, Shown, Sim, Status};

/// What Envoy's decoder of serialized pairs takes; anything beyond reads as no pairs at all.
const PAIRS_BYTES: usize = 1 << 20;
const PAIRS: usize = 1024;

/// How a map is shown in the journal.
struct Map(u32);

impl Shown for Map {
    fn show(&self, line: &mut String) {
        match MapType::of(self.0) {
            Ok(map) => line.push_str(map.name()),
            Err(_) => self.0.show(line),
        }
    }
}

impl Sim {
    /// `proxy_get_header_map_value`: the first value of this name, any case.
    ///
    /// # Errors
    /// `NOT_FOUND`; `BAD_ARGUMENT` where the map cannot be reached now.
    pub fn header_map_value(&mut self, map: u32, name: &[u8]) -> Hostcall<Vec<u8>> {
        let result = self.readable(map).and_then(|fields| {
            let name = MapType::of(map)?.normal(name);
            let found = fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
            found.ok_or_else(|| Refusal::not_found("there is no header of this name"))
        });
        if result.is_err() {
            self.lint_map("proxy_get_header_map_value", map, false);
        }
        self.note("proxy_get_header_map_value", &[&Map(map), &name], result)
    }

    /// `proxy_get_header_map_pairs`: every field; none where the map cannot be reached now, which is no error.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for a map that does not exist.
    pub fn header_map_pairs(&mut self, map: u32) -> Hostcall<HeaderList> {
        let result = MapType::of(map).map(|_| self.readable(map).cloned().unwrap_or_default());
        if result.as_ref().is_ok_and(Vec::is_empty) {
            self.lint_map("proxy_get_header_map_pairs", map, false);
        }
        self.note("proxy_get_header_map_pairs", &[&Map(map)], result)
    }

    /// `proxy_get_header_map_size`: the bytes of all names and values, which is neither their count nor, as the specification
    /// has it, their encoded size.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now, and always for the maps of call-outs.
    pub fn header_map_size(&mut self, map: u32) -> Hostcall<u32> {
        let size = |fields: &HeaderList| fields.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() as u32;
        let result = if self.follows_spec() {
            MapType::of(map).map(|_| self.readable(map).map_or(0, encoded_size))
        } else {
            self.writable(map).map(|(_, fields)| size(fields))
        };
        if result.is_err() {
            self.lint_map("proxy_get_header_map_size", map, false);
        }
        self.note("proxy_get_header_map_size", &[&Map(map)], result)
    }

    /// `proxy_add_header_map_value`.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now.
    pub fn add_header_map_value(&mut self, map: u32, name: &[u8], value: &[u8]) -> Hostcall<()> {
        let result = self.writable(map).map(|(map, fields)| append(map, fields, &map.normal(name), value));
        if result.is_err() {
            self.lint_map("proxy_add_header_map_value", map, true);
        }
        self.note("proxy_add_header_map_value", &[&Map(map), &name, &value], result)
    }

    /// `proxy_replace_header_map_value`: leaves one field of this name.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now.
    pub fn replace_header_map_value(&mut self, map: u32, name: &[u8], value: &[u8]) -> Hostcall<()> {
        let result = self.writable(map).map(|(map, fields)| replace(map, fields, &map.normal(name), value));
        if result.is_err() {
            self.lint_map("proxy_replace_header_map_value", map, true);
        }
        self.note("proxy_replace_header_map_value", &[&Map(map), &name, &value], result)
    }

    /// `proxy_remove_header_map_value`; a name that is not there is no error.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now.
    pub fn remove_header_map_value(&mut self, map: u32, name: &[u8]) -> Hostcall<()> {
        let result = self.writable(map).map(|(map, fields)| {
            let name = map.normal(name);
            fields.retain(|(field, _)| *field != name);
        });
        if result.is_err() {
            self.lint_map("proxy_remove_header_map_value", map, true);
        }
        self.note("proxy_remove_header_map_value", &[&Map(map), &name], result)
    }

    /// `proxy_set_header_map_pairs`; a malformed block clears the map and is no error.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now.
    pub fn set_header_map_pairs(&mut self, map: u32, block: &[u8]) -> Hostcall<()> {
        let pairs = decode_pairs(block);
        let result = self.writable(map).map(|(map, fields)| {
            fields.clear();
            for (name, value) in &pairs {
                append(map, fields, &map.normal(name), value);
            }
        });
        if result.is_err() {
            self.lint_map("proxy_set_header_map_pairs", map, true);
        }
        self.note("proxy_set_header_map_pairs", &[&Map(map), &pairs], result)
    }

    fn readable(&self, id: u32) -> Hostcall<&HeaderList> {
        let map = MapType::of(id)?;
        // The specification has BAD_ARGUMENT for unknown maps alone.
        let spec = self.follows_spec();
        let of_spec = |refusal| if spec { Refusal { status: Status::NotFound, ..refusal } } else { refusal };
        self.reachable(map).map_err(of_spec)
    }

    fn reachable(&self, map: MapType) -> Hostcall<&HeaderList> {
        let Some(side) = map.side() else {
            let received = self.vm().and_then(|vm| vm.calls.received.map(map));
            let is_logging = self.stream().is_some_and(|(stream, _)| stream.logging);
            return received.ok_or_else(|| if is_logging { not_logged(map) } else { no_call_out(map) });
        };
        let (stream, filter) = self.stream().ok_or_else(|| no_stream(map))?;
        let message = stream.message(side);
        if stream.logging {
            return logged(map, message, self.follows_spec());
        }
        let half = filter.half(side);
        let (window, fields) = match map.is_trailers() {
            true => (half.trailers_window, message.trailers.as_ref()),
            false => (half.headers_window, Some(&message.headers)),
        };
        match (window, fields) {
            (Window::Open, Some(fields)) => Ok(fields),
            _ => Err(closed(map, window, "read")),
        }
    }

    fn writable(&mut self, id: u32) -> Hostcall<(MapType, &mut HeaderList)> {
        let map = MapType::of(id)?;
        let side = map.side().ok_or_else(|| unchangeable(map))?;
        let (stream, filter) = self.stream_mut().ok_or_else(|| no_stream(map))?;
        if map.is_trailers() {
            return writable_trailers(map, side, stream, filter);
        }
        let window = stream.filters.get(filter).map(|it| it.half(side).headers_window).unwrap_or_default();
        match window {
            Window::Open => Ok((map, &mut stream.message_mut(side).headers)),
            window => Err(closed(map, window, "changed")),
        }
    }
}

/// Envoy adds trailers to a message that has none as soon as they are touched in the last body callback.
fn writable_trailers(
    map: MapType,
    side: Side,
    stream: &mut Stream,
    filter: usize,
) -> Hostcall<(MapType, &mut HeaderList)> {
    let has_none = stream.message(side).trailers.is_none();
    let Some(half) = stream.filters.get_mut(filter).map(|it| it.half_mut(side)) else {
        return Err(no_stream(map));
    };
    let adds = has_none && half.at_end && half.body_window == Window::Open;
    if adds {
        half.trailers_window = Window::Open;
    }
    let window = half.trailers_window;
    let message = stream.message_mut(side);
    if adds {
        message.trailers = Some(HeaderList::new());
    }
    match (window, message.trailers.as_mut()) {
        (Window::Open, Some(trailers)) => Ok((map, trailers)),
        (window, _) => Err(closed(map, window, "changed")),
    }
}

fn logged(map: MapType, message: &Message, spec: bool) -> Hostcall<&HeaderList> {
    let absent = || not_logged(map);
    match map {
        // Envoy's access log is given every map but this one.
        MapType::RequestTrailers if !spec => Err(absent()),
        MapType::RequestTrailers | MapType::ResponseTrailers => message.trailers.as_ref().ok_or_else(absent),
        _ if message.headers.is_empty() => Err(absent()),
        _ => Ok(&message.headers),
    }
}

fn not_logged(map: MapType) -> Refusal {
    Refusal::not_found(format!("the {} cannot be read in the log phase", map.name()))
}

fn closed(map: MapType, window: Window, what: &str) -> Refusal {
    let (name, callback) = (map.name(), map.callback());
    Refusal::bad_argument(format!("the {name} can be {what} only inside {callback}: {}", window.why()))
}

fn no_stream(map: MapType) -> Refusal {
    Refusal::bad_argument(format!(
        "there are no {} here: this is not the context of an HTTP stream",
        map.name()
    ))
}

fn no_call_out(map: MapType) -> Refusal {
    Refusal::bad_argument(format!("there are no {} outside {}", map.name(), map.callback()))
}

fn unchangeable(map: MapType) -> Refusal {
    Refusal::bad_argument(format!("the {} can be read only", map.name()))
}

fn replace(map: MapType, fields: &mut HeaderList, name: &[u8], value: &[u8]) {
    fields.retain(|(field, _)| field != name);
    append(map, fields, name, value);
}

/// No pairs take no bytes at all.
fn encoded_size(fields: &HeaderList) -> u32 {
    if fields.is_empty() { 0 } else { pairs::encode(fields).len() as u32 }
}

/// The pairs of a block from the guest, none where Envoy's decoder gives up.
pub(crate) fn decode_pairs(block: &[u8]) -> HeaderList {
    if block.len() > PAIRS_BYTES {
        return HeaderList::new();
    }
    let spans = pairs::decode(block).filter(|spans| spans.len() <= PAIRS).unwrap_or_default();
    let bytes = |range: &std::ops::Range<usize>| block.get(range.clone()).unwrap_or_default().to_vec();
    spans.iter().map(|span| (bytes(&span.name), bytes(&span.value))).collect()
}
