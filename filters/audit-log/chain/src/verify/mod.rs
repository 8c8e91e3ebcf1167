//! Finds what was done to records after they were written.
//!
//! A [`Verifier`] is fed line by line (`line`), in the order in which records were stored. Each line is read (`record`, by way of `scan`) and taken by
//! its chain (`state`, `special`), which knows what comes next, what has come (`seen`), what is missing (`gaps`), and who vouches for it (`trust`,
//! `note`, `vouched`). Whatever is known from elsewhere waits in `known`. In memory is a little of each chain, however long it is.
//!
//! After a problem it goes on as if that record were right, so that one edit is one finding or two.

mod company;
mod finding;
mod gaps;
mod known;
mod line;
mod note;
mod problem;
mod record;
mod runs;
mod scan;
mod seen;
mod special;
mod state;
mod summary;
mod time;
mod told;
mod trust;
mod uid;
mod vouched;

use std::collections::BTreeMap;

pub use finding::{Finding, Knower, Place};
pub use problem::Problem;
pub use summary::{ChainSummary, Checkpoints, End, Summary};
pub use trust::Trust;
pub use uid::Uid;

use crate::checkpoint::Checkpoint;
use crate::hex;
use crate::signer::Signature;
use company::Company;
use known::{Fact, Kept, Known};
use line::Line;
use record::{Kind, Record, Unreadable};
use state::{Context, State};
use trust::{Signatures, checkpoint};

/// How many chains are followed at once.
const CHAINS: usize = 65_536;

/// Verifies records, line by line.
#[derive(Debug, Default)]
pub struct Verifier {
    trust: Trust,
    states: BTreeMap<Uid, State>,
    known: Known,
    company: Company,
    /// How many keys of MACs were computed in vain.
    in_vain: u64,
    told_too_many: bool,
    summary: Summary,
}

impl Verifier {
    /// A verifier that trusts these keys.
    pub fn new(trust: Trust) -> Self {
        Self { trust, ..Self::default() }
    }

    /// A note that was kept elsewhere than the records, with or without signatures. All of these come before the first record. `None`: it is no note
    /// of a chain.
    pub fn keep_note(&mut self, place: Place, note: &str) -> Option<Vec<Finding>> {
        let (chain, checkpoint) = note::read(note)?;
        let is_signed = note.contains("\n\n");
        let signature = if is_signed { Signature::Note(note.to_owned()) } else { Signature::Unsigned };
        let findings = self.keep(place, chain, &checkpoint, &signature);
        self.summary.found += findings.len() as u64;
        Some(findings)
    }

    /// A line with a checkpoint that was kept elsewhere than the other records. `None`: it is of something else.
    pub fn keep_line(&mut self, place: Place, line: &[u8]) -> Option<Vec<Finding>> {
        let (Line::Record(text) | Line::Logged(text)) = Line::new(line) else { return None };
        let findings = match Record::read(text) {
            Ok(record) if record.fits() => self.keep_record(place, &record)?,
            Ok(record) => vec![changed(place, &record)],
            Err(unreadable) => vec![unreadable.finding(place)],
        };
        self.summary.found += findings.len() as u64;
        Some(findings)
    }

    fn keep_record(&mut self, place: Place, record: &Record) -> Option<Vec<Finding>> {
        let kind = record.kind.as_ref().filter(|kind| kind.name == "checkpoint")?;
        let by = Knower::Checkpoint(place);
        self.known.record(record.chain, record.sequence, Fact { hash: record.hash, by, place });
        Some(match checkpoint(kind, record.previous) {
            Ok((checkpoint, signature)) => self.keep(place, record.chain, &checkpoint, &signature),
            Err(problem) => {
                vec![Finding { place, chain: Some(record.chain), sequence: Some(record.sequence), problem }]
            }
        })
    }

    fn keep(
        &mut self,
        place: Place,
        chain: Uid,
        checkpoint: &Checkpoint,
        signature: &Signature,
    ) -> Vec<Finding> {
        let last = Fact { hash: checkpoint.last, by: Knower::Checkpoint(place), place };
        self.known.keep(chain, checkpoint.size, Kept { root: checkpoint.root, last });
        // Others of the chain may not have been kept.
        let mut signatures = Signatures::default();
        signatures.missing = u64::MAX;
        let problem = signatures.check(chain, checkpoint, signature, &self.trust, &mut self.in_vain).err();
        let finding =
            |problem| Finding { place, chain: Some(chain), sequence: Some(checkpoint.size), problem };
        problem.map(finding).into_iter().collect()
    }

    /// The next line.
    pub fn line(&mut self, place: Place, line: &[u8]) -> Vec<Finding> {
        let mut findings = self.company.enter(place.file);
        let line = Line::new(line);
        self.summary.lines += u64::from(line != Line::Empty);
        match line {
            Line::Empty => (),
            Line::Record(text) => self.read(place, text, &mut findings),
            Line::Logged(text) => {
                self.mix();
                self.read(place, text, &mut findings);
            }
            Line::Trace(text) if !self.company.is_mixed() => {
                findings.extend(self.company.suspect(damaged(place, text)));
            }
            Line::Other | Line::Trace(_) => {
                self.mix();
                self.other(place);
            }
        }
        self.summary.found += findings.len() as u64;
        findings
    }

    fn read(&mut self, place: Place, text: &[u8], findings: &mut Vec<Finding>) {
        match Record::read(text) {
            Ok(record) => self.record(place, &record, findings),
            Err(unreadable) => findings.push(unreadable.finding(place)),
        }
    }

    /// Somebody else writes to this file.
    fn mix(&mut self) {
        self.company.mix().iter().for_each(|damaged| self.other(damaged.place));
    }

    fn other(&mut self, place: Place) {
        self.summary.others += 1;
        self.summary.first_other.get_or_insert(place);
    }

    /// The next line, which is longer than any record and was not read.
    pub fn too_long(&mut self, place: Place) -> Finding {
        self.summary.lines += 1;
        self.summary.found += 1;
        Finding { place, chain: None, sequence: None, problem: Problem::TooLong }
    }

    fn record(&mut self, place: Place, record: &Record, findings: &mut Vec<Finding>) {
        let mut context = Context {
            place,
            trust: &self.trust,
            known: &mut self.known,
            findings,
            in_vain: &mut self.in_vain,
        };
        if !record.fits() {
            context.findings.push(changed(place, record));
            if let Some((state, sequence)) = place_of(&mut self.states, place, record) {
                state.take_changed(sequence, record, &mut context);
            }
            return;
        }
        let is_room = self.states.len() < CHAINS || self.states.contains_key(&record.chain);
        if !is_room {
            if !std::mem::replace(&mut self.told_too_many, true) {
                let (chain, sequence) = (Some(record.chain), Some(record.sequence));
                findings.push(Finding { place, chain, sequence, problem: Problem::TooManyChains });
            }
            return;
        }
        let state = self.states.entry(record.chain).or_insert_with(|| State::new(record.chain, place));
        state.take(record, &mut context);
        if let Some(kind) = record.kind.as_ref().filter(|kind| kind.name == "abandoned") {
            self.abandoned(kind, record, place, findings);
        }
    }

    /// A writer has noticed that another chain was abandoned.
    fn abandoned(&mut self, kind: &Kind, record: &Record, place: Place, findings: &mut Vec<Finding>) {
        let chain = kind.text("chain").and_then(|chain| Uid::parse(chain.as_bytes()));
        let hash = kind.text("hash").and_then(|hash| hex::parse(hash.as_bytes()));
        let (Some(chain), Some(hash), Some(sequence)) = (chain, hash, kind.number("sequence")) else {
            let problem =
                Problem::Incomplete { missing: "chain, number and hash of the record that it has seen" };
            findings.push(Finding {
                place,
                chain: Some(record.chain),
                sequence: Some(record.sequence),
                problem,
            });
            return;
        };
        let fact = Fact { hash, by: Knower::Writer(record.chain), place };
        match self.states.get_mut(&chain).filter(|state| state.next > sequence) {
            Some(state) => {
                let mut context = Context {
                    place,
                    trust: &self.trust,
                    known: &mut self.known,
                    findings,
                    in_vain: &mut self.in_vain,
                };
                state.recall(sequence, fact, &mut context);
            }
            None if !self.known.is_full() => self.known.record(chain, sequence, fact),
            None => (),
        }
    }

    /// What there is to say when all has been read.
    pub fn finish(mut self) -> Summary {
        let mut findings = self.company.left();
        for state in self.states.values_mut() {
            let mut context = Context {
                place: state.last_place,
                trust: &self.trust,
                known: &mut self.known,
                findings: &mut findings,
                in_vain: &mut self.in_vain,
            };
            state.finish(&mut context);
        }
        for (chain, left) in std::mem::take(&mut self.known).left() {
            let by = left.fact.by;
            let Some(state) = self.states.get_mut(&chain) else {
                let problem = Problem::ChainMissing { by };
                findings.push(Finding {
                    place: left.fact.place,
                    chain: Some(chain),
                    sequence: None,
                    problem,
                });
                continue;
            };
            if left.size > state.next {
                state.summary.found += 1;
                let (place, sequence) = (state.last_place, Some(state.summary.last));
                let problem = Problem::TailCut { known: left.size, by };
                findings.push(Finding { place, chain: Some(chain), sequence, problem });
            }
            let unchecked = left.kept.iter().filter(|size| **size <= state.next).count();
            state.summary.checkpoints.kept_unchecked = unchecked as u64;
        }
        findings.sort_by_key(|finding| finding.place);
        self.summary.found += findings.len() as u64;
        let mut chains: Vec<_> = self.states.into_values().map(|state| state.summary).collect();
        chains.sort_by_key(|chain| chain.place);
        Summary { findings, chains, ..self.summary }
    }
}

/// Where a record belongs that is not what its hash is of: where it says, or where its id says, whichever is next in its chain.
fn place_of<'a>(
    states: &'a mut BTreeMap<Uid, State>,
    place: Place,
    record: &Record,
) -> Option<(&'a mut State, u64)> {
    let own = (record.chain, record.sequence);
    let is_next =
        |(chain, sequence): &(Uid, u64)| states.get(chain).is_some_and(|state| state.next == *sequence);
    let named = record.named.filter(|named| !is_next(&own) && is_next(named));
    let (chain, sequence) = named.unwrap_or(own);
    let begins = record.is_itself && sequence == 0 && states.len() < CHAINS;
    if begins {
        states.entry(chain).or_insert_with(|| State::new(chain, place));
    }
    states.get_mut(&chain).map(|state| (state, sequence))
}

/// A line that is not even an object any more, if it was a record.
fn damaged(place: Place, line: &[u8]) -> Finding {
    match Record::read(line) {
        Err(unreadable) => unreadable.finding(place),
        Ok(record) => changed(place, &record),
    }
}

fn changed(place: Place, record: &Record) -> Finding {
    let (chain, sequence) = (Some(record.chain), Some(record.sequence));
    Finding {
        place,
        chain,
        sequence,
        problem: Problem::Changed { computed: record.computed, found: record.hash },
    }
}

impl Unreadable {
    fn finding(self, place: Place) -> Finding {
        let problem = match self {
            Self::NotJson(wrong) if wrong.is_half() => Problem::Half,
            Self::NotJson(wrong) => Problem::NotJson { why: wrong.to_string() },
            Self::NotRecord(missing) => Problem::NotRecord { missing },
        };
        Finding { place, chain: None, sequence: None, problem }
    }
}
