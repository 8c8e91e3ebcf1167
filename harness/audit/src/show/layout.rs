//! How a table fits into the width of a terminal.

use super::column::{Column, Width};
use super::text::width;

/// What stands between two columns.
pub(super) const GAP: usize = 2;
/// Below this, a column tells nothing.
const NARROWEST: usize = 6;

/// The widths of columns, within a total. Those that share what is left get what they need, if it is there, and what one does not need is for
/// the others; with `is_all`, no column is wider than its widest cell.
pub(super) fn widths(columns: &[Column], needed: &[usize], total: usize, is_all: bool) -> Vec<usize> {
    let fixed = |index: usize, column: &Column| match column.width() {
        Width::Fixed(most) if is_all => Some(needed.get(index).copied().unwrap_or_default().min(most)),
        Width::Fixed(most) => Some(most),
        Width::Share(_) => None,
    };
    let mut widths: Vec<Option<usize>> =
        columns.iter().enumerate().map(|(index, column)| fixed(index, column)).collect();
    let weight = |index: usize| match columns.get(index).map(|column| column.width()) {
        Some(Width::Share(weight)) => weight,
        _ => 0,
    };
    let gaps = GAP * columns.len().saturating_sub(1);
    loop {
        let used: usize = widths.iter().flatten().sum();
        let left = total.saturating_sub(gaps + used);
        let open: Vec<_> = (0..widths.len()).filter(|index| widths.get(*index) == Some(&None)).collect();
        let weights: usize = open.iter().map(|index| weight(*index)).sum();
        let share = |index: usize| (left * weight(index) / weights.max(1)).max(NARROWEST);
        let satisfied: Vec<_> = open
            .iter()
            .filter_map(|index| Some((*index, *needed.get(*index)?)))
            .filter(|(index, needed)| is_all && *needed <= share(*index))
            .collect();
        if satisfied.is_empty() {
            return (0..widths.len()).map(|index| widths[index].unwrap_or_else(|| share(index))).collect();
        }
        for (index, needed) in satisfied {
            widths[index] = Some(needed);
        }
    }
}

/// The columns that each column needs for these cells and its name.
pub(super) fn needed<'a>(columns: &[Column], rows: impl Iterator<Item = &'a [String]>) -> Vec<usize> {
    let mut needed: Vec<_> = columns.iter().map(|column| column.name().len()).collect();
    for row in rows {
        for (most, cell) in needed.iter_mut().zip(row) {
            *most = (*most).max(width(cell));
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    const COLUMNS: [Column; 4] = [Column::Field(Field::Decision), Column::Request, Column::Who, Column::Why];

    fn total(widths: &[usize]) -> usize {
        widths.iter().sum::<usize>() + GAP * (widths.len() - 1)
    }

    #[test]
    fn a_table_that_goes_on_takes_the_whole_width() {
        for columns in [60, 80, 120, 200] {
            let widths = widths(&COLUMNS, &[8, 1, 1, 1], columns, false);
            assert!((columns - 3..=columns).contains(&total(&widths)), "{columns}: {widths:?}");
            assert!(widths[1] > widths[3] && widths[3] > widths[2] && widths[0] == 8);
        }
    }

    #[test]
    fn a_table_that_is_all_there_takes_what_it_needs() {
        assert_eq!(widths(&COLUMNS, &[7, 20, 5, 9], 80, true), [7, 20, 5, 9]);
        assert_eq!(widths(&COLUMNS, &[7, 100, 5, 9], 80, true), [7, 53, 5, 9]);
        assert_eq!(widths(&COLUMNS, &[8, 100, 5, 100], 80, true), [8, 34, 5, 26]);
        assert!(total(&widths(&COLUMNS, &[8, 90, 90, 90], 80, true)) <= 80);
    }

    #[test]
    fn no_width_is_too_small() {
        assert_eq!(widths(&COLUMNS, &[8, 90, 90, 90], 0, true), [8, NARROWEST, NARROWEST, NARROWEST]);
    }
}
