//! Files that lie elsewhere: objects of a store by name, folder or pattern, and plain web addresses. Each is read once,
//! into a temporary file, hashed on the way; a download that breaks goes on where it stopped.

use super::{Progress, Step};
use crate::base::hash::FileHash;
use crate::base::{Context, Error, Result, storage};
use crate::store::{cloud, trouble};
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use glob::{MatchOptions, Pattern};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpRequestBody, ReqwestConnector,
};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use std::collections::HashMap;
use std::io::{Seek, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::{NamedTempFile, TempPath};
use url::Url;

/// Downloads at a time: small files of a folder wait for the network, not for the machine.
const AT_ONCE: usize = 4;
/// Objects of one folder or pattern; who has more means a narrower one.
const MOST_OBJECTS: usize = 100_000;
/// Tries without a byte in between.
const TRIES: u32 = 5;
/// Longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// One downloaded file, deleted with its last owner.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    /// The address, without credentials.
    pub(super) path: String,
    pub(super) file: Arc<TempPath>,
    pub(super) bytes: u64,
    /// BLAKE3 in hexadecimal.
    pub(super) hash: String,
    /// When it was last changed there, in microseconds.
    pub(super) modified: Option<i64>,
    /// Found in a folder or by a pattern.
    pub(super) found: bool,
}

/// Is it an address rather than a path.
pub(super) fn is_address(input: &str) -> bool {
    input.contains("://") && !input.starts_with("file://")
}

/// All files that an address names. None may be larger than `limit`.
pub(super) async fn fetch(
    input: &str,
    options: &HashMap<String, String>,
    limit: u64,
    progress: &mut dyn Progress,
) -> Result<Vec<Fetched>> {
    let rules = Rules {
        limit,
        progress: Mutex::new(progress),
    };
    let shown = storage::without_queries(input);
    let scheme = input.split("://").next().unwrap_or_default().to_ascii_lowercase();
    let fetched = match scheme.as_str() {
        "http" | "https" => web(input, &shown, options, &rules).await.map(|file| vec![file]),
        "s3" | "s3a" | "gs" | "az" | "azure" | "adl" | "abfs" | "abfss" | "memory" => {
            objects(input, options, &rules).await
        }
        _ => Err(Error::usage(format!("{scheme}:// addresses cannot be read"))
            .advise("name a path, or an address with s3://, gs://, az://, abfss:// or https://")),
    };
    fetched.context(format!("reading {shown}"))
}

/// What holds for all downloads of one address.
struct Rules<'p> {
    limit: u64,
    /// Shared by downloads that run at once.
    progress: Mutex<&'p mut dyn Progress>,
}

/// Where the bytes of a download go.
struct Sink<'a, 'p> {
    rules: &'a Rules<'p>,
    path: String,
    /// As many bytes as are promised.
    whole: u64,
    file: NamedTempFile,
    hash: FileHash,
    bytes: u64,
}

impl<'a, 'p> Sink<'a, 'p> {
    fn new(path: String, rules: &'a Rules<'p>) -> Result<Sink<'a, 'p>> {
        Ok(Sink {
            rules,
            path,
            whole: 0,
            file: NamedTempFile::new().context("making a temporary file")?,
            hash: FileHash::default(),
            bytes: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.may_have(self.whole.max(self.bytes))?;
        if let Ok(mut progress) = self.rules.progress.lock() {
            progress.on(Step::Fetching {
                path: &self.path,
                bytes: self.bytes,
                whole: self.whole,
            })?;
        }
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|e| {
            trouble::told(&e, Error::io)
                .context("writing a temporary file")
                .advise(
                    "make room, or set TMPDIR to a folder on a larger disk, and run the same command again",
                )
        })
    }

    /// Is told how much there is, which may be too much.
    fn may_have(&mut self, bytes: u64) -> Result<()> {
        self.whole = bytes;
        match bytes > self.rules.limit {
            false => Ok(()),
            true => Err(Error::data(format!(
                "it is larger than the limit of {} bytes",
                self.rules.limit
            ))
            .advise("ingest it in parts")),
        }
    }

    fn start_again(&mut self) -> Result<()> {
        self.file.as_file_mut().set_len(0)?;
        self.file.as_file_mut().rewind()?;
        self.hash = FileHash::default();
        self.bytes = 0;
        Ok(())
    }

    fn finish(mut self, modified: Option<i64>, found: bool) -> Result<Fetched> {
        self.file.flush()?;
        Ok(Fetched {
            path: self.path,
            file: Arc::new(self.file.into_temp_path()),
            bytes: self.bytes,
            hash: self.hash.finish(),
            modified,
            found,
        })
    }
}

/// Counts tries of one download; only those without a byte in between add up.
#[derive(Default)]
struct Tries {
    failed: u32,
    bytes: u64,
}

impl Tries {
    /// Waits before the next try. False: there has been enough of them.
    async fn again(&mut self, bytes: u64, asked: Option<Duration>) -> bool {
        if bytes > self.bytes {
            self.failed = 0;
        }
        self.bytes = self.bytes.max(bytes);
        self.failed += 1;
        if self.failed >= TRIES {
            return false;
        }
        let step = Duration::from_millis(250 << self.failed);
        let wait = asked.unwrap_or(step).min(LONGEST_WAIT);
        let jitter = crate::base::seed::nonce() % 100;
        tokio::time::sleep(wait.mul_f64(1.0 + jitter as f64 / 400.0)).await;
        true
    }
}

// ---- objects of a store

async fn objects(input: &str, options: &HashMap<String, String>, rules: &Rules<'_>) -> Result<Vec<Fetched>> {
    let (root, key) = split(input);
    let url = Url::parse(root).map_err(|e| Error::usage(format!("{e}")).advise(ADDRESS))?;
    let (store, _) = cloud::open(&url, options)?;
    let is_pattern = key.contains(['*', '?', '[']);
    if !key.is_empty() && !key.ends_with('/') && !is_pattern {
        let path = Path::parse(key).map_err(|e| Error::usage(e.to_string()).advise(ADDRESS))?;
        match object(store.as_ref(), &path, root, rules, false).await {
            Ok(file) => return Ok(vec![file]),
            Err(Missed::Absent(error)) => {
                let below = list(store.as_ref(), key, None).await?;
                if below.is_empty() {
                    return Err(error);
                }
                return all(store.as_ref(), below, root, rules).await;
            }
            Err(Missed::Failed(error)) => return Err(error),
        }
    }
    let found = if is_pattern {
        let pattern =
            Pattern::new(key).map_err(|e| Error::usage(format!("'{key}' is not a pattern: {e}")))?;
        let literal = &key[..key.find(['*', '?', '[']).unwrap_or(key.len())];
        let folder = literal.rsplit_once('/').map_or("", |(folder, _)| folder);
        list(store.as_ref(), folder, Some((&pattern, key))).await?
    } else {
        list(store.as_ref(), key.trim_end_matches('/'), None).await?
    };
    if found.is_empty() {
        return Err(Error::usage("nothing is there")
            .advise("name an object, a folder or a pattern; `*` stops at a slash, `**` does not"));
    }
    all(store.as_ref(), found, root, rules).await
}

const ADDRESS: &str = "write s3://bucket/key, gs://bucket/key, az://container/key or abfss://container@account.dfs.core.windows.net/key";

/// `s3://bucket` and the key as it is written: unlike web addresses, keys are not escaped.
fn split(input: &str) -> (&str, &str) {
    let start = input.find("://").map_or(0, |at| at + 3);
    match input[start..].find('/') {
        Some(slash) => (&input[..start + slash], &input[start + slash + 1..]),
        None => (input, ""),
    }
}

async fn all(
    store: &dyn ObjectStore,
    paths: Vec<Path>,
    root: &str,
    rules: &Rules<'_>,
) -> Result<Vec<Fetched>> {
    futures::stream::iter(paths)
        .map(|path| async move {
            let file = object(store, &path, root, rules, true).await;
            file.map_err(|missed| {
                let (Missed::Absent(error) | Missed::Failed(error)) = missed;
                error.context(path.to_string())
            })
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Objects below a folder, without hidden ones and the empty ones that stand for folders.
async fn list(store: &dyn ObjectStore, folder: &str, pattern: Option<(&Pattern, &str)>) -> Result<Vec<Path>> {
    let folder = match folder {
        "" => None,
        folder => Some(Path::parse(folder).map_err(|e| Error::usage(e.to_string()).advise(ADDRESS))?),
    };
    let mut found = Vec::new();
    let mut listed = store.list(folder.as_ref());
    while let Some(meta) = listed.next().await {
        let meta = meta.map_err(|e| trouble::told(&e, Error::io).context("listing"))?;
        let key = meta.location.as_ref();
        let hidden = meta.location.filename().is_none_or(|name| name.starts_with('.'));
        let marker = meta.size == 0 && key.ends_with('/');
        if hidden || marker || !pattern.is_none_or(|(pattern, text)| matches(pattern, text, key)) {
            continue;
        }
        found.push(meta.location);
        if found.len() > MOST_OBJECTS {
            return Err(
                Error::usage(format!("there are more than {MOST_OBJECTS} objects"))
                    .advise("name a folder further down, or a pattern, and ingest one after the other"),
            );
        }
    }
    found.sort();
    Ok(found)
}

/// The pattern fits the key, or a folder that the key is in.
fn matches(pattern: &Pattern, text: &str, key: &str) -> bool {
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::new()
    };
    let folders = key.match_indices('/').map(|(at, _)| &key[..at]);
    key == text || folders.chain([key]).any(|k| pattern.matches_with(k, options))
}

enum Missed {
    Absent(Error),
    Failed(Error),
}

impl From<Error> for Missed {
    fn from(error: Error) -> Missed {
        Missed::Failed(error)
    }
}

/// One object. What the store answers with an error was tried again by the client; a body that breaks off is gone on
/// with here.
async fn object(
    store: &dyn ObjectStore,
    path: &Path,
    root: &str,
    rules: &Rules<'_>,
    found: bool,
) -> Result<Fetched, Missed> {
    let mut sink = Sink::new(storage::without_queries(&format!("{root}/{path}")), rules)?;
    let mut tries = Tries::default();
    let mut etag: Option<String> = None;
    let mut first: Option<(u64, DateTime<chrono::Utc>)> = None;
    loop {
        if etag.is_none() {
            sink.start_again()?;
        }
        let options = GetOptions {
            range: (sink.bytes > 0).then_some(GetRange::Offset(sink.bytes)),
            if_match: etag.clone().filter(|_| sink.bytes > 0),
            ..GetOptions::default()
        };
        let got = store.get_opts(path, options).await.map_err(|e| refused(&e))?;
        let seen = (got.meta.size, got.meta.last_modified);
        sink.may_have(seen.0)?;
        if sink.bytes > 0 && first.is_some_and(|first| first != seen) {
            return Err(changed().into());
        }
        etag = got.meta.e_tag.clone();
        first = Some(seen);
        let mut body = got.into_stream();
        let broken = loop {
            match body.next().await {
                Some(Ok(bytes)) => sink.write(&bytes)?,
                Some(Err(e)) => break Some(trouble::told(&e, Error::io)),
                None => break None,
            }
        };
        if broken.is_none() && sink.bytes == seen.0 {
            return Ok(sink.finish(Some(seen.1.timestamp_micros()), found)?);
        }
        if !tries.again(sink.bytes, None).await {
            return Err(broken.unwrap_or_else(|| short(sink.bytes, seen.0)).into());
        }
        if sink.bytes >= seen.0 {
            // Nothing is left to ask for, and yet it is not what was promised.
            etag = None;
        }
    }
}

fn refused(e: &object_store::Error) -> Missed {
    if matches!(e, object_store::Error::Precondition { .. }) {
        return Missed::Failed(changed());
    }
    let absent = storage::refusal(&trouble::chain(e)).is_some_and(|r| r.absent)
        || matches!(e, object_store::Error::NotFound { .. })
            && storage::refusal(&trouble::chain(e)).is_none();
    let error = trouble::told(e, Error::io);
    match absent {
        true => Missed::Absent(error),
        false => Missed::Failed(error),
    }
}

fn changed() -> Error {
    Error::io("it changed while it was read").advise("run the same command again when nobody writes to it")
}

fn short(got: u64, whole: u64) -> Error {
    Error::io(format!(
        "it ended after {got} of {whole} bytes, also after several tries"
    ))
    .advise("look at the network, and run the same command again: nothing is stored twice")
}

// ---- plain web addresses

/// Why one request brought no file, and whether another could.
struct Broken {
    error: Error,
    again: bool,
    wait: Option<Duration>,
}

async fn web(
    input: &str,
    shown: &str,
    options: &HashMap<String, String>,
    rules: &Rules<'_>,
) -> Result<Fetched> {
    let url =
        Url::parse(input).map_err(|e| Error::usage(e.to_string()).advise("write it as https://host/path"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage("credentials do not belong in an address")
            .advise("use an address that is signed for a while, or download the file and name its path"));
    }
    let client = ReqwestConnector::default()
        .connect(&cloud::web_client(&url, options)?)
        .map_err(|e| trouble::told(&e, Error::io))?;
    let mut sink = Sink::new(shown.to_owned(), rules)?;
    let mut tries = Tries::default();
    let mut known = Known::default();
    loop {
        match request(&client, &url, &mut sink, &mut known).await? {
            None => return sink.finish(known.modified, false),
            Some(broken) => {
                if !broken.again || !tries.again(sink.bytes, broken.wait).await {
                    return Err(broken.error);
                }
            }
        }
    }
}

/// What the first answer said of the file.
#[derive(Default)]
struct Known {
    /// A strong one: only then may the rest be asked for.
    etag: Option<String>,
    modified: Option<i64>,
}

/// One request. `None`: the file is whole.
async fn request(
    client: &HttpClient,
    url: &Url,
    sink: &mut Sink<'_, '_>,
    known: &mut Known,
) -> Result<Option<Broken>> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    let mut address = url.clone();
    address.set_fragment(None);
    *request.uri_mut() = address.as_str().parse().map_err(|_| {
        Error::usage("it is no address of a web server").advise("write it as https://host/path")
    })?;
    match &known.etag {
        Some(etag) if sink.bytes > 0 => {
            let headers = request.headers_mut();
            let range = format!("bytes={}-", sink.bytes);
            for (name, value) in [("range", &range), ("if-range", etag)] {
                if let Ok(value) = value.parse() {
                    headers.insert(name, value);
                }
            }
        }
        _ => sink.start_again()?,
    }
    let response = match client.execute(request).await {
        Ok(response) => response,
        Err(e) => return Ok(Some(cut(&e))),
    };
    let (head, body) = response.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
    let status = head.status;
    if !status.is_success() {
        let wait = header("retry-after")
            .and_then(|s| s.trim().parse().ok())
            .map(Duration::from_secs);
        let again = status.is_server_error() || [408, 425, 429].contains(&status.as_u16());
        return Ok(Some(Broken {
            error: answered(&status.to_string(), status.as_u16()),
            again,
            wait,
        }));
    }
    // A server that does not know ranges, or whose file is another by now, sends all of it.
    if status.as_u16() != 206 {
        sink.start_again()?;
    }
    known.etag = header("etag")
        .filter(|tag| !tag.starts_with("W/"))
        .map(str::to_owned);
    known.modified = header("last-modified")
        .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
        .map(|at| at.timestamp_micros());
    let length: Option<u64> = header("content-length").and_then(|text| text.parse().ok());
    let whole = length.map(|length| sink.bytes + length);
    sink.may_have(whole.unwrap_or(0))?;
    let mut body: BoxStream<'static, Result<Bytes, HttpError>> = body.bytes_stream();
    while let Some(bytes) = body.next().await {
        match bytes {
            Ok(bytes) => sink.write(&bytes)?,
            Err(e) => return Ok(Some(cut(&e))),
        }
    }
    Ok(whole.filter(|whole| *whole != sink.bytes).map(|whole| Broken {
        error: short(sink.bytes, whole),
        again: true,
        wait: None,
    }))
}

/// No answer, or half of one.
fn cut(e: &HttpError) -> Broken {
    let error = trouble::told(e, Error::io);
    // A name that does not exist and a certificate that is wrong will not get better.
    let final_ = error.message().contains("cannot be resolved") || error.message().contains("TLS");
    Broken {
        error: match error.advice() {
            Some(_) => error,
            None => error.advise("look at the address and the network, and run the same command again"),
        },
        again: !final_,
        wait: None,
    }
}

fn answered(status: &str, code: u16) -> Error {
    let (message, advice) = match code {
        401 | 403 => (
            "access is denied",
            "an address that is signed holds for a while only: ask for a new one; for an object of a store write s3://bucket/key \
             (or gs://, az://) and give the credentials in the environment",
        ),
        404 | 410 => ("nothing is there", "mend the address"),
        429 | 503 => (
            "the server asks to slow down, and still does after several tries",
            "run the same command again later",
        ),
        500.. => (
            "the server has an error of its own, also after several tries",
            "run the same command again later",
        ),
        300..=399 => ("the address leads elsewhere", "name the address that it leads to"),
        _ => ("the server refuses the request", "mend the address"),
    };
    Error::io(format!("{message} ({status})")).advise(advice)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_taken_as_they_are_written() {
        assert_eq!(split("s3://bucket"), ("s3://bucket", ""));
        assert_eq!(split("s3://bucket/a b/%20?.csv"), ("s3://bucket", "a b/%20?.csv"));
        assert_eq!(
            split("abfss://box@acme.dfs.core.windows.net/x/y"),
            ("abfss://box@acme.dfs.core.windows.net", "x/y")
        );
        assert!(is_address("https://h/f.csv") && !is_address("file:///f.csv") && !is_address("f.csv"));
    }

    #[test]
    fn a_pattern_stops_at_a_slash_and_takes_folders_whole() {
        let fits = |pattern: &str, key: &str| matches(&Pattern::new(pattern).unwrap(), pattern, key);
        for (pattern, key, expected) in [
            ("exports/*.csv.gz", "exports/a.csv.gz", true),
            ("exports/*.csv.gz", "exports/old/a.csv.gz", false),
            ("exports/**/*.csv.gz", "exports/old/a.csv.gz", true),
            ("exports/2026-*", "exports/2026-10/part-0.parquet", true),
            ("exports/2026-*", "exports/2025-10/part-0.parquet", false),
            ("odd[1].csv", "odd[1].csv", true),
        ] {
            assert_eq!(fits(pattern, key), expected, "{pattern} {key}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_said_with_advice() {
        for (input, words) in [
            ("ftp://h/f.csv", "ftp:// addresses cannot be read"),
            ("https://user:planted@h/f.csv", "credentials do not belong"),
            ("http://web.example/f.csv?sig=planted", "would not be encrypted"),
        ] {
            let error = fetch(input, &HashMap::new(), 1 << 20, &mut ()).await.unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(
                error.advice().is_some() && !error.to_string().contains("planted"),
                "{error}"
            );
        }
    }
}
