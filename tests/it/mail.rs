//! Reports by mail, against a real mail server: what arrives, what is refused, and that nothing goes twice.
//!
//! The server is aiosmtpd (`tests/servers/smtp.py`), started for each test with the answers that the test wants.
//! What arrives is taken apart by Python's `email`, not by our own code.

use crate::support::{project, spendscope};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Python with aiosmtpd in it. Without it a test says why it does not run; where `tests/run` has installed the
/// servers, it fails.
fn python() -> Option<PathBuf> {
    let folder = std::env::var_os("SPENDSCOPE_SERVERS_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let cache =
                cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
            cache.join("spendscope/servers")
        });
    let python = folder.join("smtp/venv/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(
        std::env::var_os("SPENDSCOPE_SERVERS").is_none(),
        "no mail server in {}: run tests/servers/smtp.sh",
        folder.display()
    );
    println!(
        "SKIPPED: this test needs a mail server; tests/servers/smtp.sh installs it, tests/run does so by itself"
    );
    None
}

struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Server {
    fn start(folder: &Path, options: &Value) -> Option<Server> {
        let python = python()?;
        std::fs::create_dir_all(folder).unwrap();
        let mut child = Command::new(python)
            .arg(project("tests/servers/smtp.py"))
            .arg(folder)
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It warns of every danger that a test wants.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        Some(Server {
            port: line.trim().parse().unwrap(),
            child,
            folder: folder.to_owned(),
        })
    }

    /// What has arrived, in order.
    fn mails(&self) -> Vec<Value> {
        (0..)
            .map(|n| self.folder.join(format!("mail-{n}.json")))
            .take_while(|path| path.exists())
            .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
            .collect()
    }

    /// How often somebody came to the end of a mail.
    fn asked(&self) -> usize {
        std::fs::read_to_string(self.folder.join("asked")).map_or(0, |text| text.lines().count())
    }

    fn body(&self, part: &Value) -> Vec<u8> {
        std::fs::read(self.folder.join(part["body"].as_str().unwrap())).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

const HEAD: &str = "BilledCost,EffectiveCost,BillingCurrency,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ServiceCategory\n";
const CONFIG: &str = "[providers.openai]
charge_match = \"service_name = 'OpenAI API'\"
";
/// The clock of these tests, and its day in UTC.
const NOW: &str = "2026-10-05T07:00:00Z";
const SEPTEMBER: &[&str] = &["--period", "2026-09"];
const USER: &str = "fin%40ops";
const PASSWORD: &str = "hush-hush-1";

/// A folder with a lake of two months, a configuration and a mail server's address.
struct Place {
    dir: tempfile::TempDir,
    url: String,
}

impl Place {
    /// `smtp`: further lines of `[smtp]`. The bill of September goes up to `last`.
    fn new(last: u32, smtp: &str, more: &str) -> Place {
        let place = Place {
            dir: tempfile::tempdir().unwrap(),
            // Nobody answers there.
            url: "smtp://127.0.0.1:9".to_owned(),
        };
        let mut bill = HEAD.to_owned();
        for (month, amount, days) in [("08", "4.00", 31), ("09", "5.25", last)] {
            for day in 1..=days {
                bill.push_str(&format!(
                    "{amount},{amount},USD,OpenAI,2026-{month}-{day:02}T00:00:00Z,2026-{month}-{day:02}T12:00:00Z,2026-{month}-01T00:00:00Z,,Usage,OpenAI API,AI and Machine Learning\n"
                ));
            }
        }
        // An export of the console names the end of its billing period; any will do here.
        let bill = bill
            .replace(
                "2026-08-01T00:00:00Z,,",
                "2026-08-01T00:00:00Z,2026-09-01T00:00:00Z,",
            )
            .replace(
                "2026-09-01T00:00:00Z,,",
                "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,",
            );
        place.write("bill.csv", &bill);
        place.write(
            "spendscope.toml",
            &format!(
                "{CONFIG}[smtp]\nurl = {{ env = 'SMTP_URL' }}\nfrom = 'FinOps <finops@example.com>'\nto = ['ann@example.net']\nretry_seconds = 0\n{smtp}\n{more}\n"
            ),
        );
        let (status, _, talk) = place.run(&["ingest", "bill.csv"]);
        assert_eq!(status, 0, "{talk}");
        place
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn server(&mut self, options: &Value) -> Option<Server> {
        let server = Server::start(&self.dir.path().join("mails"), options)?;
        let (scheme, credentials) = (
            if options["tls"] == "smtps" {
                "smtps"
            } else {
                "smtp"
            },
            if options["auth"].is_null() {
                String::new()
            } else {
                format!("{USER}:{PASSWORD}@")
            },
        );
        self.url = format!("{scheme}://{credentials}127.0.0.1:{}", server.port);
        Some(server)
    }

    fn command(&self, now: &str, args: &[&str]) -> Command {
        let mut command = spendscope(self.dir.path());
        command.args(["--now", now]).args(args).env("SMTP_URL", &self.url);
        command
    }

    fn at(&self, now: &str, args: &[&str]) -> (i32, String, String) {
        let output = self.command(now, args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, talk) = (text(output.stdout), text(output.stderr));
        assert!(!talk.contains(PASSWORD) && !out.contains(PASSWORD), "{out}{talk}");
        (output.status.code().unwrap_or(-1), out, talk)
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.at(NOW, args)
    }

    /// `report board` of September by mail, with further arguments.
    fn mail(&self, more: &[&str]) -> (i32, String) {
        let args: Vec<&str> = [&["report", "board", "--out", "out"], SEPTEMBER, more].concat();
        let (status, _, talk) = self.run(&args);
        (status, talk)
    }

    /// The journal: schedule, state, attempts.
    fn journal(&self) -> Vec<String> {
        let sql = "SELECT schedule || ' ' || state || ' ' || attempts AS run FROM schedule_runs \
            WHERE state <> 'begun' ORDER BY due, schedule";
        let (status, out, talk) = self.run(&["sql", "-o", "csv", "-c", sql]);
        assert_eq!(status, 0, "{talk}");
        out.lines().skip(1).map(str::to_owned).collect()
    }
}

/// A certificate authority and a server certificate of it for `names`.
pub(crate) fn certificates(folder: &Path, names: &str) -> Value {
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl")
            .args(args)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ];
    openssl(
        &[
            &[
                "req",
                "-x509",
                "-keyout",
                "ca.key",
                "-out",
                "ca.pem",
                "-subj",
                "/CN=test CA",
            ],
            &key[..],
        ]
        .concat(),
    );
    openssl(
        &[
            &[
                "req",
                "-keyout",
                "key.pem",
                "-out",
                "request.pem",
                "-subj",
                "/CN=mail.test",
            ],
            &key[..5],
        ]
        .concat(),
    );
    std::fs::write(folder.join("names"), format!("subjectAltName={names}\n")).unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "request.pem",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "cert.pem",
    ]);
    json!({ "cert": folder.join("cert.pem"), "key": folder.join("key.pem") })
}

fn with(mut options: Value, more: &Value) -> Value {
    options
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    options
}

fn part<'a>(mail: &'a Value, kind: &str, disposition: &str) -> &'a Value {
    let parts = mail["parts"].as_array().unwrap();
    let found = parts
        .iter()
        .find(|p| p["type"] == kind && p["disposition"].as_str().unwrap_or("") == disposition);
    found.unwrap_or_else(|| panic!("no {kind} {disposition}: {parts:#?}"))
}

const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A sign-in that the server takes.
fn auth() -> Value {
    json!({ "auth": format!("fin@ops:{PASSWORD}") })
}

#[test]
fn a_report_arrives_whole_over_tls_and_does_not_go_twice() {
    let mut place = Place::new(30, "ca_file = 'ca.pem'", "");
    let cert = certificates(place.dir.path(), "IP:127.0.0.1");
    let Some(server) = place.server(&with(with(json!({ "tls": "smtps" }), &cert), &auth())) else {
        return;
    };
    let (status, talk) = place.mail(&["--email"]);
    assert_eq!(status, 0, "{talk}");
    assert!(
        talk.contains("mailed board: 127.0.0.1:") && talk.contains("taken for 1 receiver"),
        "{talk}"
    );

    let mails = server.mails();
    let [mail] = &mails[..] else { panic!("{mails:#?}") };
    assert_eq!(mail["from"], "finops@example.com");
    assert_eq!(mail["to"], json!(["ann@example.net"]));
    assert_eq!((&mail["tls"], &mail["signed_in"]), (&json!(true), &json!(true)));
    assert_eq!(mail["defects"], 0);
    let header = |name: &str| mail["headers"][name].as_str().unwrap_or("").to_owned();
    assert_eq!(header("Subject"), "AI cost board: September 2026");
    assert_eq!(header("From"), "FinOps <finops@example.com>");
    assert_eq!(header("To"), "ann@example.net");
    assert_eq!(header("Date"), "Mon, 05 Oct 2026 07:00:00 +0000");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    let kinds: Vec<&str> = mail["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds[..6],
        [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png"
        ]
    );
    // All renderings say the same: the picture is the report's, the figures are in both bodies.
    let file = |name: &str| std::fs::read(place.dir.path().join("out").join(name)).unwrap();
    let picture = part(mail, "image/png", "inline");
    assert!(server.body(picture) == file("board.png"));
    let text = String::from_utf8(server.body(part(mail, "text/plain", ""))).unwrap();
    let page = String::from_utf8(server.body(part(mail, "text/html", ""))).unwrap();
    let id = picture["id"]
        .as_str()
        .unwrap()
        .trim_matches(['<', '>'])
        .to_owned();
    assert!(page.contains(&format!("src=\"cid:{id}\"")), "{id}");
    // 30 days of 5.25, and 31 of 4.00 before them.
    assert!(text.contains("Total AI spend: $157.50 (+27\u{a0}%)"), "{text}");
    assert!(page.contains("$157.50") && page.contains("+27\u{a0}%"));
    for word in [
        "AI cost board",
        "September 2026, compared with August",
        "billed up to",
        "no success recorded",
    ] {
        assert!(text.contains(word) && page.contains(word), "{word}");
    }
    let attached = part(mail, WORKBOOK, "attachment");
    assert_eq!(attached["name"], "board.xlsx");
    assert!(server.body(attached) == file("board.xlsx"));
    assert!(String::from_utf8(file("board.html")).unwrap().contains("$157.50"));

    // The same again on the same day is noticed.
    let (status, talk) = place.mail(&["--email"]);
    assert!(status == 0 && talk.contains("has been mailed today"), "{talk}");
    assert_eq!(server.mails().len(), 1);
    // Somebody else has not had it.
    let (status, talk) = place.mail(&["--email=bob@example.net,Cem <cem@example.net>"]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(
        server.mails()[1]["to"],
        json!(["bob@example.net", "cem@example.net"])
    );
    // Asked for, it goes again, and a receiver can tell that it is the same. The files can be chosen.
    let (status, talk) = place.mail(&["--email", "--resend", "--format", "html"]);
    assert_eq!(status, 0, "{talk}");
    let mails = server.mails();
    assert_eq!(mails.len(), 3);
    assert!(server.body(part(&mails[2], "text/html", "attachment")) == file("board.html"));
    assert_eq!(
        mails[2]["headers"]["Message-ID"],
        mails[0]["headers"]["Message-ID"]
    );
    assert_ne!(
        mails[1]["headers"]["Message-ID"],
        mails[0]["headers"]["Message-ID"]
    );
    // The next day is another run.
    let (status, _, talk) = place.at(
        "2026-10-06T07:00:00Z",
        &[&["report", "board", "--out", "out", "--email"], SEPTEMBER].concat(),
    );
    assert_eq!(status, 0, "{talk}");
    assert_eq!(server.mails().len(), 4);
    assert_eq!(
        place.journal(),
        [
            "report board sent 1",
            "report board sent 2",
            "report board sent 1"
        ]
    );
}

#[test]
fn late_data_is_told_before_the_figures() {
    let mut place = Place::new(27, "", "");
    let Some(server) = place.server(&json!({ "tls": "none" })) else {
        return;
    };
    let (status, talk) = place.mail(&["--email"]);
    assert_eq!(status, 0, "{talk}");
    let mail = &server.mails()[0];
    assert_eq!(
        mail["headers"]["Subject"],
        "[late data] AI cost board: September 2026"
    );
    let text = String::from_utf8(server.body(part(mail, "text/plain", ""))).unwrap();
    let warning = text.find("! late data: 3 days of charges of ").unwrap();
    assert!(warning < text.find("Total AI spend").unwrap(), "{text}");
    let page = String::from_utf8(server.body(part(mail, "text/html", ""))).unwrap();
    assert!(page.contains("3 days of charges of "));
}

#[test]
fn a_certificate_that_is_not_the_servers_gets_no_mail() {
    for (names, smtp, mode) in [
        // Nobody vouches for it.
        ("IP:127.0.0.1", "", "smtps"),
        // It is somebody else's.
        ("DNS:mail.example.org", "ca_file = 'ca.pem'", "smtps"),
        ("DNS:mail.example.org", "ca_file = 'ca.pem'", "starttls"),
    ] {
        let mut place = Place::new(30, smtp, "");
        let cert = certificates(place.dir.path(), names);
        let options = with(with(json!({ "tls": mode }), &cert), &auth());
        let Some(server) = place.server(&options) else {
            return;
        };
        let (status, talk) = place.mail(&["--email"]);
        assert_eq!(status, 1, "{talk}");
        assert!(
            talk.contains("was not mailed") && talk.to_lowercase().contains("certificate"),
            "{talk}"
        );
        assert_eq!(server.asked(), 0);
        assert_eq!(place.journal(), ["report board failed 1"]);
    }
}

#[test]
fn a_password_goes_over_starttls_or_not_at_all() {
    let mut place = Place::new(30, "ca_file = 'ca.pem'", "");
    let cert = certificates(place.dir.path(), "IP:127.0.0.1");
    let Some(server) = place.server(&with(with(json!({ "tls": "starttls" }), &cert), &auth())) else {
        return;
    };
    let (status, talk) = place.mail(&["--email"]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(
        (&server.mails()[0]["tls"], &server.mails()[0]["signed_in"]),
        (&json!(true), &json!(true))
    );
    // A wrong password is told, and not tried again.
    place.url = place.url.replace(PASSWORD, "wrong-password");
    let (status, talk) = place.mail(&["--email=bob@example.net"]);
    assert!(
        status == 1 && talk.contains("535") && !talk.contains("wrong-password"),
        "{talk}"
    );
    drop(server);

    // The server does not offer TLS.
    let mut place = Place::new(30, "", "");
    let Some(server) = place.server(&with(json!({ "tls": "none" }), &auth())) else {
        return;
    };
    let (status, talk) = place.mail(&["--email"]);
    assert!(status == 1 && talk.contains("STARTTLS"), "{talk}");
    assert_eq!(server.asked(), 0);
    // On this machine alone it can be allowed.
    place.url.push_str("?tls=none");
    let (status, talk) = place.mail(&["--email"]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(server.mails()[0]["signed_in"], true);
    place.url = place.url.replace("127.0.0.1", "mail.example.com");
    let (status, talk) = place.mail(&["--email=bob@example.net"]);
    assert!(status == 2 && talk.contains("on this machine only"), "{talk}");
}

#[test]
fn a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let mut place = Place::new(30, "", "");
    let busy =
        json!({ "tls": "none", "answers": ["451 4.3.0 later", "452 4.3.1 full", "ok", "554 5.7.1 no"] });
    let Some(server) = place.server(&busy) else { return };
    let (status, talk) = place.mail(&["--email"]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!((server.asked(), server.mails().len()), (3, 1));

    let (status, talk) = place.mail(&["--email=bob@example.net"]);
    assert!(
        status == 1 && talk.contains("was not mailed") && talk.contains("554"),
        "{talk}"
    );
    assert_eq!((server.asked(), server.mails().len()), (4, 1));
    let mut journal = place.journal();
    journal.sort();
    assert_eq!(journal, ["report board failed 1", "report board sent 1"]);
    // Nobody has it, so it may be tried again.
    let (status, talk) = place.mail(&["--email=bob@example.net"]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(server.mails().len(), 2);

    // No server at all: told with its name, after the tries that are configured.
    drop(server);
    let (status, talk) = place.mail(&["--email=cem@example.net"]);
    assert!(status == 1 && talk.contains("127.0.0.1"), "{talk}");
}

#[test]
fn every_receiver_gets_one_mail_and_those_that_get_none_are_named() {
    let mut place = Place::new(30, "", "");
    let Some(server) = place.server(&json!({ "tls": "none" })) else {
        return;
    };
    let (status, talk) = place.mail(&["--email=ann@example.net,busy@example.net,gone@example.net"]);
    assert!(status == 1 && talk.contains("mailed in part"), "{talk}");
    assert!(
        talk.contains("gone@example.net") && talk.contains("550") && !talk.contains("busy@"),
        "{talk}"
    );
    let receivers: Vec<Value> = server.mails().iter().map(|m| m["to"].clone()).collect();
    assert_eq!(
        receivers,
        [json!(["ann@example.net"]), json!(["busy@example.net"])]
    );
    assert_eq!(place.journal(), ["report board partly 1"]);
    // Those who have it do not get it again.
    let (status, talk) = place.mail(&["--email=ann@example.net,busy@example.net,gone@example.net"]);
    assert!(status == 1 && talk.contains("ended as partly"), "{talk}");
    assert_eq!(server.mails().len(), 2);
}

#[test]
fn a_connection_that_ends_without_an_answer_leaves_the_mail_unknown() {
    let mut place = Place::new(30, "", "");
    let Some(server) = place.server(&json!({ "tls": "none", "answers": ["drop", "554 5.7.1 no"] })) else {
        return;
    };
    let (status, talk) = place.mail(&["--email"]);
    assert!(
        status == 1 && talk.contains("whether the server took it is unknown"),
        "{talk}"
    );
    assert_eq!(place.journal(), ["report board unknown 1"]);
    let (status, talk) = place.mail(&["--email"]);
    assert!(status == 1 && talk.contains("--resend"), "{talk}");
    assert_eq!(server.asked(), 1);
    // Sending it again in vain changes nothing of what is known.
    let (status, talk) = place.mail(&["--email", "--resend"]);
    assert!(
        status == 1 && talk.contains("554") && talk.contains("stays unknown"),
        "{talk}"
    );
    assert_eq!(place.journal(), ["report board unknown 2"]);
    let (status, talk) = place.mail(&["--email"]);
    assert!(status == 1 && talk.contains("--resend"), "{talk}");
    let (status, talk) = place.mail(&["--email", "--resend"]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(server.asked(), 3);
    let mails = server.mails();
    assert_eq!(
        mails[0]["headers"]["Message-ID"],
        mails[1]["headers"]["Message-ID"]
    );
}

/// A process that dies between the server's word and its own mark.
#[cfg(unix)]
#[test]
fn a_process_killed_while_the_mail_goes_sends_no_second_one() {
    let schedule = "[[schedule]]\nname = 'daily'\ncron = '0 7 * * *'\nreport = 'board'\nwindow = 'last_month'\nto = ['ann@example.net']";
    for by_hand in [true, false] {
        let mut place = Place::new(30, "", schedule);
        let Some(server) = place.server(&json!({ "tls": "none", "answers": ["kill"] })) else {
            return;
        };
        let by_mail = [&["report", "board", "--out", "out", "--email"], SEPTEMBER].concat();
        let args: &[&str] = if by_hand { &by_mail } else { &["schedule", "once"] };
        let mut child = place
            .command(NOW, args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut pid = std::fs::File::create(server.folder.join("pid")).unwrap();
        write!(pid, "{}", child.id()).unwrap();
        assert_eq!(child.wait().unwrap().code(), None);
        assert_eq!(server.mails().len(), 1);
        let name = if by_hand { "report board" } else { "daily" };
        assert_eq!(place.journal(), [format!("{name} sending 1")]);
        // While its claim holds, and after.
        let (status, _, talk) = place.run(args);
        assert_eq!(status, i32::from(by_hand), "{talk}");
        let (status, _, talk) = place.at("2026-10-05T08:00:00Z", args);
        assert!(status == 1 && talk.contains("unknown"), "{talk}");
        assert_eq!(server.mails().len(), 1);
        // Only when it is asked to.
        let again: Vec<&str> = match by_hand {
            true => [args, &["--resend"]].concat(),
            false => vec!["schedule", "once", "--name", "daily", "--resend"],
        };
        let (status, _, talk) = place.at("2026-10-05T08:00:00Z", &again);
        assert_eq!(status, 0, "{talk}");
        let mails = server.mails();
        assert_eq!(mails.len(), 2);
        assert_eq!(
            mails[0]["headers"]["Message-ID"],
            mails[1]["headers"]["Message-ID"]
        );
    }
}

#[test]
fn what_is_wrong_with_the_set_up_is_told_before_the_work() {
    let place = Place::new(30, "", "");
    let (status, talk) = place.mail(&["--email=nobody"]);
    assert!(
        status == 2 && talk.contains("'nobody' is not an address"),
        "{talk}"
    );
    let mut command = place.command(NOW, &["report", "board", "--email"]);
    let output = command.env_remove("SMTP_URL").output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && talk.contains("environment variable SMTP_URL"),
        "{talk}"
    );
    place.write("spendscope.toml", CONFIG);
    let (status, talk) = place.mail(&["--email"]);
    assert!(status == 2 && talk.contains("no mail server is named"), "{talk}");
    assert!(!place.dir.path().join("out").exists());
}

const FOLDER: &str = "[[schedule]]\nname = 'daily'\ncron = '0 7 * * *'\nreport = 'board'\nwindow = 'last_month'\nfolder = 'reports'\n";

#[test]
fn schedules_are_listed_with_both_clocks() {
    let lines = format!("{FOLDER}time_zone = 'Europe/Berlin'");
    let place = Place::new(30, "", &lines);
    let list = |now: &str| place.at(now, &["schedule", "list", "-o", "csv"]).1;
    // In Berlin the clock goes back on 25 October.
    let before = list("2026-10-24T12:00:00Z");
    assert!(
        before.contains("Sun 2026-10-25 07:00 CET,2026-10-25T06:00:00Z"),
        "{before}"
    );
    let before = list("2026-10-23T12:00:00Z");
    assert!(
        before.contains("Sat 2026-10-24 07:00 CEST,2026-10-24T05:00:00Z"),
        "{before}"
    );
    let (status, _, talk) = place.run(&["schedule", "once", "--name", "weekly"]);
    assert!(status == 2 && talk.contains("configured: daily"), "{talk}");
    place.write(
        "other.toml",
        &format!("{CONFIG}{}", FOLDER.replace("'board'", "'bord'")),
    );
    let output = spendscope(place.dir.path())
        .args(["--config", "other.toml", "schedule", "run"])
        .output()
        .unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && talk.contains("there is no report 'bord'"),
        "{talk}"
    );
    let (status, _, talk) = place.run(&["schedule", "run"]);
    assert!(status == 2 && talk.contains("--now stops the clock"), "{talk}");
}

#[test]
fn processes_at_once_do_a_run_once_and_missed_ones_follow_the_policy() {
    let place = Place::new(30, "", FOLDER);
    let (status, _, talk) = place.at("2026-10-04T12:00:00Z", &["schedule", "once"]);
    assert!(status == 0 && talk.contains("nothing is due"), "{talk}");
    let children: Vec<Child> = (0..3)
        .map(|_| {
            place
                .command(NOW, &["schedule", "once"])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut ran = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{talk}");
        ran += usize::from(talk.contains("daily of 2026-10-05T07:00:00Z: sent"));
    }
    assert_eq!(ran, 1);
    assert_eq!(place.journal(), ["daily sent 1"]);
    for name in ["board-2026-09-01.png", "board-2026-09-01.xlsx"] {
        assert!(place.dir.path().join("reports").join(name).exists(), "{name}");
    }
    // Three days on, the newest is made up for and the others are marked.
    let (status, _, talk) = place.at("2026-10-08T12:00:00Z", &["schedule", "once"]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(
        place.journal(),
        ["daily sent 1", "daily skipped 0", "daily sent 1"]
    );
}

#[test]
fn a_run_waits_for_late_data_then_goes_with_a_stamp() {
    let lines = "[[schedule]]\nname = 'monthly'\ncron = '0 7 5 * *'\nreport = 'board'\nwindow = 'last_month'\nto = ['ann@example.net']\nlate = 'wait'\nwait_hours = 2";
    let mut place = Place::new(27, "", lines);
    let Some(server) = place.server(&json!({ "tls": "none" })) else {
        return;
    };
    let (status, _, talk) = place.run(&["schedule", "once"]);
    assert!(
        status == 0 && talk.contains("waits for data: 3 days of charges of "),
        "{talk}"
    );
    assert!(talk.contains("again at 2026-10-05T07:30:00Z"), "{talk}");
    assert_eq!(server.asked(), 0);
    let (status, _, talk) = place.at("2026-10-05T09:00:00Z", &["schedule", "once"]);
    assert_eq!(status, 0, "{talk}");
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(
        mails[0]["headers"]["Subject"],
        "[late data] AI cost board: September 2026"
    );
    assert_eq!(place.journal(), ["monthly sent 1"]);
}

/// The process that is told to stop ends by itself, with status 0, after what it was doing.
#[cfg(unix)]
#[test]
fn a_long_lived_process_runs_what_is_due_and_stops_when_told() {
    // An hour is never far: what was due within the last one is run at first sight.
    let place = Place::new(30, "", &FOLDER.replace("0 7 * * *", "0 * * * *"));
    let mut child = spendscope(place.dir.path())
        .args(["schedule", "run"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for line in lines.by_ref() {
        said.push_str(&line.unwrap());
        said.push('\n');
        if said.contains("next at") {
            break;
        }
    }
    assert!(said.contains(": sent (2 files in "), "{said}");
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}{rest:?}");
    assert!(rest.iter().any(|line| line.contains("stopped")), "{rest:?}");
}
