//! A cluster of real processes says what one process says: a scheduler and two executors, each in a network of
//! its own where that can be had.

mod answers;
mod nodes;
mod stores;
mod trouble;

use crate::support::{project, run, spendscope};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A moment at which all of the sample has happened.
const NOW: &str = "2026-10-20T00:00:00Z";

/// A lake of the sample data, made once for all tests of this process.
fn sample_lake() -> &'static Path {
    static LAKE: OnceLock<PathBuf> = OnceLock::new();
    LAKE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        let config = project("sample-data/spendscope.toml");
        let data = project("sample-data");
        let lake = folder.join("lake");
        let (status, _, talk) = run(
            &folder,
            &[
                "--lake",
                lake.to_str().unwrap(),
                "--config",
                config.to_str().unwrap(),
                "--now",
                NOW,
                "ingest",
                data.to_str().unwrap(),
            ],
        );
        assert!(status == 0 || status == 4, "{talk}");
        lake
    })
}
