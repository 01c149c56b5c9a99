//! Lakes and files on object stores, against real servers (tests/servers/object_stores.sh), and against one that fails on
//! purpose. The program runs as a process of its own with the variables that a user would set.

mod double;
mod files;
mod lakes;
pub(crate) mod server;
mod trouble;

use crate::support::{project, spendscope};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path as Key};
use spendscope::store::cloud;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const NOW: &str = "2026-11-20T00:00:00Z";

/// Variables for the program.
type Environment = Vec<(String, String)>;

/// The program, without anything of the caller's clouds.
fn program(folder: &Path, environment: &Environment, args: &[&str]) -> Command {
    let mut command = spendscope(folder);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["AWS_", "AZURE_", "GOOGLE_", "SPENDSCOPE_"]
            .iter()
            .any(|p| name.starts_with(p))
        {
            command.env_remove(name);
        }
    }
    // No credentials of the machine that this runs on.
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AZURE_MSI_ENDPOINT", "http://127.0.0.1:1");
    command.env("NO_PROXY", "127.0.0.1,localhost");
    command.envs(environment.iter().cloned());
    if !args.contains(&"--now") {
        command.args(["--now", NOW]);
    }
    command.args(args);
    command
}

/// Runs it and returns (exit status, stdout, stderr).
fn run(folder: &Path, environment: &Environment, args: &[&str]) -> (i32, String, String) {
    let out = program(folder, environment, args).output().unwrap();
    (
        out.status.code().unwrap_or(-1),
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    )
}

/// Runs it; it must end with this status.
fn says(folder: &Path, environment: &Environment, status: i32, args: &[&str]) -> (String, String) {
    let (got, out, talk) = run(folder, environment, args);
    assert_eq!(got, status, "{args:?}\n{out}\n{talk}");
    (out, talk)
}

/// The store of an address, as the program would open it.
fn store(address: &str, environment: &Environment) -> Arc<dyn ObjectStore> {
    let options: HashMap<String, String> = environment.iter().cloned().collect();
    cloud::open(&url::Url::parse(address).unwrap(), &options)
        .unwrap()
        .0
}

async fn put(store: &dyn ObjectStore, key: &str, bytes: impl Into<PutPayload>) {
    store.put(&Key::parse(key).unwrap(), bytes.into()).await.unwrap();
}

/// A file of the sample data, unpacked.
fn sample(path: &str) -> String {
    let packed = std::fs::read(project("sample-data").join(path)).unwrap();
    let mut text = String::new();
    match path.ends_with(".gz") {
        true => flate2::read::MultiGzDecoder::new(&packed[..])
            .read_to_string(&mut text)
            .unwrap(),
        false => (&packed[..]).read_to_string(&mut text).unwrap(),
    };
    text
}

/// The first lines of a file of the sample data.
fn head(path: &str, lines: usize) -> String {
    let text = sample(path);
    text.lines()
        .take(lines)
        .fold(String::new(), |all, line| all + line + "\n")
}
