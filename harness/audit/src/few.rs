//! The first and the last of many records.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;

use crate::lines::Line;
use crate::row::Row;
use crate::scan::Sink;

/// Gives on the first records, and ends the pass after them.
pub struct First<'s> {
    sink: &'s mut dyn Sink,
    left: usize,
}

impl<'s> First<'s> {
    /// So many of them.
    pub fn new(sink: &'s mut dyn Sink, most: usize) -> Self {
        Self { sink, left: most }
    }
}

impl Sink for First<'_> {
    fn at(&mut self, line: &Line<'_>) {
        self.sink.at(line);
    }

    fn take(&mut self, row: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(ControlFlow::Break(())) };
        self.left = left;
        let flow = self.sink.take(row, record)?;
        Ok(if left == 0 { ControlFlow::Break(()) } else { flow })
    }
}

/// Keeps the last records, but not where they are.
pub struct Last {
    most: usize,
    records: VecDeque<Vec<u8>>,
}

impl Last {
    /// So many of them.
    pub fn new(most: usize) -> Self {
        Self { most, records: VecDeque::new() }
    }

    /// Gives them on.
    ///
    /// # Errors
    /// The sink cannot write.
    pub fn give(self, sink: &mut dyn Sink) -> io::Result<()> {
        for record in &self.records {
            // It has been read once already.
            if let Ok(row) = Row::read(record)
                && sink.take(&row, record)?.is_break()
            {
                break;
            }
        }
        Ok(())
    }
}

impl Sink for Last {
    fn take(&mut self, _: &Row<'_>, record: &[u8]) -> io::Result<ControlFlow<()>> {
        // The memory of the one that goes is for the one that comes.
        let mut kept = if self.records.len() >= self.most {
            self.records.pop_front().unwrap_or_default()
        } else {
            Vec::new()
        };
        kept.clear();
        kept.extend_from_slice(record);
        if self.most > 0 {
            self.records.push_back(kept);
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    struct Times(Vec<i64>);

    impl Sink for Times {
        fn take(&mut self, row: &Row<'_>, _: &[u8]) -> io::Result<ControlFlow<()>> {
            self.0.extend(row.integer(Field::Time));
            Ok(ControlFlow::Continue(()))
        }
    }

    /// Gives records to a sink until it has had enough; how many it has taken.
    fn give(sink: &mut dyn Sink, count: i64) -> i64 {
        for time in 1..=count {
            let record = format!(r#"{{"class_uid":4002,"time":{time}}}"#);
            if sink.take(&Row::read(record.as_bytes()).unwrap(), record.as_bytes()).unwrap().is_break() {
                return time;
            }
        }
        count
    }

    #[test]
    fn the_first_end_the_pass() {
        for (most, expected) in [(0, vec![]), (1, vec![1]), (3, vec![1, 2, 3]), (9, vec![1, 2, 3, 4, 5])] {
            let mut times = Times(Vec::new());
            let taken = give(&mut First::new(&mut times, most), 5);
            assert_eq!((times.0, taken), (expected, (most as i64).clamp(1, 5)));
        }
    }

    #[test]
    fn the_last_come_in_their_order() {
        for (most, expected) in [(0, vec![]), (1, vec![5]), (3, vec![3, 4, 5]), (9, vec![1, 2, 3, 4, 5])] {
            let mut last = Last::new(most);
            give(&mut last, 5);
            let mut times = Times(Vec::new());
            last.give(&mut times).unwrap();
            assert_eq!(times.0, expected);
        }
    }
}
