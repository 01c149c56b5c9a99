//! Clusters that are not there, lose a machine, or listen to strangers.

use super::nodes::{Nodes, free_ports, lone_scheduler};
use super::{NOW, sample_lake};
use crate::support::{run, spendscope};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const SMALL: &str = "SELECT count(*) AS n FROM charges";

/// Some twelve million hashes: seconds of work for two executors, in several stages.
const LONG: &str =
    "SELECT max(md5(concat(a.request_id, b.request_id))) AS m, count(*) AS n FROM requests AS a
    CROSS JOIN (SELECT request_id FROM requests ORDER BY request_id LIMIT 400) AS b";

fn ask(folder: &Path, more: &[&str], sql: &str) -> (i32, String, String) {
    let lake = sample_lake().to_str().unwrap();
    let mut args = vec!["--lake", lake, "--now", NOW, "-o", "csv"];
    args.extend(more);
    args.extend(["sql", "-c", sql]);
    run(folder, &args)
}

/// The query on a cluster, and its answer when it has one.
fn start(folder: &Path, nodes: &Nodes, sql: &str) -> Child {
    spendscope(folder)
        .args(["--lake", sample_lake().to_str().unwrap(), "--now", NOW])
        .args(["-o", "csv", "--cluster", &nodes.url, "sql", "-c", sql])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the other executor has done by then is worked out again: nothing of it may be counted twice.
#[test]
fn an_executor_that_is_killed_is_made_up_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut nodes = Nodes::apart(folder.path());
    let (_, expected, _) = ask(folder.path(), &[], LONG);
    assert!(expected.lines().count() == 2, "{expected}");
    let before = nodes.executors[0].worked();
    let mut client = start(folder.path(), &nodes, LONG);
    while nodes.executors[0].worked() < before + Duration::from_millis(700) {
        assert!(
            client.try_wait().unwrap().is_none(),
            "the query was over too soon"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    nodes.executors[0].kill();
    let killed = Instant::now();
    while client.try_wait().unwrap().is_none() {
        assert!(
            killed.elapsed() < Duration::from_secs(300),
            "nothing came after the executor was killed"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let out = client.wait_with_output().unwrap();
    println!("answered {:?} after the executor was killed", killed.elapsed());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(String::from_utf8(out.stdout).unwrap(), expected);
    nodes.has(1);
}

#[test]
fn a_scheduler_that_says_nothing_any_more_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = Nodes::start(folder.path(), &[], &[]);
    let before = nodes.executors[0].worked();
    let mut client = start(folder.path(), &nodes, LONG);
    while nodes.executors[0].worked() < before + Duration::from_millis(500) {
        assert!(
            client.try_wait().unwrap().is_none(),
            "the query was over too soon"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    nodes.scheduler.stop();
    let stopped = Instant::now();
    let out = client.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&out.stderr);
    println!("told {:?} after it fell silent: {talk}", stopped.elapsed());
    assert!(!out.status.success() && out.stdout.is_empty());
    assert!(talk.contains("went away while the query ran"), "{talk}");
    assert!(stopped.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_cluster_without_executors_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (_scheduler, url) = lone_scheduler(folder.path());
    let (status, out, talk) = ask(folder.path(), &["--cluster", &url], SMALL);
    assert!(status == 1 && out.is_empty(), "{status} {out}");
    assert!(
        talk.contains("has no executors") && talk.contains("cluster executor"),
        "{talk}"
    );
}

#[test]
fn what_is_no_scheduler_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = format!("127.0.0.1:{}", free_ports());
    let (status, _, talk) = ask(folder.path(), &["--cluster", &nobody], SMALL);
    assert_eq!(status, 1);
    assert!(
        talk.contains("no scheduler answers") && talk.contains("cluster scheduler"),
        "{talk}"
    );

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in other.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let (status, _, talk) = ask(folder.path(), &["--cluster", &address], SMALL);
    assert_eq!(status, 1);
    assert!(talk.contains("is no scheduler"), "{talk}");
    let (status, _, talk) = ask(folder.path(), &["--cluster", "https://elsewhere"], SMALL);
    assert_eq!(status, 2, "{talk}");
}

#[test]
fn an_executor_without_a_scheduler_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = format!("127.0.0.1:{}", free_ports());
    let bind = format!("127.0.0.1:{}", free_ports());
    let (status, _, talk) = run(
        folder.path(),
        &["cluster", "executor", "--scheduler", &nobody, "--bind", &bind],
    );
    assert_eq!(status, 1);
    assert!(talk.contains("no scheduler answers"), "{talk}");
}

#[test]
fn strangers_are_not_listened_to_unless_somebody_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for process in ["scheduler", "executor"] {
        let (status, _, talk) = run(folder.path(), &["cluster", process, "--bind", "0.0.0.0:1"]);
        assert_eq!(status, 2, "{talk}");
        assert!(
            talk.contains("--insecure-network") && talk.contains("password"),
            "{talk}"
        );
    }
}

#[test]
fn an_error_of_a_query_is_told_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = Nodes::start(folder.path(), &[], &[]);
    let sql = "SELECT apportion(sum(effective_cost), 0, 1000000000000000000, 1) AS a FROM charges WHERE billing_currency = 'EUR'";
    let (here, _, talk) = ask(folder.path(), &[], sql);
    let (there, _, told) = ask(folder.path(), &["--cluster", &nodes.url], sql);
    assert!(here == 1 && there == 1, "{talk} {told}");
    let cause = "is too large";
    assert!(talk.contains(cause) && told.contains(cause), "{talk} {told}");
}

#[test]
fn what_would_be_lost_on_the_way_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = Nodes::start(folder.path(), &[], &[]);
    let sql = "SELECT count(*) FILTER (WHERE effective_cost > 1) OVER (PARTITION BY source) AS n FROM charges LIMIT 1";
    let (status, out, talk) = ask(folder.path(), &["--cluster", &nodes.url], sql);
    assert!(status == 1 && out.is_empty(), "{status} {out}");
    assert!(talk.contains("FILTER") && talk.contains("CASE WHEN"), "{talk}");
}

#[test]
fn processes_end_when_they_are_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    let more = [
        "--work-dir",
        work.to_str().unwrap(),
        "--memory",
        "512",
        "--cores",
        "1",
    ];
    let mut nodes = Nodes::start(folder.path(), &[], &more);
    let (status, out, talk) = ask(folder.path(), &["--cluster", &nodes.url], SMALL);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(out.lines().next(), Some("n"), "{out}");
    for executor in nodes.executors.drain(..) {
        let (status, said) = executor.end();
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("executor ended"), "{said}");
    }
    nodes.has(0);
    assert_eq!(
        std::fs::read_dir(&work).unwrap().count(),
        0,
        "rows were left behind"
    );
}
