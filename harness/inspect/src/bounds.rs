//! How much memory a module may have, and how large its tables may be.

use std::ops::Range;

use wasmparser::{
    BinaryReader, BinaryReaderError, FromReader, Parser, Payload, RefType, SectionLimited, TypeRef,
};

use crate::parts::{FEATURES, damaged};
use crate::{Made, ModuleError};

/// Envoy gives no memory more pages of 64 KiB: 1 GiB.
pub(crate) const PAGES: u64 = 16_384;

/// What has limits, in a section of its own.
struct Kind {
    name: &'static str,
    section: u8,
    /// How much all of them get together.
    most: u64,
    /// Reads what an entry has before its limits.
    before: fn(&mut BinaryReader<'_>) -> Result<(), BinaryReaderError>,
}

const MEMORIES: Kind = Kind { name: "pages of memory", section: 5, most: PAGES, before: |_| Ok(()) };
/// V8 makes no single table larger.
const TABLES: Kind = Kind { name: "entries of tables", section: 4, most: 10_000_000, before: element };

/// By how much each memory and each table of a module can grow, where all memories get 1 GiB together and all tables ten million entries, so that a
/// small module cannot use up what it shares with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pages: u64,
    entries: u64,
}

impl Room {
    /// How large a memory or a table may become that is made for the module.
    pub fn maximum(&self, made: &Made) -> u64 {
        let share = if made.element.is_some() { self.entries } else { self.pages };
        most(made.initial, made.maximum, share)
    }
}

/// The module with bounds written into it, for an engine that has others, and what it can have besides.
///
/// The code is the same, and is as many bytes further behind as the module is longer.
///
/// # Errors
/// It starts with more than that, or is damaged.
pub fn bounded(bytes: &[u8]) -> Result<(Vec<u8>, Room), ModuleError> {
    let [pages, entries] = initials(bytes).map_err(|error| damaged(&error))?;
    let room = Room { pages: MEMORIES.share(&pages)?, entries: TABLES.share(&entries)? };
    let bytes = written(bytes, room).map_err(|error| damaged(&error))?;
    Ok((bytes, room))
}

/// What each memory starts with, and each table, imported ones too.
fn initials(bytes: &[u8]) -> Result<[Vec<u64>; 2], BinaryReaderError> {
    let (mut pages, mut entries) = (Vec::new(), Vec::new());
    for payload in parser().parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import?.ty {
                        TypeRef::Memory(memory) => pages.push(memory.initial),
                        TypeRef::Table(table) => entries.push(table.initial),
                        _ => {}
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    pages.push(memory?.initial);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    entries.push(table?.ty.initial);
                }
            }
            _ => {}
        }
    }
    Ok([pages, entries])
}

fn written(bytes: &[u8], room: Room) -> Result<Vec<u8>, BinaryReaderError> {
    let (mut out, mut end) = (Vec::with_capacity(bytes.len()), 0);
    for payload in parser().parse_all(bytes) {
        let payload = payload?;
        let range = match &payload {
            Payload::Version { range, .. } => Some(range.clone()),
            section => section.as_section().map(|(_, range)| range),
        };
        let Some(range) = range else { continue };
        match payload {
            Payload::TableSection(tables) => TABLES.write(bytes, tables, room.entries, &mut out)?,
            Payload::MemorySection(memories) => MEMORIES.write(bytes, memories, room.pages, &mut out)?,
            _ => out.extend_from_slice(piece(bytes, end..range.end)),
        }
        end = range.end;
    }
    Ok(out)
}

fn parser() -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    parser
}

impl Kind {
    /// By how much each can grow, of those that start with so many.
    fn share(&self, initials: &[u64]) -> Result<u64, ModuleError> {
        let initial = initials.iter().fold(0_u64, |sum, initial| sum.saturating_add(*initial));
        let spare = self.most.checked_sub(initial);
        let too_large = ModuleError::TooLarge { what: self.name, initial, most: self.most };
        Ok(spare.ok_or(too_large)? / (initials.len() as u64).max(1))
    }

    fn write<'a, T: FromReader<'a>>(
        &self,
        bytes: &[u8],
        section: SectionLimited<'a, T>,
        share: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), BinaryReaderError> {
        let Range { start: mut copied, end } = section.range();
        let mut content = Vec::new();
        for limits in self.limits(bytes, section)? {
            content.extend_from_slice(piece(bytes, copied..limits.place.start));
            limits.write(share, &mut content);
            copied = limits.place.end;
        }
        content.extend_from_slice(piece(bytes, copied..end));
        out.push(self.section);
        leb128(content.len() as u64, out);
        out.append(&mut content);
        Ok(())
    }

    fn limits<'a, T: FromReader<'a>>(
        &self,
        bytes: &[u8],
        section: SectionLimited<'a, T>,
    ) -> Result<Vec<Limits>, BinaryReaderError> {
        let Range { end, .. } = section.range();
        let entries = section.into_iter_with_offsets();
        let limits = entries.map(|entry| {
            let (at, _) = entry?;
            let mut reader = BinaryReader::new_features(piece(bytes, at..end), at, FEATURES);
            (self.before)(&mut reader)?;
            Limits::read(&mut reader)
        });
        limits.collect()
    }
}

/// A table is of some type, behind two bytes where it has an expression for its entries.
fn element(reader: &mut BinaryReader<'_>) -> Result<(), BinaryReaderError> {
    let mut ahead = reader.clone();
    if ahead.read_u8()? == 0x40 {
        reader.read_bytes(2)?;
    }
    reader.read::<RefType>().map(drop)
}

/// How many there are at first, and how many there may be.
struct Limits {
    place: Range<usize>,
    flags: u8,
    initial: u64,
    maximum: Option<u64>,
}

/// The flag of limits that have a maximum.
const HAS_MAXIMUM: u8 = 1;

impl Limits {
    fn read(reader: &mut BinaryReader<'_>) -> Result<Self, BinaryReaderError> {
        let start = reader.original_position();
        let (flags, initial) = (reader.read_u8()?, reader.read_var_u64()?);
        let maximum = (flags & HAS_MAXIMUM != 0).then(|| reader.read_var_u64()).transpose()?;
        Ok(Self { place: start..reader.original_position(), flags, initial, maximum })
    }

    fn write(&self, share: u64, out: &mut Vec<u8>) {
        out.push(self.flags | HAS_MAXIMUM);
        leb128(self.initial, out);
        leb128(most(self.initial, self.maximum, share), out);
    }
}

fn most(initial: u64, maximum: Option<u64>, share: u64) -> u64 {
    let most = initial.saturating_add(share);
    maximum.map_or(most, |maximum| maximum.min(most))
}

/// Seven bits in a byte, the lowest first; all but the last have the highest bit set.
fn leb128(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// What the parser has been to is there.
fn piece(bytes: &[u8], range: Range<usize>) -> &[u8] {
    bytes.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use wasmparser::{MemoryType, Table, Validator};

    use super::*;

    /// The limits of all tables and of all memories of a module, which is valid.
    fn limits(bytes: &[u8]) -> Vec<(u64, Option<u64>)> {
        Validator::new_with_features(FEATURES).validate_all(bytes).unwrap();
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.unwrap() {
                Payload::TableSection(tables) => {
                    found.extend(
                        tables
                            .into_iter()
                            .map(Result::unwrap)
                            .map(|Table { ty, .. }| (ty.initial, ty.maximum)),
                    );
                }
                Payload::MemorySection(memories) => {
                    found.extend(
                        memories
                            .into_iter()
                            .map(Result::unwrap)
                            .map(|MemoryType { initial, maximum, .. }| (initial, maximum)),
                    );
                }
                _ => {}
            }
        }
        found
    }

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(format!("(module {text})")).unwrap()
    }

    #[test]
    fn what_has_no_maximum_gets_one_and_what_has_one_keeps_the_lower() {
        for (text, expected) in [
            ("(memory 1)", vec![(1, Some(16_384))]),
            ("(memory 16384)", vec![(16_384, Some(16_384))]),
            ("(memory 1 65536)", vec![(1, Some(16_384))]),
            ("(memory 1 10)", vec![(1, Some(10))]),
            ("(memory 1 200 shared)", vec![(1, Some(200))]),
            ("(memory i64 1)", vec![(1, Some(16_384))]),
            ("(memory 100) (memory 84 90)", vec![(100, Some(8_200)), (84, Some(90))]),
            ("(table 0 funcref)", vec![(0, Some(10_000_000))]),
            ("(table i64 0 funcref)", vec![(0, Some(10_000_000))]),
            ("(table 5 5 externref) (table 995 funcref)", vec![(5, Some(5)), (995, Some(5_000_495))]),
            ("", vec![]),
        ] {
            assert_eq!(limits(&bounded(&module(text)).unwrap().0), expected, "{text}");
        }
    }

    #[test]
    fn all_else_stays_as_it_is() {
        let text = r#"(type $t (func)) (type $s (struct)) (func $f (export "f")) (func (export "g") (drop (i32.const 7)))
            (table 3 (ref $t) (ref.func $f)) (table 3 (ref null $s)) (memory 1) (global i32 (i32.const 3))
            (data (i32.const 16) "here") (@custom "mine" (after memory) "kept")"#;
        let (before, (after, _)) = (module(text), bounded(&module(text)).unwrap());
        assert_eq!(limits(&after), [(3, Some(5_000_000)), (3, Some(5_000_000)), (1, Some(16_384))]);
        let behind = |bytes: &[u8]| {
            let sections =
                Parser::new(0).parse_all(bytes).filter_map(|payload| payload.unwrap().as_section());
            let (_, range) = sections.last().unwrap();
            (range.start, bytes.to_vec())
        };
        let ((was, before), (is, after)) = (behind(&before), behind(&after));
        assert_eq!(is - was, after.len() - before.len());
        assert_eq!(after[is..], before[was..]);
        assert_eq!(bounded(&after).unwrap().0, after);
    }

    #[test]
    fn what_is_imported_has_its_share() {
        let text =
            r#"(import "env" "m" (memory 84)) (import "env" "t" (table 10 20 externref)) (memory 100)"#;
        let (bytes, room) = bounded(&module(text)).unwrap();
        assert_eq!(
            (room, limits(&bytes)),
            (Room { pages: 8_100, entries: 9_999_990 }, vec![(100, Some(8_200))])
        );
        let made = |element, initial, maximum| {
            let (module, name) = ("env".to_owned(), "it".to_owned());
            room.maximum(&Made { module, name, element, initial, maximum })
        };
        assert_eq!(made(None, 84, None), 8_184);
        assert_eq!(made(None, 84, Some(90)), 90);
        assert_eq!(made(Some("externref"), 10, Some(u64::MAX)), 10_000_000);
    }

    #[test]
    fn who_starts_with_too_much_is_refused() {
        for (text, told) in [
            (
                r#"(import "env" "memory" (memory 16000)) (memory 385)"#,
                "16385 pages of memory, and 16384 is the most",
            ),
            (
                "(table 10000000 funcref) (table 1 externref)",
                "10000001 entries of tables, and 10000000 is the most",
            ),
        ] {
            let error = bounded(&module(text)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let mut cut = module("(memory 1)");
        cut.pop();
        assert!(matches!(bounded(&cut), Err(ModuleError::Damaged(_))));
    }
}
