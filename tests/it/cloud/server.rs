//! Servers of the tests: started on a free port of this machine, stopped with the test.

use super::Environment;
use crate::support::project;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// moto: honours If-None-Match.
    S3,
    /// s3rver: does not know it.
    OldS3,
    Azure,
}

pub(crate) struct Server {
    child: Child,
    kind: Kind,
    /// Scheme, address and port.
    pub(super) url: String,
    _data: tempfile::TempDir,
}

/// The key that every emulator of Azure storage has; no secret.
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl Server {
    /// With one bucket or container, `lake`. `None`: there is no such server here, which is said, and is an error where
    /// `SPENDSCOPE_SERVERS` is set.
    pub(crate) fn start(kind: Kind) -> Option<Server> {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().to_str().unwrap().to_owned();
        let (program, args): (PathBuf, Vec<String>) = match kind {
            Kind::S3 => (
                servers().join("venv/bin/python"),
                vec![project("tests/servers/s3.py").display().to_string()],
            ),
            Kind::OldS3 => (
                servers().join("npm/node_modules/.bin/s3rver"),
                ["-d", &folder, "-p", "0", "--configure-bucket", "lake"]
                    .map(str::to_owned)
                    .into(),
            ),
            Kind::Azure => (
                servers().join("npm/node_modules/.bin/azurite-blob"),
                [
                    "--blobPort",
                    "0",
                    "--inMemoryPersistence",
                    "--disableTelemetry",
                    "--silent",
                    "--skipApiVersionCheck",
                ]
                .map(str::to_owned)
                .into(),
            ),
        };
        if !program.exists() {
            let why = format!(
                "no {kind:?} server in {}: tests/servers/object_stores.sh brings it",
                servers().display()
            );
            assert!(std::env::var_os("SPENDSCOPE_SERVERS").is_none(), "{why}");
            println!("SKIPPED: {why}");
            return None;
        }
        let mut child = Command::new(program)
            .args(args)
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        // Reads on to the end, so that the server never waits for a reader.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(port) = port(&line) {
                    let _ = tell.send(port);
                }
            }
        });
        let Ok(port) = told.recv_timeout(Duration::from_secs(60)) else {
            let _ = child.kill();
            panic!("the {kind:?} server does not come up");
        };
        let server = Server {
            child,
            kind,
            url: format!("http://127.0.0.1:{port}"),
            _data: data,
        };
        server.bucket("lake");
        Some(server)
    }

    fn bucket(&self, name: &str) {
        match self.kind {
            Kind::S3 => {
                let address = self.url.trim_start_matches("http://");
                let mut stream = TcpStream::connect(address).unwrap();
                write!(stream, "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(
                    answer.starts_with("HTTP/1.") && answer.contains(" 200 "),
                    "{answer}"
                );
            }
            Kind::OldS3 => {}
            Kind::Azure => {
                let status = Command::new("node")
                    .arg(project("tests/servers/container.js"))
                    .args([&self.url, name])
                    .status()
                    .unwrap();
                assert!(status.success());
            }
        }
    }

    /// What a user would set.
    pub(crate) fn environment(&self) -> Environment {
        self.environment_at(&self.url)
    }

    /// The same, by way of another address.
    pub(super) fn environment_at(&self, url: &str) -> Environment {
        let pairs = match self.kind {
            Kind::Azure => vec![
                ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1".to_owned()),
                ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY.to_owned()),
                ("AZURE_STORAGE_ENDPOINT", format!("{url}/devstoreaccount1")),
            ],
            // What s3rver knows.
            Kind::S3 | Kind::OldS3 => vec![
                ("AWS_ACCESS_KEY_ID", "S3RVER".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "S3RVER".to_owned()),
                ("AWS_REGION", "us-east-1".to_owned()),
                ("AWS_ENDPOINT_URL", url.to_owned()),
            ],
        };
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Its bucket, as an address.
    pub(super) fn root(&self) -> &'static str {
        match self.kind {
            Kind::S3 | Kind::OldS3 => "s3://lake",
            Kind::Azure => "az://lake",
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn servers() -> PathBuf {
    if let Some(folder) = std::env::var_os("SPENDSCOPE_SERVERS_DIR") {
        return folder.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.unwrap_or_default().join("spendscope/servers")
}

/// The port in a line such as "listening on http://127.0.0.1:4711".
fn port(line: &str) -> Option<u16> {
    let listens = line.contains("listens on") || line.contains("listening on");
    let digits = line.trim_end().rsplit(':').next().filter(|_| listens)?;
    digits.parse().ok().filter(|port| *port != 0)
}
