//! What the tests of `spendscope serve` share: a small lake, and the program serving it.

use crate::support::{run, spendscope};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The clock of all runs.
pub(crate) const NOW: &str = "2026-10-02T00:00:00Z";

const CONFIG: &str = r#"
[use_cases.chat]
owner = "cx"
[use_cases.search]
owner = "<b>shop & co</b>"
[providers.openai]
charge_match = "provider = 'OpenAI'"
[models.small]
provider = "openai"
charge_match = "small"
"#;

const HEAD: &str = "BilledCost,EffectiveCost,BillingCurrency,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ServiceCategory,ConsumedUnit,SkuMeter,Tags";

/// One line of a bill: a day of September, and what it cost.
pub(crate) fn charge(day: u32, cost: &str, service: &str, tags: &str) -> String {
    let meter = if service == "OpenAI API" {
        "small input tokens"
    } else {
        ""
    };
    let provider = if service == "OpenAI API" { "OpenAI" } else { "AWS" };
    let category = if service == "OpenAI API" {
        "AI and Machine Learning"
    } else {
        "Compute"
    };
    let unit = if meter.is_empty() { "Hours" } else { "Tokens" };
    let tags = tags.replace('"', "\"\"");
    format!(
        "{cost},{cost},USD,{provider},2026-09-{day:02}T00:00:00Z,2026-09-{day:02}T12:00:00Z,2026-09-01T00:00:00Z,\
         2026-10-01T00:00:00Z,Usage,{service},{category},{unit},{meter},\"{tags}\""
    )
}

pub(crate) fn bill(lines: &[String]) -> String {
    format!("{HEAD}\n{}\n", lines.join("\n"))
}

fn call(id: u32, task: &str, use_case: &str) -> String {
    format!(
        r#"{{"request_id":"r{id}","call_type":"acompletion","spend":0.1,"startTime":"2026-09-01T10:00:00.123456Z","endTime":"2026-09-01T10:00:02Z","prompt_tokens":100,"completion_tokens":10,"custom_llm_provider":"openai","model":"small","session_id":"{task}","request_tags":["use_case:{use_case}"],"status":"success"}}"#
    )
}

/// A folder with a lake: 12.345678901234567891 of tokens for four calls, 100000000000.000000000000000001 of compute.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
        };
        place.write("spendscope.toml", CONFIG);
        let lines = [
            charge(
                1,
                "12.345678901234567891",
                "OpenAI API",
                r#"{"team": "cx", "note": "a \"b\", c"}"#,
            ),
            charge(2, "100000000000.000000000000000001", "Compute", ""),
        ];
        place.write("bill.csv", &bill(&lines));
        let calls = [
            call(1, "t1", "chat"),
            call(2, "t1", "chat"),
            call(3, "t2", "chat"),
            call(4, "t3", "search"),
        ];
        place.write("calls.jsonl", &format!("{}\n", calls.join("\n")));
        place.ingest("bill.csv");
        place.ingest("calls.jsonl");
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Adds to the configuration.
    pub(crate) fn configure(&self, more: &str) {
        self.write("spendscope.toml", &format!("{CONFIG}{more}"));
    }

    pub(crate) fn ingest(&self, file: &str) {
        let (status, _, talk) = run(
            self.path(),
            &[
                "ingest",
                file,
                "--source",
                file.split('.').next().unwrap(),
                "--now",
                NOW,
                "--accept-overlap",
            ],
        );
        assert_eq!(status, 0, "{talk}");
    }

    /// A password, a certificate for 127.0.0.1 and localhost, and the section that names them.
    pub(crate) fn locked(&self, more: &str) {
        crate::mail::certificates(self.path(), "DNS:localhost,IP:127.0.0.1");
        self.write("password", "open sesame\n");
        self.configure(&format!(
            "[serve]\npassword = {{ file = 'password' }}\ncertificate = 'cert.pem'\nkey = 'key.pem'\n{more}"
        ));
    }

    pub(crate) fn serve(&self) -> Served {
        self.serve_at("127.0.0.1:0", "127.0.0.1:0")
    }

    pub(crate) fn serve_at(&self, postgres: &str, http: &str) -> Served {
        let mut command = spendscope(self.path());
        command.args(["serve", "--now", NOW, "--postgres", postgres, "--http", http]);
        Served::start(command)
    }
}

/// The program, serving.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) postgres: u16,
    pub(crate) http: u16,
    talk: mpsc::Receiver<String>,
}

impl Served {
    fn start(mut command: Command) -> Served {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, talk) = mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let mut served = Served {
            child,
            postgres: 0,
            http: 0,
            talk,
        };
        while served.postgres == 0 || served.http == 0 {
            let line = served
                .talk
                .recv_timeout(Duration::from_secs(120))
                .expect("the server did not say where it listens");
            let port = || line.rsplit(':').next().unwrap().parse().unwrap();
            match &line {
                l if l.contains("postgresql://") => served.postgres = port(),
                l if l.contains("http://") || l.contains("https://") => served.http = port(),
                _ => {}
            }
        }
        served
    }

    /// What it said since the last time.
    pub(crate) fn talk(&self) -> String {
        self.talk.try_iter().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Its exit status, once it has ended by itself.
    pub(crate) fn ended(&mut self, within: Duration) -> i32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(begun.elapsed() < within, "it did not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Bytes of memory that it holds, and the files it has open.
    pub(crate) fn weight(&self) -> (u64, usize) {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(process.join("status")).unwrap();
        let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        let kilobytes: u64 = resident.split_whitespace().nth(1).unwrap().parse().unwrap();
        (
            kilobytes << 10,
            std::fs::read_dir(process.join("fd")).unwrap().count(),
        )
    }

    /// A count that it keeps.
    pub(crate) async fn gauge(&self, name: &str) -> f64 {
        let url = format!("http://127.0.0.1:{}/metrics", self.http);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until a count is what it should be.
    pub(crate) async fn until(&self, name: &str, wanted: f64) {
        let begun = Instant::now();
        loop {
            let is = self.gauge(name).await;
            if is == wanted {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{name} stays {is}, not {wanted}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
