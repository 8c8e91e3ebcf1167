//! Fuzz targets, one per file under `tests`. Under `cargo test` each runs over its corpus and a bounded number of random
//! inputs; `cargo bolero test <target>` goes on until something breaks. What has broken something is committed beside the
//! target, in `__fuzz__/<target>/crashes` or `corpus`, and stays a test.
