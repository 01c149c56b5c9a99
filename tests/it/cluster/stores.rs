//! A lake on S3: executors read it with credentials of their own, and nobody's secret travels.

use super::nodes::Nodes;
use super::{NOW, project, spendscope};
use crate::cloud::server::{Kind, Server};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

const SECRET: &str = "what-only-the-client-knows";

/// A go-between that writes down what a client says to the scheduler.
fn listener_in(scheduler: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let between = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", between.local_addr().unwrap());
    let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
    let (scheduler, notes) = (
        scheduler.trim_start_matches("http://").to_owned(),
        Arc::clone(&heard),
    );
    std::thread::spawn(move || {
        for client in between.incoming() {
            let mut client = client.unwrap();
            let mut server = TcpStream::connect(&scheduler).unwrap();
            let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let notes = Arc::clone(&notes);
            std::thread::spawn(move || {
                let mut some = vec![0; 64 << 10];
                while let Ok(read) = client.read(&mut some)
                    && read > 0
                {
                    notes.lock().unwrap().extend(&some[..read]);
                    server.write_all(&some[..read]).unwrap();
                }
                let _ = server.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    (url, heard)
}

fn has(heard: &[u8], text: &str) -> bool {
    heard.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn executors_read_s3_with_credentials_of_their_own() {
    let Some(server) = Server::start(Kind::S3) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut client = server.environment();
    client.retain(|(name, _)| name != "AWS_SECRET_ACCESS_KEY");
    client.push(("AWS_SECRET_ACCESS_KEY".to_owned(), SECRET.to_owned()));
    client.push(("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()));
    // Nothing that this user's cache has from before.
    let cache = folder.path().join("cache").display().to_string();
    client.push(("XDG_CACHE_HOME".to_owned(), cache));
    let config = project("sample-data/spendscope.toml").display().to_string();
    let ask = |more: &[&str], rest: &[&str]| {
        let out = spendscope(folder.path())
            .envs(client.clone())
            .args([
                "--lake",
                "s3://lake/sample",
                "--config",
                &config,
                "--now",
                NOW,
                "-o",
                "csv",
                "-q",
            ])
            .args(more)
            .args(rest)
            .output()
            .unwrap();
        let [out_text, talk] = [out.stdout, out.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (out.status.code().unwrap_or(-1), out_text, talk)
    };
    let data = project("sample-data").display().to_string();
    let (status, _, talk) = ask(&[], &["ingest", &data]);
    assert!(status == 0 || status == 4, "{talk}");

    let nodes = Nodes::start(folder.path(), &server.environment(), &[]);
    let (between, heard) = listener_in(&nodes.url);
    let metric = [
        "--period",
        "2026-09",
        "metric",
        "run",
        "unit/cost_per_successful_task",
    ];
    let (_, here, _) = ask(&[], &metric);
    let (status, there, talk) = ask(&["--cluster", &between], &metric);
    assert_eq!(status, 0, "{talk}");
    assert!(here.lines().count() > 1);
    assert_eq!(there, here);
    let heard = heard.lock().unwrap();
    assert!(has(&heard, "s3://lake"), "the plan did not come by here");
    assert!(!has(&heard, SECRET), "a secret travels with the plan");
    drop(nodes);
    without_credentials(folder.path(), |url| {
        ask(
            &["--cluster", url],
            &["sql", "-c", "SELECT count(*) AS n FROM charges"],
        )
    });
}

/// Executors that nobody gave credentials say so; the client's are not used.
fn without_credentials(folder: &Path, ask: impl Fn(&str) -> (i32, String, String)) {
    let nodes = Nodes::start(folder, &[], &[]);
    let (status, out, talk) = ask(&nodes.url);
    assert!(status == 1 && out.is_empty(), "{status} {out}");
    assert!(talk.contains("no credentials for S3"), "{talk}");
}
