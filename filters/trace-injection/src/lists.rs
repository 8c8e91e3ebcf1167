//! Checks of lists in a configuration. Each request is compared with what is in them.

use portcullis_kit::ConfigError;

const MOST: usize = 64;

/// Checks that there is not too much in a list.
pub(crate) fn at_most(member: &str, count: usize) -> Result<(), ConfigError> {
    match count > MOST {
        true => Err(ConfigError::at(member, format!("{count}; write at most {MOST}"))),
        false => Ok(()),
    }
}

/// Checks that there is something in a list, and not too much.
pub(crate) fn some(member: &str, count: usize) -> Result<(), ConfigError> {
    match count {
        0 => Err(ConfigError::at(member, "empty, so nothing matches; write at least one")),
        count => at_most(member, count),
    }
}

/// The place of the first thing that a list has before it.
pub(crate) fn repeated<T: PartialEq>(list: &[T]) -> Option<usize> {
    let mut places = list.iter().enumerate();
    places.find(|(index, it)| list.iter().take(*index).any(|before| before == *it)).map(|(index, _)| index)
}
