//! What goes wrong between here and a store is said in words, with advice, soon, and without a secret.

use super::double::{Act, Double};
use super::server::{Kind, Server};
use super::{Environment, run, sample, says};
use std::time::{Duration, Instant};

const SECRET: &str = "planted-secret-4711";

fn keys(endpoint: &str) -> Environment {
    [
        ("AWS_ACCESS_KEY_ID", "AKIAPLANTED"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_ENDPOINT_URL", endpoint),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn xml(code: &str, more: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>The words of the store</Message>{more}</Error>").into_bytes()
}

/// Reading from the place, writing a lake to it, and asking a lake there: each fails soon, with these words and advice.
fn told(environment: &Environment, root: &str, words: &str, advice: &str) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("fx.csv"), sample("reference/fx.csv")).unwrap();
    let (file, folder, lake) = (
        format!("{root}/file.csv"),
        format!("{root}/folder/"),
        format!("{root}/lake"),
    );
    for args in [
        &["--lake", "here", "ingest", &file][..],
        &["--lake", "here", "ingest", &folder],
        &["--lake", &lake, "ingest", "fx.csv"],
        &["--lake", &lake, "sql", "-c", "SELECT 1"],
        &["--lake", &lake, "lake", "verify"],
    ] {
        let asked = Instant::now();
        let (status, out, talk) = run(dir.path(), environment, args);
        assert!(status == 1 || status == 2, "{status} {args:?}\n{out}\n{talk}");
        assert!(talk.contains(words) && talk.contains(advice), "{args:?}\n{talk}");
        assert!(!talk.contains(SECRET) && !talk.contains("<?xml"), "{talk}");
        assert!(
            asked.elapsed() < Duration::from_secs(45),
            "{args:?} took {:?}",
            asked.elapsed()
        );
    }
}

#[test]
fn a_bucket_or_container_that_is_not_there_is_named() {
    if let Some(server) = Server::start(Kind::S3) {
        told(
            &server.environment(),
            "s3://no-such-bucket",
            "there is no such bucket",
            "create it first",
        );
    }
    if let Some(server) = Server::start(Kind::Azure) {
        told(
            &server.environment(),
            "az://no-such-container",
            "there is no such bucket or container",
            "create it first",
        );
        let mut wrong = server.environment();
        wrong[1].1 = "d3Jvbmcga2V5".to_owned();
        told(
            &wrong,
            "az://lake",
            "the key is wrong",
            "AZURE_STORAGE_ACCOUNT_KEY",
        );
    }
}

#[test]
fn an_object_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for kind in [Kind::S3, Kind::Azure] {
        let Some(server) = Server::start(kind) else { return };
        for (key, words) in [
            ("none.csv", "there is no such object"),
            ("none/", "nothing is there"),
            ("none/*.csv", "nothing is there"),
        ] {
            let address = format!("{}/{key}", server.root());
            let (status, _, talk) = run(dir.path(), &server.environment(), &["ingest", &address]);
            assert!(status == 1 || status == 2, "{status} {talk}");
            assert!(
                talk.contains(words) && talk.contains("try: ") && talk.contains(&address),
                "{talk}"
            );
        }
        let (_, talk) = says(
            dir.path(),
            &server.environment(),
            1,
            &[
                "--lake",
                &format!("{}/none", server.root()),
                "sql",
                "-c",
                "SELECT 1",
            ],
        );
        assert!(talk.contains("there is no lake in"), "{talk}");
    }
}

#[test]
fn what_a_store_refuses_is_told_with_what_helps() {
    for (status, code, more, words, advice) in [
        (
            "403 Forbidden",
            "AccessDenied",
            "",
            "access is denied",
            "the right to list and read",
        ),
        (
            "403 Forbidden",
            "InvalidAccessKeyId",
            "<AWSAccessKeyId>AKIAPLANTED</AWSAccessKeyId>",
            "does not know these credentials",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            "403 Forbidden",
            "SignatureDoesNotMatch",
            "",
            "the key is wrong",
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            "400 Bad Request",
            "ExpiredToken",
            "",
            "have expired",
            "AWS_SESSION_TOKEN",
        ),
        (
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            "<Region>eu-central-1</Region>",
            "region eu-central-1",
            "AWS_REGION",
        ),
        (
            "301 Moved Permanently",
            "PermanentRedirect",
            "",
            "in another region",
            "AWS_REGION",
        ),
    ] {
        let double = Double::start(None, move |_, _| Act::Answer(status, Vec::new(), xml(code, more)));
        told(&keys(&double.url), "s3://bucket", words, advice);
    }
}

/// A SAS token stands in the query of every request: no error may repeat it.
#[test]
fn a_token_in_the_query_of_a_request_is_not_shown() {
    for status in [
        "403 Forbidden",
        "404 Not Found",
        "409 Conflict",
        "418 I'm a teapot",
    ] {
        let double = Double::start(None, move |_, _| Act::Answer(status, Vec::new(), b"no".to_vec()));
        let environment: Environment = [
            ("AZURE_STORAGE_ACCOUNT_NAME", "acme".to_owned()),
            ("AZURE_STORAGE_SAS_TOKEN", format!("sv=2021-08-06&sig={SECRET}")),
            ("AZURE_STORAGE_ENDPOINT", double.url.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("fx.csv"), sample("reference/fx.csv")).unwrap();
        for args in [
            &["ingest", "az://box/file.csv"][..],
            &["--lake", "az://box/lake", "ingest", "fx.csv"],
            &["--lake", "az://box/lake", "sql", "-c", "SELECT 1"],
        ] {
            let (got, out, talk) = run(dir.path(), &environment, args);
            assert!(got == 1 || got == 2, "{got} {out}{talk}");
            assert!(!format!("{out}{talk}").contains(SECRET), "{talk}");
        }
        assert!(double.seen()[0].path.contains(SECRET), "it is sent");
    }
}

#[test]
fn a_store_that_fails_a_few_times_is_asked_again_and_one_that_always_fails_is_given_up() {
    if let Some(server) = Server::start(Kind::S3) {
        // Two of three requests fail, with an error or a cut connection.
        let double = Double::start(Some(&server.url), |_, before| match before % 3 {
            0 => Act::Answer("503 Slow Down", Vec::new(), xml("SlowDown", "")),
            1 => Act::Answer("500 Internal Server Error", Vec::new(), xml("InternalError", "")),
            _ => Act::Pass,
        });
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("fx.csv"), sample("reference/fx.csv")).unwrap();
        let lake = format!("{}/lake", server.root());
        says(
            dir.path(),
            &server.environment_at(&double.url),
            0,
            &["--lake", &lake, "ingest", "fx.csv"],
        );
        says(
            dir.path(),
            &server.environment(),
            0,
            &["--lake", &lake, "lake", "verify"],
        );
    }
    let double = Double::start(None, |_, _| {
        Act::Answer("503 Slow Down", Vec::new(), xml("SlowDown", ""))
    });
    let dir = tempfile::tempdir().unwrap();
    let asked = Instant::now();
    let (status, _, talk) = run(
        dir.path(),
        &keys(&double.url),
        &["ingest", "s3://bucket/file.csv"],
    );
    assert_eq!(status, 1, "{talk}");
    assert!(
        talk.contains("asks to slow down") && talk.contains("try: run the same command again later"),
        "{talk}"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(45) && double.seen().len() > 3,
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn nobody_there_is_said_soon() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (environment, address, words, advice) in [
        (
            keys(&format!("http://{free}")),
            "s3://bucket/f.csv",
            "nothing answers at that address",
            "AWS_ENDPOINT_URL",
        ),
        (
            keys("https://s3.no-such-host.invalid"),
            "s3://bucket/f.csv",
            "cannot be resolved",
            "AWS_ENDPOINT_URL",
        ),
        (
            keys("http://minio.example:9000"),
            "s3://bucket/f.csv",
            "would not be encrypted",
            "SPENDSCOPE_ALLOW_HTTP",
        ),
        (
            Environment::new(),
            "s3://bucket/f.csv",
            "no credentials for S3",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            Environment::new(),
            "az://box/f.csv",
            "account is not named",
            "AZURE_STORAGE_ACCOUNT_NAME",
        ),
        (
            Environment::new(),
            "https://no-such-host.invalid/f.csv",
            "cannot be resolved",
            "look at the network",
        ),
    ] {
        for lake in [false, true] {
            let asked = Instant::now();
            let args: &[&str] = match lake {
                false => &["ingest", address],
                true if address.starts_with("https") => continue,
                true => &["--lake", address, "sql", "-c", "SELECT 1"],
            };
            let (status, _, talk) = run(dir.path(), &environment, args);
            assert!(status == 1 || status == 2, "{status} {talk}");
            assert!(
                talk.contains(words) && talk.contains("try: ") && talk.contains(advice),
                "{args:?}\n{talk}"
            );
            assert!(!talk.contains(SECRET), "{talk}");
            println!("{words}: {:?}", asked.elapsed());
            assert!(asked.elapsed() < Duration::from_secs(45), "{:?}", asked.elapsed());
        }
    }
}
