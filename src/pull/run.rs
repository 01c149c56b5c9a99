//! What connectors share while they run: the lake, secrets, deliveries, and where to go on.

use super::Connectors;
use super::http::Client;
use super::patience::{Patience, Waiting};
use crate::base::secret::{Secret, SecretString, without};
use crate::base::time::from_micros;
use crate::base::{Error, Result};
use crate::ingest::{self, IngestReport, Loaded, Options, Progress, Refused, Step};
use crate::schema::TableSchema;
use crate::source::Catalog;
use crate::store::Lake;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, Utc};
use url::Url;

/// What a run may do, whatever the connector.
pub struct Request<'a> {
    /// From when to fetch, where that is earlier than what would be fetched anyway.
    pub since: Option<DateTime<Utc>>,
    pub patience: Patience,
    /// Formats, and how they are ingested; name and format are the connector's own.
    pub catalog: &'a Catalog,
    pub options: &'a Options,
    /// Looks up what the configuration only names.
    pub secrets: &'a (dyn Fn(&Secret) -> Result<SecretString> + Sync),
}

/// How one connector ended.
#[derive(Debug)]
pub struct Pulled {
    pub name: String,
    /// The section that configures it.
    pub kind: &'static str,
    /// What came in, also where it failed in the end.
    pub report: IngestReport,
    pub notes: Vec<String>,
    pub error: Option<Error>,
}

/// Runs connectors one after the other. One that fails does not stop the others.
pub async fn pull(
    lake: &Lake,
    connectors: &Connectors,
    request: &Request<'_>,
    progress: &mut dyn Progress,
) -> Vec<Pulled> {
    let mut all = Vec::new();
    for (kind, connector) in &connectors.0 {
        let mut run = Run {
            lake,
            request,
            name: connector.name().to_owned(),
            progress: &mut *progress,
            report: IngestReport::default(),
            notes: Vec::new(),
            known: Vec::new(),
        };
        let result = connector.pull(&mut run).await;
        // The longest first: an address holds the password that stands in it.
        run.known
            .sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        let clean = |text: &str| without(text, &run.known);
        let error = result
            .and_then(|()| run.nothing_refused())
            .err()
            .map(|e| e.reworded(clean));
        all.push(Pulled {
            error,
            notes: run.notes.iter().map(|note| clean(note)).collect(),
            name: run.name,
            kind,
            report: run.report,
        });
    }
    all
}

/// One connector at work.
pub(super) struct Run<'a> {
    pub(super) lake: &'a Lake,
    pub(super) request: &'a Request<'a>,
    name: String,
    progress: &'a mut dyn Progress,
    report: IngestReport,
    notes: Vec<String>,
    /// Secrets that were looked up, so that no error can repeat them.
    known: Vec<SecretString>,
}

impl Run<'_> {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.lake.clock().now()
    }

    /// What the user should know of how it went; said once.
    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Says what is being fetched.
    pub(super) fn fetching(&mut self, what: &str) -> Result<()> {
        let path = format!("{}: {what}", self.name);
        self.progress.on(Step::Fetching {
            path: &path,
            bytes: 0,
            whole: 0,
        })
    }

    pub(super) fn secret(&mut self, secret: &Secret) -> Result<SecretString> {
        let value = (self.request.secrets)(secret)?;
        self.known.push(value.clone());
        Ok(value)
    }

    /// The address of a server of HTTP, which may hold credentials: they are taken out of it.
    pub(super) fn url(&mut self, secret: &Secret) -> Result<(Url, Option<Login>)> {
        let text = self.secret(secret)?;
        self.without_login(parse_url(text.expose())?)
    }

    /// Takes the credentials out of the address that was looked up last.
    pub(super) fn without_login(&mut self, mut url: Url) -> Result<(Url, Option<Login>)> {
        let password = url.password().map(str::to_owned);
        let user = url.username().to_owned();
        if user.is_empty() && password.is_none() {
            // A bare address is no secret, and errors have to name it.
            self.known.pop();
            return Ok((url, None));
        }
        let raw = SecretString::new(password.unwrap_or_default());
        let password = SecretString::new(unescaped(raw.expose()));
        self.known.extend([raw, password.clone()]);
        // Both fail only for URLs that cannot carry credentials at all.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok((url, Some((unescaped(&user), password))))
    }

    /// What basic authentication sends; it can be turned back into the password.
    pub(super) fn basic(&mut self, user: &str, password: &SecretString) -> String {
        let encoded = base64(format!("{user}:{}", password.expose()).as_bytes());
        self.known.push(SecretString::new(encoded.clone()));
        format!("Basic {encoded}")
    }

    /// A client that sends these headers.
    pub(super) fn client(&self, headers: &[(&'static str, SecretString)]) -> Result<Client> {
        Client::new(self.waiting(), headers, self.now())
    }

    pub(super) fn waiting(&self) -> Waiting {
        let nanos = self.now().timestamp_nanos_opt().unwrap_or_default();
        let seed = nanos.unsigned_abs() ^ u64::from(std::process::id()).rotate_left(32);
        Waiting::new(self.request.patience.clone(), seed)
    }

    /// Hands one delivery on. A refused one is an error at the end, not at once: what comes after it may
    /// be fine.
    pub(super) async fn deliver(&mut self, format: &str, loaded: Vec<Loaded>) -> Result<()> {
        let options = Options {
            format: Some(format.to_owned()),
            source: Some(self.name.clone()),
            ..self.request.options.clone()
        };
        let report =
            ingest::ingest_loaded(self.lake, self.request.catalog, loaded, &options, self.progress).await?;
        self.report.files.extend(report.files);
        self.report.refused.extend(report.refused);
        Ok(())
    }

    /// Refuses a part that nothing was delivered for.
    pub(super) fn refuse(&mut self, table: &'static str, reason: String, advice: &str) {
        self.report.refused.push(Refused {
            source: self.name.clone(),
            table,
            reason,
            advice: advice.to_owned(),
        });
    }

    fn nothing_refused(&self) -> Result<()> {
        let Some(first) = self.report.refused.first() else {
            return Ok(());
        };
        let more = match self.report.refused.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Err(Error::lake(format!("refused: {}{more}", first.reason)).advise(first.advice.clone()))
    }

    /// When the newest fact of this connector happened.
    pub(super) async fn newest(&self, table: &str, instant: &str) -> Result<Option<DateTime<Utc>>> {
        let table =
            TableSchema::named(table).ok_or_else(|| Error::internal(format!("there is no table {table}")))?;
        let Some(snapshot) = self.lake.snapshot(table, None).await? else {
            return Ok(None);
        };
        let by_source = table.partition_by.first() == Some(&"source");
        let mut partitions = snapshot.partitions();
        partitions.retain(|values| !by_source || values.first().is_some_and(|source| *source == self.name));
        // The last of them are days and months, which sort as they happen.
        partitions.sort_by(|a, b| b.last().cmp(&a.last()));
        for partition in partitions {
            let part = snapshot.only_partitions(&[partition]);
            let batches = part.read(&["source", instant], &[]).await?;
            let newest = batches.iter().filter_map(|batch| self.newest_of(batch)).max();
            if newest.is_some() {
                return Ok(newest.map(from_micros));
            }
        }
        Ok(None)
    }

    fn newest_of(&self, batch: &RecordBatch) -> Option<i64> {
        let sources = batch.column(0).as_string::<i32>();
        let instants = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        sources
            .iter()
            .zip(instants)
            .filter(|(source, _)| *source == Some(self.name.as_str()))
            .filter_map(|(_, instant)| instant)
            .max()
    }

    /// Does the lake hold charges of this connector and billing month.
    pub(super) async fn holds_month(&self, month: &str) -> Result<bool> {
        let table =
            TableSchema::named("charges").ok_or_else(|| Error::internal("there is no table charges"))?;
        let Some(snapshot) = self.lake.snapshot(table, None).await? else {
            return Ok(false);
        };
        Ok(snapshot
            .partitions()
            .contains(&vec![self.name.clone(), month.to_owned()]))
    }

    /// From when to fetch: what is due, or earlier where the user says so. What is due is never skipped.
    pub(super) fn begin(&self, due: DateTime<Utc>) -> Result<DateTime<Utc>> {
        match self.request.since {
            Some(since) if since > self.now() => Err(Error::usage(format!(
                "--since {} has not come yet",
                since.format("%Y-%m-%dT%H:%M:%SZ")
            ))),
            Some(since) => Ok(since.min(due)),
            None => Ok(due),
        }
    }

    /// What a delivery is recorded as.
    pub(super) fn loaded(&self, part: &str, bytes: impl Into<bytes::Bytes>) -> Loaded {
        Loaded {
            name: format!("pull/{}/{part}", self.name),
            bytes: bytes.into(),
        }
    }
}

/// User and password.
pub(super) type Login = (String, SecretString);

/// The address of a server. An error does not repeat it: it may hold a password.
pub(super) fn parse_url(text: &str) -> Result<Url> {
    let url = Url::parse(text.trim())
        .map_err(|e| Error::config(format!("url: {e}")).advise("write http://HOST:PORT or https://HOST"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err(Error::config(format!("url: '{}:' is not HTTP", url.scheme()))
            .advise("write http://HOST:PORT or https://HOST"));
    }
    Ok(url)
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        for place in 0..4 {
            match place <= chunk.len() {
                true => text.push(char::from(DIGITS[number >> (18 - 6 * place) & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

/// `%40` is an at sign again.
pub(super) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| hex::decode(hex).ok())
            .and_then(|b| b.first().copied());
        bytes.push(byte.unwrap_or(*first));
        rest = match byte {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn escapes_of_addresses_are_undone_and_wrong_ones_are_left() {
        assert_eq!(unescaped("a%40b%2Fc"), "a@b/c");
        assert_eq!(unescaped("100%"), "100%");
        assert_eq!(unescaped("%zz%4"), "%zz%4");
    }

    #[test]
    fn base64_is_padded() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("ü:?>", "w7w6Pz4="),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn an_address_that_is_wrong_is_not_repeated() {
        for wrong in ["http//user:hush@host", "ftp://user:hush@host", "hush"] {
            assert!(
                !parse_url(wrong).unwrap_err().to_string().contains("hush"),
                "{wrong}"
            );
        }
    }
}
