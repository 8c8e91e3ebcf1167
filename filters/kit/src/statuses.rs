use crate::ConfigError;

/// HTTP statuses, as ranges.
#[derive(Debug, PartialEq, Eq)]
pub struct Statuses {
    ranges: Vec<(u16, u16)>,
}

impl Statuses {
    /// Reads `404`, `5xx` and `500-599`.
    ///
    /// # Errors
    /// Which text is none of them.
    pub fn new(texts: &[String]) -> Result<Self, ConfigError> {
        let ranges = texts.iter().enumerate().map(|(index, text)| {
            range(text).ok_or_else(|| {
                let problem = format!("{text:?} is no status; write one as 404, 5xx or 500-599");
                ConfigError::at(format!("[{index}]"), problem)
            })
        });
        Ok(Self { ranges: ranges.collect::<Result<_, _>>()? })
    }

    /// Whether a status is one of them.
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let status = |text: &str| {
        let is_status = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|status| is_status && (100..600).contains(status))
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = status(&format!("{class}00"))?;
        return Some((first, first.saturating_add(99)));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(texts: &[&str]) -> Result<Statuses, ConfigError> {
        Statuses::new(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn statuses_are_single_ones_classes_and_ranges() {
        let statuses = statuses(&["404", "5xx", "301-303"]).unwrap();
        for (status, expected) in
            [(404, true), (500, true), (599, true), (302, true), (304, false), (405, false)]
        {
            assert_eq!(statuses.contains(status), expected, "{status}");
        }
    }

    #[test]
    fn what_is_no_status_is_a_mistake() {
        for text in ["", "xx", "6xx", "50x", "99", "1000", "500-400", "+50", "5xx-599"] {
            let error = statuses(&["404", text]).unwrap_err().to_string();
            assert!(error.starts_with("[1]: ") && error.contains("write one as 404"), "{text}: {error}");
        }
    }
}
