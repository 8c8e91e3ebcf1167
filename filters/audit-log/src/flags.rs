//! Envoy's response flags by the names that `%RESPONSE_FLAGS%` gives them.

/// The names, by bit (Envoy 1.40, `CoreResponseFlag`).
const NAMES: [&str; 29] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR",
];

/// The names of the bits that are set, joined by commas; empty for none.
pub(crate) fn names(flags: u64) -> String {
    let set = NAMES.iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1);
    let mut names = set.fold(String::new(), |mut names, (_, name)| {
        if !names.is_empty() {
            names.push(',');
        }
        names += name;
        names
    });
    // One that is newer than this list.
    if flags >> NAMES.len() != 0 {
        names += if names.is_empty() { "?" } else { ",?" };
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_the_names_that_access_logs_give_them() {
        for (flags, expected) in [
            (0, ""),
            (0x2, "UH"),
            (0x4, "UT"),
            (0x20, "UF"),
            (0x40, "UC"),
            (0x100, "NR"),
            (0x400, "FI"),
            (0x4000, "DC"),
            (0x8000, "URX"),
            (0x80_0000, "UPE"),
            (0x100_0000, "NC"),
            (0x8020, "UF,URX"),
            (1 << 40, "?"),
        ] {
            assert_eq!(names(flags), expected, "{flags:x}");
        }
    }
}
