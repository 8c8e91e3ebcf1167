//! The table of sizes in the README, and limits for them.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use portcullis_tests::root;

use crate::{MODULES, built};

/// In KiB, in the order of [`MODULES`]: a new feature has room, a new library has not.
const LIMITS: [usize; 6] = [2055, 960, 525, 575, 535, 695];
/// A compiler of another version makes modules of another size: so much of a hundred is the same to the README.
const TOLERANCE: usize = 2;

/// In KiB, begun ones counted.
fn sizes(name: &str) -> [usize; 2] {
    let wasm = built(&format!("{name}.wasm"));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&wasm).unwrap();
    [wasm.len(), gzip.finish().unwrap().len()].map(|bytes| bytes.div_ceil(1024))
}

#[test]
fn no_module_grows_beyond_its_limit() {
    for (name, limit) in MODULES.into_iter().zip(LIMITS) {
        let [size, _] = sizes(name);
        assert!(size <= limit, "dist/{name}.wasm has {size} KiB, more than {limit}");
    }
}

#[test]
fn the_readme_says_how_large_the_modules_are() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for name in MODULES {
        let row = format!("| `dist/{name}.wasm` |");
        let row = readme
            .lines()
            .find_map(|line| line.strip_prefix(&row))
            .unwrap_or_else(|| panic!("no row of {name}"));
        let written: Vec<usize> = row.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
        let sizes = sizes(name);
        assert_eq!(written.len(), sizes.len(), "{row}");
        for (written, size) in written.into_iter().zip(sizes) {
            let close = written.abs_diff(size) * 100 <= size * TOLERANCE;
            assert!(close, "{name}: the README says {written} KiB, it is {size}");
        }
    }
}
