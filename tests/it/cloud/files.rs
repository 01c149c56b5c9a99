//! Files that lie on a store or a web server: found by name, folder and pattern, whole after a broken download, and
//! without a trace of what signed their address.

use super::double::{Act, Double};
use super::server::{Kind, Server};
use super::{Environment, head, put, run, sample, says, store};
use crate::support::project;
use spendscope::base::hash::FileHash;
use std::path::Path;

const FILES: &str = "SELECT path, file_hash, rows_in FROM ingest_files ORDER BY path";

/// Path, hash and rows of every file that a lake knows.
fn known(folder: &Path) -> Vec<String> {
    let (out, _) = says(
        folder,
        &Environment::new(),
        0,
        &["-o", "csv", "--lake", "lake", "sql", "-c", FILES],
    );
    out.lines().skip(1).map(str::to_owned).collect()
}

fn paths(folder: &Path) -> Vec<String> {
    known(folder)
        .iter()
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect()
}

async fn by_name_folder_and_pattern(kind: Kind) {
    let Some(server) = Server::start(kind) else { return };
    let files = store(server.root(), &server.environment());
    let packed = std::fs::read(project("sample-data/billing/openai/openai-2026-07.csv.gz")).unwrap();
    let log = |from: usize| {
        let text = head("gateway/litellm/spend-2026-07.jsonl.gz", from + 20);
        text.lines()
            .skip(from)
            .fold(String::new(), |all, l| all + l + "\n")
            .into_bytes()
    };
    put(
        files.as_ref(),
        "exports/2026-07/openai 100%.csv.gz",
        packed.clone(),
    )
    .await;
    put(files.as_ref(), "exports/2026-07/.hidden", b"not for us".to_vec()).await;
    put(
        files.as_ref(),
        "exports/readme.txt",
        b"of no known format".to_vec(),
    )
    .await;
    put(files.as_ref(), "logs/a.jsonl", log(0)).await;
    put(files.as_ref(), "logs/deep/er/b.jsonl", log(20)).await;
    put(files.as_ref(), "logs/deep/c.jsonl", log(40)).await;
    let root = server.root();
    let came = |args: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let addresses: Vec<String> = args.iter().map(|key| format!("{root}/{key}")).collect();
        let mut args = vec!["--lake", "lake", "ingest"];
        args.extend(addresses.iter().map(String::as_str));
        says(dir.path(), &server.environment(), 0, &args);
        let found = known(dir.path());
        found
            .iter()
            .map(|line| line.replace(&format!("{root}/"), ""))
            .collect::<Vec<_>>()
    };
    let names = |lines: Vec<String>| {
        lines
            .iter()
            .map(|l| l.split(',').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let one = came(&["exports/2026-07/openai 100%.csv.gz"]);
    assert!(one[0].contains(&FileHash::of(&packed)), "{one:?}");
    assert_eq!(names(came(&["exports/"])), ["exports/2026-07/openai 100%.csv.gz"]);
    assert_eq!(names(came(&["exports"])), ["exports/2026-07/openai 100%.csv.gz"]);
    assert_eq!(
        names(came(&["exports/*/*.csv.gz"])),
        ["exports/2026-07/openai 100%.csv.gz"]
    );
    let all = ["logs/a.jsonl", "logs/deep/c.jsonl", "logs/deep/er/b.jsonl"];
    assert_eq!(names(came(&["logs/"])), all);
    assert_eq!(names(came(&["logs/*.jsonl"])), all[..1]);
    assert_eq!(names(came(&["logs/**/*.jsonl"])), all);
    assert_eq!(names(came(&["logs/d*"])), all[1..]);
    assert_eq!(names(came(&["logs/?.jsonl", "logs/a.jsonl", "logs/deep"])), all);
    assert_eq!(names(came(&[""])).len(), 4);
    // From there into a lake in the same place.
    let dir = tempfile::tempdir().unwrap();
    let (lake, from) = (format!("{root}/lake"), format!("{root}/logs/"));
    says(
        dir.path(),
        &server.environment(),
        0,
        &["--lake", &lake, "ingest", &from],
    );
    let (_, talk) = says(
        dir.path(),
        &server.environment(),
        0,
        &["--lake", &lake, "ingest", &from],
    );
    assert_eq!(talk.matches("already ingested").count(), 3, "{talk}");
    let (explained, _) = says(
        dir.path(),
        &server.environment(),
        0,
        &["ingest", "--explain", &format!("{root}/logs/a.jsonl")],
    );
    assert!(explained.contains("litellm"), "{explained}");
}

#[tokio::test]
async fn objects_of_s3_are_found_by_name_folder_and_pattern() {
    by_name_folder_and_pattern(Kind::S3).await;
}

#[tokio::test]
async fn objects_of_azure_are_found_by_name_folder_and_pattern() {
    by_name_folder_and_pattern(Kind::Azure).await;
}

/// Against answers as Google gives them: no server in the package registries gives such.
#[test]
fn objects_of_google_are_found_by_name_and_folder() {
    let text = sample("billing/openai/openai-2026-07.csv.gz");
    let hash = FileHash::of(text.as_bytes());
    let listed = format!(
        "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult><Name>box</Name><Prefix>a/</Prefix><IsTruncated>false</IsTruncated>\
         <Contents><Key>a/bill.csv</Key><LastModified>2026-08-01T10:00:00.000Z</LastModified><ETag>\"one\"</ETag>\
         <Size>{}</Size></Contents></ListBucketResult>",
        text.len()
    );
    let double = Double::start(None, move |seen, _| match seen.path.split('?').next() {
        Some(path) if path.contains("bill") => Act::Answer(
            "200 OK",
            vec![
                ("ETag", "\"one\"".to_owned()),
                ("Last-Modified", "Sat, 01 Aug 2026 10:00:00 GMT".to_owned()),
                ("x-goog-generation", "1".to_owned()),
            ],
            text.clone().into_bytes(),
        ),
        Some("/box") => Act::Answer(
            "200 OK",
            vec![("Content-Type", "application/xml".to_owned())],
            listed.clone().into_bytes(),
        ),
        _ => Act::Answer(
            "404 Not Found",
            Vec::new(),
            b"<Error><Code>NoSuchKey</Code></Error>".to_vec(),
        ),
    });
    let environment: Environment = [
        ("GOOGLE_BASE_URL", double.url.as_str()),
        ("GOOGLE_SKIP_SIGNATURE", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for address in ["gs://box/a/bill.csv", "gs://box/a/", "gs://box/*/*.csv"] {
        let dir = tempfile::tempdir().unwrap();
        says(
            dir.path(),
            &environment,
            0,
            &["--lake", "lake", "ingest", address],
        );
        assert!(
            known(dir.path())[0].starts_with(&format!("gs://box/a/bill.csv,{hash}")),
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_download_from_s3_that_breaks_goes_on_where_it_stopped() {
    let Some(server) = Server::start(Kind::S3) else {
        return;
    };
    let text = sample("billing/openai/openai-2026-07.csv.gz");
    put(
        store(server.root(), &server.environment()).as_ref(),
        "bill.csv",
        text.clone().into_bytes(),
    )
    .await;
    // Each answer brings forty thousand bytes more.
    let double = Double::start(Some(&server.url), |seen, _| {
        match seen.method == "GET" && seen.path.starts_with("/lake/bill.csv") {
            true => Act::Cut(40_000),
            false => Act::Pass,
        }
    });
    let dir = tempfile::tempdir().unwrap();
    says(
        dir.path(),
        &server.environment_at(&double.url),
        0,
        &["--lake", "lake", "ingest", "s3://lake/bill.csv"],
    );
    assert!(known(dir.path())[0].contains(&FileHash::of(text.as_bytes())));
    let ranges: Vec<_> = double
        .seen()
        .iter()
        .filter_map(|s| s.header("range").map(str::to_owned))
        .collect();
    assert!(
        ranges.len() >= text.len() / 40_000 && ranges[0].starts_with("bytes=40000-"),
        "{ranges:?}"
    );
}

/// A small web server for one file that knows ranges.
fn web(
    bytes: Vec<u8>,
    etag: Option<&'static str>,
    spoil: impl Fn(usize) -> Option<Act> + Send + Sync + 'static,
) -> Double {
    Double::start(None, move |seen, before| {
        if let Some(act) = spoil(before) {
            return act;
        }
        let mut headers = vec![("Last-Modified", "Wed, 15 Jul 2026 10:00:00 GMT".to_owned())];
        headers.extend(etag.map(|tag| ("ETag", tag.to_owned())));
        let start = seen
            .header("range")
            .and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        let part = &bytes[start.unwrap_or(0)..];
        let status = match start {
            None => "200 OK",
            Some(_) => "206 Partial Content",
        };
        // Half of what is left, until little is left.
        match part.len() > 20_000 {
            true if start.is_none() => Act::Short(headers, part[..part.len() / 2].to_vec(), part.len()),
            _ => Act::Answer(status, headers, part.to_vec()),
        }
    })
}

#[test]
fn a_web_address_is_read_once_whole_and_its_signature_is_nowhere() {
    const SIGNED: &str = "?X-Amz-Signature=planted-signature&sig=planted-signature#planted-signature";
    let text = sample("billing/openai/openai-2026-07.csv.gz");
    let double = web(
        text.clone().into_bytes(),
        Some("\"one\""),
        |before| match before {
            0 => Some(Act::Answer(
                "503 Service Unavailable",
                vec![("Retry-After", "1".to_owned())],
                Vec::new(),
            )),
            1 => Some(Act::Short(Vec::new(), Vec::new(), 10)),
            _ => None,
        },
    );
    let dir = tempfile::tempdir().unwrap();
    let address = format!("{}/a/bill.csv{SIGNED}", double.url);
    let (out, talk) = says(
        dir.path(),
        &Environment::new(),
        0,
        &["--lake", "lake", "ingest", &address],
    );
    let files = known(dir.path());
    assert!(files[0].contains(&FileHash::of(text.as_bytes())), "{files:?}");
    assert_eq!(paths(dir.path()), [format!("{}/a/bill.csv", double.url)]);
    let seen = double.seen();
    assert!(
        seen[0].path.contains("X-Amz-Signature=planted-signature"),
        "it is sent: {:?}",
        seen[0]
    );
    let last = seen.last().unwrap();
    assert_eq!(last.header("if-range"), Some("\"one\""));
    assert!(last.header("range").is_some());
    assert!(
        !format!("{out}{talk}").contains("planted-signature"),
        "{out}{talk}"
    );
    assert!(!holds(&dir.path().join("lake"), b"planted-signature"));
}

/// Is the text in any file below a folder.
fn holds(folder: &Path, text: &[u8]) -> bool {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .any(|path| match path.is_dir() {
            true => holds(&path, text),
            false => std::fs::read(&path)
                .unwrap()
                .windows(text.len())
                .any(|w| w == text),
        })
}

#[test]
fn a_web_server_without_ranges_is_read_from_the_start_again() {
    let text = sample("billing/openai/openai-2026-07.csv.gz");
    let bytes = text.clone().into_bytes();
    let double = Double::start(None, move |_, before| match before {
        0 => Act::Short(
            vec![("ETag", "\"one\"".to_owned())],
            bytes[..30_000].to_vec(),
            bytes.len(),
        ),
        _ => Act::Answer("200 OK", vec![("ETag", "\"two\"".to_owned())], bytes.clone()),
    });
    let dir = tempfile::tempdir().unwrap();
    says(
        dir.path(),
        &Environment::new(),
        0,
        &["--lake", "lake", "ingest", &format!("{}/bill.csv", double.url)],
    );
    assert!(known(dir.path())[0].contains(&FileHash::of(text.as_bytes())));
}

#[test]
fn what_a_web_server_refuses_is_told_without_the_signature() {
    let dir = tempfile::tempdir().unwrap();
    for (status, words, advice) in [
        ("403 Forbidden", "access is denied", "ask for a new one"),
        ("404 Not Found", "nothing is there", "mend the address"),
        ("400 Bad Request", "refuses the request", "mend the address"),
    ] {
        let double = Double::start(None, move |_, _| {
            Act::Answer(status, Vec::new(), b"a long page".to_vec())
        });
        let address = format!("{}/bill.csv?sig=planted-signature", double.url);
        let (got, out, talk) = run(dir.path(), &Environment::new(), &["ingest", &address]);
        assert_eq!(got, 1, "{out}{talk}");
        assert!(
            talk.contains(words) && talk.contains(advice) && talk.contains("/bill.csv"),
            "{talk}"
        );
        assert!(
            !talk.contains("planted-signature") && double.seen().len() == 1,
            "{talk}"
        );
    }
    // One that breaks off every time is given up.
    let double = Double::start(None, |_, _| Act::Short(Vec::new(), b"half".to_vec(), 8));
    let (got, _, talk) = run(
        dir.path(),
        &Environment::new(),
        &["ingest", &format!("{}/bill.csv", double.url)],
    );
    assert!(
        got == 1 && talk.contains("try: ") && double.seen().len() == 5,
        "{talk}"
    );
}

#[tokio::test]
async fn a_file_that_is_larger_than_the_limit_is_refused_before_it_is_read() {
    use spendscope::ingest::{Options, ingest};
    use spendscope::source::Catalog;
    use spendscope::store::Lake;
    let dir = tempfile::tempdir().unwrap();
    let double = Double::start(None, |_, _| {
        Act::Short(Vec::new(), b"x".repeat(100), 5_000_000_000)
    });
    let clock = std::sync::Arc::new(spendscope::base::clock::FixedClock(super::NOW.parse().unwrap()));
    let lake = Lake::open(dir.path().join("lake").to_str().unwrap(), clock)
        .await
        .unwrap();
    let options = Options {
        unpack_limit: 1 << 20,
        ..Options::default()
    };
    let catalog = Catalog::new(std::iter::empty()).unwrap();
    let error = ingest(
        &lake,
        &catalog,
        &[format!("{}/f.csv", double.url)],
        &options,
        &mut (),
    )
    .await
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("larger than the limit of 1048576 bytes"),
        "{error}"
    );
    assert_eq!(double.seen().len(), 1);
}

#[tokio::test]
async fn the_bytes_of_a_download_are_told_while_they_come() {
    use spendscope::base::Result;
    use spendscope::ingest::{Options, Progress, Step, ingest};
    use spendscope::source::Catalog;
    use spendscope::store::Lake;
    struct Heard(Vec<(String, u64, u64)>);
    impl Progress for Heard {
        fn on(&mut self, step: Step<'_>) -> Result<()> {
            if let Step::Fetching { path, bytes, whole } = step {
                self.0.push((path.to_owned(), bytes, whole));
            }
            Ok(())
        }
    }
    let text = sample("reference/fx.csv");
    let length = text.len() as u64;
    let double = Double::start(None, move |_, _| {
        Act::Answer("200 OK", Vec::new(), text.clone().into_bytes())
    });
    let dir = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(spendscope::base::clock::FixedClock(super::NOW.parse().unwrap()));
    let lake = Lake::open(dir.path().join("lake").to_str().unwrap(), clock)
        .await
        .unwrap();
    let assets = crate::support::assets();
    let catalog = Catalog::new(
        assets
            .under("sources/")
            .map(|a| (a.name().to_owned(), a.text.to_string())),
    )
    .unwrap();
    let mut heard = Heard(Vec::new());
    let address = format!("{}/fx.csv?sig=planted", double.url);
    ingest(&lake, &catalog, &[address], &Options::default(), &mut heard)
        .await
        .unwrap();
    assert_eq!(
        heard.0.last(),
        Some(&(format!("{}/fx.csv", double.url), length, length))
    );
}
