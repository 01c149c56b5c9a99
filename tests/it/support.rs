//! What tests share: the project's folders, a scratch folder, and the program itself.

use spendscope::asset::Assets;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A path below the project.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The queries under test: those that are compiled in. `SPENDSCOPE_TEST_QUERIES=1` lays the folder over
/// them, so that a test binary that is there already tries out changed SQL without a build.
pub(crate) fn assets() -> Assets {
    match std::env::var_os("SPENDSCOPE_TEST_QUERIES") {
        Some(_) => Assets::overlay(&project("queries")).unwrap(),
        None => Assets::builtin(),
    }
}

/// A path in the folder of real files beside the project, or a printed reason to skip.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let folder = project("../shared");
    let found = folder.join(path);
    if found.exists() {
        return Some(found);
    }
    let name = path.split('/').next().unwrap_or(path);
    println!("skipped: no ../shared/{name}");
    None
}

/// The program, ready to be given arguments, in a scratch folder and without the caller's settings.
pub(crate) fn spendscope(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spendscope"));
    command.current_dir(folder);
    for name in ["SPENDSCOPE_LAKE", "SPENDSCOPE_CONFIG", "SPENDSCOPE_NOW"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program and returns (exit status, stdout, stderr).
pub(crate) fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = spendscope(folder).args(args).output().unwrap();
    (
        status.code().unwrap_or(-1),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}
