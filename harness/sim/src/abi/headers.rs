use portcullis_kit::pairs;

use crate::abi::MapType;
use crate::abi::merged::append;
use crate::http::HeaderList;
use crate::stream::{Message, Window};
use crate::{Hostcall, Refusal, Sim};

/// What Envoy's decoder of serialized pairs takes; anything beyond reads as no pairs at all.
const PAIRS_BYTES: usize = 1 << 20;
const PAIRS: usize = 1024;

/// How a map is shown in the journal.
fn shown(map: u32) -> String {
    MapType::of(map).map_or_else(|_| map.to_string(), |map| map.name().to_owned())
}

impl Sim {
    /// `proxy_get_header_map_value`: the first value of this name, any case.
    ///
    /// # Errors
    /// `NOT_FOUND`; `BAD_ARGUMENT` where the map cannot be reached now.
    pub fn header_map_value(&mut self, map: u32, name: &[u8]) -> Hostcall<Vec<u8>> {
        let result = self.readable(map).and_then(|fields| {
            let name = name.to_ascii_lowercase();
            let found = fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
            found.ok_or_else(|| Refusal::not_found("there is no header of this name"))
        });
        self.note("proxy_get_header_map_value", &[&shown(map), &name], result)
    }

    /// `proxy_get_header_map_pairs`: every field; none where the map cannot be reached now, which is no error.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for a map that does not exist.
    pub fn header_map_pairs(&mut self, map: u32) -> Hostcall<HeaderList> {
        let result = MapType::of(map).map(|_| self.readable(map).cloned().unwrap_or_default());
        self.note("proxy_get_header_map_pairs", &[&shown(map)], result)
    }

    /// `proxy_get_header_map_size`: the bytes of all names and values, which is neither their count nor their encoded size.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now, and always for the maps of call-outs.
    pub fn header_map_size(&mut self, map: u32) -> Hostcall<u32> {
        let size = |fields: &HeaderList| fields.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() as u32;
        let result = self.writable(map).map(|(_, fields)| size(fields));
        self.note("proxy_get_header_map_size", &[&shown(map)], result)
    }

    /// `proxy_add_header_map_value`.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now.
    pub fn add_header_map_value(&mut self, map: u32, name: &[u8], value: &[u8]) -> Hostcall<()> {
        let result =
            self.writable(map).map(|(map, fields)| append(map, fields, &name.to_ascii_lowercase(), value));
        self.note("proxy_add_header_map_value", &[&shown(map), &name, &value], result)
    }

    /// `proxy_replace_header_map_value`: leaves one field of this name.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now.
    pub fn replace_header_map_value(&mut self, map: u32, name: &[u8], value: &[u8]) -> Hostcall<()> {
        let result =
            self.writable(map).map(|(map, fields)| replace(map, fields, &name.to_ascii_lowercase(), value));
        self.note("proxy_replace_header_map_value", &[&shown(map), &name, &value], result)
    }

    /// `proxy_remove_header_map_value`; a name that is not there is no error.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` where the map cannot be changed now.
    pub fn remove_header_map_value(&mut self, map: u32, name: &[u8]) -> Hostcall<()> {
        let lower = name.to_ascii_lowercase();
        let result = self.writable(map).map(|(_, fields)| fields.retain(|(field, _)| *field != lower));
        self.note("proxy_remove_header_map_value", &[&shown(map), &name], result)
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
                append(map, fields, &name.to_ascii_lowercase(), value);
            }
        });
        self.note("proxy_set_header_map_pairs", &[&shown(map), &pairs], result)
    }

    fn readable(&self, id: u32) -> Hostcall<&HeaderList> {
        let map = MapType::of(id)?;
        let stream = self.contexts.stream().ok_or_else(|| no_stream(map))?;
        let message = map.message(stream).ok_or_else(|| no_call_out(map))?;
        if stream.logging {
            return logged(map, message);
        }
        let (window, fields) = match map.is_trailers() {
            true => (message.trailers_window, message.trailers.as_ref()),
            false => (message.headers_window, Some(&message.headers)),
        };
        match (window, fields) {
            (Window::Open, Some(fields)) => Ok(fields),
            _ => Err(closed(map, window, "read")),
        }
    }

    fn writable(&mut self, id: u32) -> Hostcall<(MapType, &mut HeaderList)> {
        let map = MapType::of(id)?;
        let stream = self.contexts.stream_mut().ok_or_else(|| no_stream(map))?;
        let message = map.message_mut(stream).ok_or_else(|| no_call_out(map))?;
        if !map.is_trailers() {
            let window = message.headers_window;
            return if window == Window::Open {
                Ok((map, &mut message.headers))
            } else {
                Err(closed(map, window, "changed"))
            };
        }
        // Envoy adds trailers to a message that has none as soon as they are touched in the last body callback.
        if message.trailers.is_none() && message.at_end && message.body_window == Window::Open {
            message.trailers = Some(HeaderList::new());
            message.trailers_window = Window::Open;
        }
        match (message.trailers_window, message.trailers.as_mut()) {
            (Window::Open, Some(trailers)) => Ok((map, trailers)),
            (window, _) => Err(closed(map, window, "changed")),
        }
    }
}

fn logged(map: MapType, message: &Message) -> Hostcall<&HeaderList> {
    let absent = || Refusal::not_found(format!("the {} cannot be read in the log phase", map.name()));
    match map {
        // The access log is given every map but this one.
        MapType::RequestTrailers => Err(absent()),
        MapType::ResponseTrailers => message.trailers.as_ref().ok_or_else(absent),
        _ if message.headers.is_empty() => Err(absent()),
        _ => Ok(&message.headers),
    }
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

fn replace(map: MapType, fields: &mut HeaderList, name: &[u8], value: &[u8]) {
    fields.retain(|(field, _)| field != name);
    append(map, fields, name, value);
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
