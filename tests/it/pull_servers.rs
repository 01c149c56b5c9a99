//! Connectors against the real servers, as Debian packages them: each test starts its own in a scratch
//! folder and stops it. A server that is not installed is said aloud; under `tests/run` it is a failure.

use crate::pull::{HUSH, How, Place, failed, fine, holds};
use crate::pull_double::{Double, Reply};
use chrono::{SecondsFormat, Utc};
use spendscope::pull::Patience;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Where a program of a server is, or a printed reason to skip.
fn program(name: &str) -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = debian.flatten().map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = debian
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let why = format!("no {name} here: bash tests/servers/debian.sh installs it");
        assert!(std::env::var_os("SPENDSCOPE_SERVERS").is_none(), "{why}");
        println!("SKIPPED: {why}");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A server that is asked to stop when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-INT", &self.0.id().to_string()])
            .status();
        let _ = self.0.wait();
    }
}

fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what}: not within a minute"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The body of an answer; empty where there is none.
fn http(port: u16, target: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return String::new();
    };
    let asked = write!(stream, "GET {target} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n");
    let mut text = String::new();
    if asked.is_err() || stream.read_to_string(&mut text).is_err() {
        return String::new();
    }
    text.split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default()
}

const METRICS: &str = "\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",UUID=\"GPU-a\",Hostname=\"n1\",modelName=\"NVIDIA H100\"} VALUE
DCGM_FI_DEV_GPU_UTIL{gpu=\"1\",UUID=\"GPU-b\",Hostname=\"n1\",modelName=\"NVIDIA H100\"} 7
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu=\"0\",UUID=\"GPU-a\",Hostname=\"n1\",modelName=\"NVIDIA H100\"} 412.25
# TYPE DCGM_FI_DEV_GPU_UTIL_NOT gauge
something_else{UUID=\"GPU-c\"} 1
";

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_is_read_whole_and_each_moment_once() {
    let Some(prometheus) = program("prometheus") else {
        return;
    };
    let place = Place::new();
    let scrapes = Arc::new(AtomicU32::new(0));
    let counter = scrapes.clone();
    let exporter = Double::start(move |_| {
        let scrape = counter.fetch_add(1, Ordering::SeqCst);
        Reply::Text(METRICS.replace("VALUE", &scrape.min(100).to_string()))
    });
    let folder = place.dir.path();
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n- job_name: dcgm\n  static_configs:\n  - targets: ['{}']\n",
        exporter.host()
    );
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let port = free_port();
    let log = std::fs::File::create(folder.join("prometheus.log")).unwrap();
    let _server = Running(
        Command::new(prometheus)
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            // Few samples at once: what a big fleet meets with the default of fifty million.
            .arg("--query.max-samples=16")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap(),
    );
    eventually("Prometheus scrapes", || scrapes.load(Ordering::SeqCst) >= 10);
    assert!(http(port, "/-/ready").contains("Ready"));
    let begun = Utc::now() - chrono::TimeDelta::seconds(40);
    let config =
        format!("[[pull.prometheus]]\nname = 'gpus'\nurl = 'http://127.0.0.1:{port}'\nstep_seconds = 1\n");
    let how = How {
        since: Some(begun.to_rfc3339_opts(SecondsFormat::Secs, true)),
        ..How::default()
    };
    let first = place.one(&now(), &config, &how).await;
    fine(&first);
    assert!(
        first.report.files.len() > 1,
        "the range was split: {:?}",
        first.report.files
    );
    let before = place.facts("gpu_samples").await.len();
    assert!(before >= 2 * 6, "{before}");

    std::thread::sleep(Duration::from_secs(4));
    let moment = now();
    // Resumed without being told from when: the last hour is read again, and holds nothing twice.
    fine(&place.one(&moment, &config, &How::default()).await);
    let other = Place::new();
    fine(&other.one(&moment, &config, &how).await);
    let facts = place.facts("gpu_samples").await;
    assert_eq!(facts, other.facts("gpu_samples").await);
    assert!(facts.len() >= before + 2 * 3, "{before} → {}", facts.len());
    assert_eq!(facts.iter().collect::<BTreeSet<_>>().len(), facts.len());
    assert!(
        facts
            .iter()
            .any(|row| row.contains("GPU-a") && row.contains("412.25"))
    );
    assert!(facts.iter().any(|row| row.contains("GPU-b")) && !facts.iter().any(|row| row.contains("GPU-c")));

    // A wrong path is told in words.
    let config = format!("[[pull.prometheus]]\nname = 'gpus'\nurl = 'http://127.0.0.1:{port}/wrong'\n");
    let said = failed(&place.one(&moment, &config, &How::default()).await);
    assert!(said.contains("404") && said.contains("before /api/v1"), "{said}");
}

/// LiteLLM's table as its migrations make it.
const SPEND_LOGS: &str = r#"
CREATE TABLE "LiteLLM_SpendLogs" (
    "request_id" TEXT NOT NULL,
    "call_type" TEXT NOT NULL,
    "api_key" TEXT NOT NULL DEFAULT '',
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
    "total_tokens" INTEGER NOT NULL DEFAULT 0,
    "prompt_tokens" INTEGER NOT NULL DEFAULT 0,
    "completion_tokens" INTEGER NOT NULL DEFAULT 0,
    "startTime" TIMESTAMP(3) NOT NULL,
    "endTime" TIMESTAMP(3) NOT NULL,
    "request_duration_ms" INTEGER,
    "completionStartTime" TIMESTAMP(3),
    "model" TEXT NOT NULL DEFAULT '',
    "model_id" TEXT DEFAULT '',
    "model_group" TEXT DEFAULT '',
    "custom_llm_provider" TEXT DEFAULT '',
    "api_base" TEXT DEFAULT '',
    "user" TEXT DEFAULT '',
    "metadata" JSONB DEFAULT '{}',
    "cache_hit" TEXT DEFAULT '',
    "cache_key" TEXT DEFAULT '',
    "request_tags" JSONB DEFAULT '[]',
    "team_id" TEXT,
    "organization_id" TEXT,
    "end_user" TEXT,
    "requester_ip_address" TEXT,
    "messages" JSONB DEFAULT '{}',
    "response" JSONB DEFAULT '{}',
    "session_id" TEXT,
    "status" TEXT,
    "mcp_namespaced_tool_name" TEXT,
    "agent_id" TEXT,
    "proxy_server_request" JSONB DEFAULT '{}',
    "litellm_call_id" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "LiteLLM_SpendLogs_pkey" PRIMARY KEY ("request_id")
);
CREATE INDEX "LiteLLM_SpendLogs_startTime_request_id_idx" ON "LiteLLM_SpendLogs" ("startTime", "request_id");
"#;

/// The role of README.md: not even allowed to see the columns that hold prompts.
const READER: &str = r#"
CREATE ROLE spendscope_reader LOGIN PASSWORD 'SECRET';
GRANT USAGE ON SCHEMA public TO spendscope_reader;
GRANT SELECT (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens,
              "startTime", "endTime", "completionStartTime", request_duration_ms, model, model_id, model_group,
              custom_llm_provider, api_base, "user", end_user, metadata, cache_hit, request_tags, team_id,
              session_id, status, litellm_call_id)
    ON "LiteLLM_SpendLogs" TO spendscope_reader;
"#;

const PROMPT: &str = "planted-prompt-about-llamas";

/// Rows `first..=last`, twenty to a second, so that pages end between equal moments.
fn rows(first: u32, last: u32, start: &str) -> String {
    format!(
        r#"INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, total_tokens, prompt_tokens,
            completion_tokens, "startTime", "endTime", model, model_group, custom_llm_provider, metadata,
            request_tags, status, messages, response, proxy_server_request)
        SELECT 'req-' || n, 'acompletion', repeat('ab', 32), n * 0.000001, 100 + n, 100, n,
            timestamp '{start}' + (n / 20) * interval '1 second' * 60,
            timestamp '{start}' + (n / 20) * interval '1 second' * 60 + interval '250 milliseconds',
            'gpt-4o-mini', 'gpt-4o-mini', 'openai',
            jsonb_build_object('usage_object', jsonb_build_object('prompt_tokens_details', jsonb_build_object('cached_tokens', 10))),
            '["use_case:support"]', 'success',
            jsonb_build_array('{PROMPT}'), jsonb_build_object('text', '{PROMPT}'), jsonb_build_object('body', '{PROMPT}')
        FROM generate_series({first}, {last}) n"#
    )
}

/// A PostgreSQL of one's own, with TLS beside plain text.
struct Database {
    port: u16,
    folder: PathBuf,
    program: PathBuf,
    owner: Option<(u32, u32)>,
    running: Option<Running>,
}

impl Database {
    /// Folders of `initdb` and of certificates below `folder`.
    fn make(folder: &Path) -> Option<Database> {
        let (initdb, server) = (program("initdb")?, program("postgres")?);
        let openssl = program("openssl")?;
        let id = |what: &str, of: &[&str]| -> u32 {
            let output = Command::new("id").arg(what).args(of).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
        };
        // PostgreSQL refuses to run as root.
        let owner = (id("-u", &[]) == 0).then(|| (id("-u", &["postgres"]), id("-g", &["postgres"])));
        let folder = folder.join("postgres");
        std::fs::create_dir(&folder).unwrap();
        let made = Database {
            port: free_port(),
            folder,
            program: server,
            owner,
            running: None,
        };
        made.own(&made.folder);
        // The scratch folder itself is root's alone.
        made.own(made.folder.parent().unwrap());
        std::fs::write(made.folder.join("password"), HUSH).unwrap();
        made.own(&made.folder.join("password"));
        let data = made.folder.join("data");
        made.run(
            Command::new(initdb)
                .args([
                    "-N",
                    "-E",
                    "UTF8",
                    "--locale=C",
                    "-A",
                    "scram-sha-256",
                    "-U",
                    "owner",
                    "--pwfile",
                ])
                .arg(made.folder.join("password"))
                .arg("-D")
                .arg(&data),
        );
        for args in [
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=tests -keyout ca.key -out ca.pem",
            "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt",
        ] {
            std::fs::write(made.folder.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
            made.run(Command::new(&openssl).args(args.split(' ')));
        }
        Some(made)
    }

    fn own(&self, path: &Path) {
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }

    fn as_owner<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        use std::os::unix::process::CommandExt;
        match self.owner {
            Some((user, group)) => command.uid(user).gid(group),
            None => command,
        }
    }

    fn run(&self, command: &mut Command) {
        let output = self.as_owner(command.current_dir(&self.folder)).output().unwrap();
        assert!(
            output.status.success(),
            "{command:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn start(&mut self) {
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let file = |name: &str| self.folder.join(name).display().to_string();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", file("")),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", file("server.crt")),
            format!("ssl_key_file={}", file("server.key")),
            "shared_buffers=16MB".to_owned(),
            "log_statement=all".to_owned(),
        ];
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .arg("-D")
            .arg(self.folder.join("data"));
        for setting in &settings {
            command.args(["-c", setting]);
        }
        let child = self
            .as_owner(command.stdout(Stdio::null()).stderr(log))
            .spawn()
            .unwrap();
        self.running = Some(Running(child));
    }

    fn url(&self, user: &str, password: &str, rest: &str) -> String {
        format!("postgresql://{user}:{password}@127.0.0.1:{}/{rest}", self.port)
    }

    /// Runs statements as the owner, once the server is up.
    async fn sql(&self, database: &str, sql: &str) {
        let url = self.url("owner", HUSH, &format!("{database}?sslmode=disable"));
        let begun = Instant::now();
        loop {
            match tokio_postgres::connect(&url, tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client.batch_execute(sql).await.unwrap();
                }
                Err(e) => assert!(begun.elapsed() < Duration::from_secs(60), "{e}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn connector(url: &str) -> String {
    format!("[[pull.litellm_postgres]]\nname = 'gateway'\nurl = {{ env = 'value:{url}' }}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn litellms_table_is_read_whole_by_a_role_that_may_only_read() {
    let place = Place::new();
    let Some(mut database) = Database::make(place.dir.path()) else {
        return;
    };
    database.start();
    database.sql("postgres", "CREATE DATABASE litellm").await;
    database.sql("litellm", SPEND_LOGS).await;
    database.sql("litellm", &READER.replace("SECRET", "r:e@ad")).await;
    // Five days of rows; a page has a thousand.
    let now = "2026-11-10T12:00:00Z";
    database
        .sql("litellm", &rows(1, 3_500, "2026-11-09 23:00:00"))
        .await;
    database
        .sql("litellm", &rows(100_001, 100_040, "2026-11-01 00:00:00"))
        .await;
    let url = database.url(
        "spendscope_reader",
        "r%3Ae%40ad",
        "litellm?schema=public&connection_limit=5&sslmode=disable",
    );
    let config = connector(&url);
    let first = place.one(now, &config, &How::default()).await;
    fine(&first);
    assert_eq!(place.facts("requests").await.len(), 3_540);
    assert!(
        first
            .report
            .files
            .iter()
            .any(|f| f.path == "pull/gateway/2026-11-10.jsonl"),
        "{:?}",
        first.report.files
    );
    assert_eq!(first.report.files.iter().map(|f| f.rows_rejected).sum::<u64>(), 0);

    // Rows are written late and updated; some are older than what was read last.
    database
        .sql("litellm", &rows(200_001, 200_500, "2026-11-02 00:00:00"))
        .await;
    database
        .sql("litellm", r#"UPDATE "LiteLLM_SpendLogs" SET completion_tokens = 99999, spend = 9.5 WHERE request_id = 'req-17'"#)
        .await;
    fine(&place.one(now, &config, &How::default()).await);
    let facts = place.facts("requests").await;
    assert_eq!(facts.len(), 3_540 + 500);
    assert!(
        facts
            .iter()
            .any(|row| row.contains("req-17|") && row.contains("99999"))
    );
    let other = Place::new();
    fine(&other.one(now, &config, &How::default()).await);
    assert_eq!(facts, other.facts("requests").await);

    let lake = place.dir.path().join("lake");
    assert!(!holds(&lake, "r:e@ad") && !holds(&lake, "r%3Ae%40ad") && !holds(&lake, PROMPT));
    let rows = facts.join("\n");
    assert!(!rows.contains(PROMPT));
    // The server was never asked for them.
    let log = std::fs::read_to_string(database.folder.join("log")).unwrap();
    let asked: Vec<&str> = log.lines().filter(|line| line.contains("row_to_json")).collect();
    assert!(asked.len() >= 5, "{}", asked.len());
    assert!(
        asked
            .iter()
            .all(|line| !line.contains("\"messages\"") && !line.contains("\"response\""))
    );
    assert!(log.contains("READ ONLY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_refuses_is_told_with_advice_and_without_the_password() {
    let place = Place::new();
    let Some(mut database) = Database::make(place.dir.path()) else {
        return;
    };
    database.start();
    database.sql("postgres", "CREATE DATABASE litellm").await;
    database
        .sql(
            "litellm",
            "CREATE ROLE spendscope_reader LOGIN PASSWORD 'reader-pass'",
        )
        .await;
    let now = "2026-11-10T12:00:00Z";
    let plain =
        |user: &str, password: &str| connector(&database.url(user, password, "litellm?sslmode=disable"));
    let reader = plain("spendscope_reader", "reader-pass");

    let said = failed(&place.one(now, &reader, &How::default()).await);
    assert!(said.contains("there is no table \"LiteLLM_SpendLogs\""), "{said}");
    database.sql("litellm", SPEND_LOGS).await;
    database.sql("litellm", &rows(1, 40, "2026-11-10 00:00:00")).await;
    let said = failed(&place.one(now, &reader, &How::default()).await);
    assert!(
        said.contains("may not read") && said.contains("GRANT SELECT"),
        "{said}"
    );
    database
        .sql(
            "litellm",
            "GRANT SELECT ON \"LiteLLM_SpendLogs\" TO spendscope_reader",
        )
        .await;
    let said = failed(
        &place
            .one(now, &plain("spendscope_reader", "wrong-pass"), &How::default())
            .await,
    );
    assert!(said.contains("28P01") && !said.contains("wrong-pass"), "{said}");
    let said = failed(
        &place
            .one(
                now,
                &connector(&database.url("spendscope_reader", "reader-pass", "nowhere?sslmode=disable")),
                &How::default(),
            )
            .await,
    );
    assert!(
        said.contains("\"nowhere\" does not exist") && !said.contains("reader-pass"),
        "{said}"
    );

    // With TLS: an authority that nobody here knows, then the right one.
    let tls = connector(&database.url("spendscope_reader", "reader-pass", "litellm?sslmode=verify-full"));
    let said = failed(&place.one(now, &tls, &How::default()).await);
    assert!(
        said.contains("certificate") && said.contains("ca_certificate"),
        "{said}"
    );
    assert_eq!(place.facts("requests").await.len(), 0);
    let ca = std::fs::read_to_string(database.folder.join("ca.pem")).unwrap();
    fine(
        &place
            .one(
                now,
                &format!("{tls}ca_certificate = '''\n{ca}'''\n"),
                &How::default(),
            )
            .await,
    );
    assert_eq!(place.facts("requests").await.len(), 40);

    // A server that is away is waited for.
    database.running = None;
    let how = How {
        patience: Patience {
            base: Duration::from_secs(4),
            attempts: 30,
            cap: Duration::from_secs(4),
            ..Patience::default()
        },
        ..How::default()
    };
    let once = How {
        patience: Patience {
            attempts: 1,
            ..how.patience.clone()
        },
        ..How::default()
    };
    let said = failed(&place.one(now, &reader, &once).await);
    assert!(
        said.contains("can it be reached") && !said.contains("reader-pass"),
        "{said}"
    );
    let back = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_secs(1));
        database.start();
        database
    });
    fine(&place.one(now, &reader, &how).await);
    let database = back.await.unwrap();
    assert_eq!(place.facts("requests").await.len(), 40);
    drop(database);
}
