//! LiteLLM's PostgreSQL table of spend logs, a UTC day at a time, as JSON lines for the mapping `litellm`.
//!
//! Only the columns that the mapping reads are asked for: prompts and answers never leave the server.
//! Pages go on from the last row's (startTime, request_id), so that rows which arrive meanwhile move nothing.

use super::patience::Waiting;
use super::run::{Login, Run, unescaped};
use super::{Connector, Kind, check_url, named, section};
use crate::base::secret::Secret;
use crate::base::time::day_start;
use crate::base::{Error, Result};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

pub(super) const KIND: Kind = Kind {
    id: "litellm_postgres",
    parse: |value| {
        let settings: LiteLlm = section(value)?;
        check_url(&settings.url, |text| {
            let url = parse_url(text)?;
            target(&url)?;
            Ok(url)
        })?;
        settings
            .password
            .as_ref()
            .map_or(Ok(()), |secret| named("password", secret))?;
        Ok(Arc::new(settings))
    },
};

const FORMAT: &str = "litellm";
const TABLE: &str = "LiteLLM_SpendLogs";

/// What the mapping reads. `messages`, `response` and `proxy_server_request` hold prompts and answers, and
/// must never be in this list.
const COLUMNS: [&str; 25] = [
    "request_id",
    "call_type",
    "api_key",
    "spend",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "request_duration_ms",
    "model",
    "model_id",
    "model_group",
    "custom_llm_provider",
    "api_base",
    "user",
    "end_user",
    "metadata",
    "cache_hit",
    "request_tags",
    "team_id",
    "session_id",
    "status",
    "litellm_call_id",
];

/// Those that older versions of LiteLLM have too.
const NEEDED: [&str; 6] = [
    "request_id",
    "call_type",
    "spend",
    "startTime",
    "prompt_tokens",
    "completion_tokens",
];

/// Rows of one page, and bytes of one delivery. A day with more is delivered in parts.
const PAGE_ROWS: i64 = 1_000;
const PART_BYTES: usize = 64 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiteLlm {
    name: String,
    /// As LiteLLM's own DATABASE_URL.
    url: Secret,
    /// Instead of the one in url.
    password: Option<Secret>,
    /// PEM of the authority that signed the server's certificate, instead of the system's.
    ca_certificate: Option<Secret>,
    /// How many hours are read again each time, widened to whole days: rows are written late, and updated.
    #[serde(default = "default_reread")]
    reread_hours: u32,
}

fn default_reread() -> u32 {
    48
}

/// Where to connect to, without the password.
struct Target {
    config: Config,
    ssl: SslMode,
    schema: Option<String>,
    /// Server and database, for people.
    place: String,
}

/// A row that was read: where it stands, and what it says.
struct Row {
    moment: String,
    request_id: String,
    json: String,
}

/// Why a statement failed.
struct Trouble {
    error: Error,
    /// It may work in a moment.
    passing: bool,
}

#[async_trait::async_trait(?Send)]
impl Connector for LiteLlm {
    fn name(&self) -> &str {
        &self.name
    }

    async fn pull(&self, run: &mut Run<'_>) -> Result<()> {
        let text = run.secret(&self.url)?;
        let (url, login) = run.without_login(parse_url(text.expose())?)?;
        let login = match (&self.password, login) {
            (Some(password), Some((user, _))) => Some((user, run.secret(password)?)),
            (Some(_), None) => {
                return Err(Error::config("there is a password, and no user in url")
                    .advise("write postgresql://USER@HOST:5432/DATABASE"));
            }
            (None, login) => login,
        };
        let target = target(&url)?;
        let tls = self.tls(run, target.ssl)?;
        let mut server = Server {
            session: None,
            tls,
            login,
            waiting: run.waiting(),
            target,
        };
        run.fetching("columns")?;
        let columns = server.columns().await?;
        let held = run.newest("requests", "started_at").await?;
        let due = match held {
            Some(held) => held.min(run.now()) - TimeDelta::hours(i64::from(self.reread_hours)),
            None => run.request.since.unwrap_or(DateTime::UNIX_EPOCH),
        };
        let begin = day_start(run.begin(due)?.date_naive());
        // Clocks differ: what began "tomorrow" is there already.
        let end = run.now() + TimeDelta::days(1);
        let mut after = (timestamp(begin), String::new());
        let mut part = Part::default();
        let mut rows = 0;
        loop {
            run.fetching(&format!("requests from {} on", after.0))?;
            let page = server.page(&columns, &after, end).await?;
            let last = page.len() < PAGE_ROWS as usize;
            rows += page.len();
            if let Some(row) = page.last() {
                after = (row.moment.clone(), row.request_id.clone());
            }
            for row in page {
                let day = row.moment.get(..10).unwrap_or_default();
                if day != part.day || part.bytes.len() + row.json.len() > PART_BYTES {
                    part = part.deliver(run, day).await?;
                }
                part.bytes.extend_from_slice(row.json.as_bytes());
                part.bytes.push(b'\n');
            }
            if last {
                break;
            }
        }
        part.deliver(run, "").await?;
        if rows == 0 {
            run.note(format!("{TABLE} has no rows since {}", begin.date_naive()));
        }
        Ok(())
    }
}

/// Rows of one day that are not delivered yet.
#[derive(Default)]
struct Part {
    day: String,
    number: usize,
    bytes: Vec<u8>,
}

impl Part {
    /// Hands it on, and begins the next one, of the same day or of another.
    async fn deliver(self, run: &mut Run<'_>, next: &str) -> Result<Part> {
        let number = if next == self.day { self.number + 1 } else { 1 };
        if !self.bytes.is_empty() {
            let name = match self.number {
                0 | 1 => format!("{}.jsonl", self.day),
                number => format!("{}-{number}.jsonl", self.day),
            };
            run.deliver(FORMAT, vec![run.loaded(&name, self.bytes)]).await?;
        }
        Ok(Part {
            day: next.to_owned(),
            number,
            bytes: Vec::new(),
        })
    }
}

impl LiteLlm {
    /// Who is trusted to be the server.
    fn tls(&self, run: &mut Run<'_>, ssl: SslMode) -> Result<Option<MakeRustlsConnect>> {
        if ssl == SslMode::Disable {
            return Ok(None);
        }
        let mut roots = RootCertStore::empty();
        match &self.ca_certificate {
            Some(secret) => {
                let wrong =
                    |e: String| Error::config(format!("ca_certificate: {e}")).advise("it has to be PEM");
                let pem = run.secret(secret)?;
                for certificate in CertificateDer::pem_slice_iter(pem.expose().as_bytes()) {
                    let certificate = certificate.map_err(|e| wrong(e.to_string()))?;
                    roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(wrong("there is no certificate in it".to_owned()));
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::internal(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Some(MakeRustlsConnect::new(config)))
    }
}

/// The database, connected to when it is needed.
struct Server {
    session: Option<Client>,
    tls: Option<MakeRustlsConnect>,
    login: Option<Login>,
    waiting: Waiting,
    target: Target,
}

impl Server {
    /// The columns to ask for: those that are there. What may not be read is an error that says how to
    /// allow it.
    async fn columns(&mut self) -> Result<Vec<&'static str>> {
        const SQL: &str = "SELECT attname::text, has_column_privilege(attrelid, attnum, 'SELECT')::text \
            FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
        let name = self.target.table();
        let found = self.ask(SQL, &[&name], 2).await?;
        if found.is_empty() {
            return Err(Error::data(format!("{}: there is no table {name}", self.target.place)).advise(
                "is it LiteLLM's database, and the right schema (?schema=NAME at the end of the URL)? LiteLLM \
                 makes the table at its first start; a role that may not use the schema does not see it either",
            ));
        }
        let has = |column: &&&str| found.iter().any(|row| row[0] == **column);
        if let Some(lacking) = NEEDED.iter().find(|column| !has(column)) {
            return Err(Error::data(format!(
                "{}: {name} has no column {lacking}; it is not LiteLLM's table, or of a version that is not known",
                self.target.place
            )));
        }
        let columns: Vec<&'static str> = COLUMNS.iter().filter(has).copied().collect();
        let forbidden: Vec<String> = columns
            .iter()
            .filter(|column| found.iter().any(|row| row[0] == **column && row[1] != "true"))
            .map(|column| quoted(column))
            .collect();
        if !forbidden.is_empty() {
            return Err(Error::io(format!(
                "{}: this role may not read {} of {name}",
                self.target.place,
                forbidden.join(", ")
            ))
            .advise(format!(
                "as its owner: GRANT SELECT ON {name} TO this role; reading is all that is needed"
            )));
        }
        Ok(columns)
    }

    /// The next rows after one.
    async fn page(
        &mut self,
        columns: &[&str],
        after: &(String, String),
        end: DateTime<Utc>,
    ) -> Result<Vec<Row>> {
        let list: Vec<String> = columns
            .iter()
            .map(|column| format!("l.{}", quoted(column)))
            .collect();
        let sql = format!(
            "SELECT l.\"startTime\"::timestamp::text, l.request_id, \
             (SELECT row_to_json(r)::text FROM (SELECT {}) r) \
             FROM {} l WHERE (l.\"startTime\", l.request_id) > ($1::timestamp, $2) \
             AND l.\"startTime\" < $3::timestamp ORDER BY l.\"startTime\", l.request_id LIMIT {PAGE_ROWS}",
            list.join(", "),
            self.target.table()
        );
        let rows = self.ask(&sql, &[&after.0, &after.1, &timestamp(end)], 3).await?;
        let row = |row: Vec<String>| match <[String; 3]>::try_from(row) {
            Ok([moment, request_id, json]) => Ok(Row {
                moment,
                request_id,
                json,
            }),
            Err(_) => Err(Error::internal("a row without its three columns")),
        };
        rows.into_iter().map(row).collect()
    }

    /// Asks until there is an answer or patience ends. Everything is text, in both directions.
    async fn ask(&mut self, sql: &str, values: &[&str], width: usize) -> Result<Vec<Vec<String>>> {
        let mut failed = 0;
        loop {
            let limit = self.waiting.patience.answer;
            let answer = match tokio::time::timeout(limit, self.attempt(sql, values, width)).await {
                Ok(answer) => answer,
                Err(_) => Err(Trouble {
                    error: Error::io(format!(
                        "{}: no answer within {} seconds",
                        self.target.place,
                        limit.as_secs()
                    )),
                    passing: true,
                }),
            };
            let trouble = match answer {
                Ok(rows) => return Ok(rows),
                Err(trouble) => trouble,
            };
            self.session = None;
            failed += 1;
            match self.waiting.next(failed, None).filter(|_| trouble.passing) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(trouble.error),
            }
        }
    }

    async fn attempt(
        &mut self,
        sql: &str,
        values: &[&str],
        width: usize,
    ) -> Result<Vec<Vec<String>>, Trouble> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.connect().await?,
        };
        let session = self.session.insert(session);
        let limit = self.waiting.patience.answer.as_millis();
        let place = &self.target.place;
        let trouble = |e: tokio_postgres::Error| told(place, &e);
        // Read only, whatever the role may do.
        let transaction = session
            .build_transaction()
            .read_only(true)
            .start()
            .await
            .map_err(trouble)?;
        transaction
            .batch_execute(&format!(
                "SET LOCAL statement_timeout = {limit}; SET LOCAL TIME ZONE 'UTC'"
            ))
            .await
            .map_err(trouble)?;
        let values: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = values
            .iter()
            .map(|value| (value as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT))
            .collect();
        let rows = transaction.query_typed(sql, &values).await.map_err(trouble)?;
        let texts = rows
            .iter()
            .map(|row| (0..width).map(|at| row.try_get(at)).collect());
        let texts = texts.collect::<Result<Vec<Vec<String>>, _>>().map_err(trouble)?;
        transaction.commit().await.map_err(trouble)?;
        Ok(texts)
    }

    async fn connect(&self) -> Result<Client, Trouble> {
        let mut config = self.target.config.clone();
        config
            .ssl_mode(self.target.ssl)
            .connect_timeout(self.waiting.patience.connect);
        if let Some((user, password)) = &self.login {
            config.user(user.as_str()).password(password.expose());
        }
        let trouble = |e: tokio_postgres::Error| told(&self.target.place, &e);
        // The other half of a connection lives as long as this one, and its errors come out here.
        match &self.tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(trouble)?;
                tokio::spawn(connection);
                Ok(client)
            }
            None => {
                let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(trouble)?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }
}

impl Target {
    fn table(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(TABLE)),
            None => quoted(TABLE),
        }
    }
}

/// An address is not repeated when it is wrong: it may hold a password.
fn parse_url(text: &str) -> Result<Url> {
    let advise = |e: Error| e.advise("write postgresql://USER:PASSWORD@HOST:5432/DATABASE");
    let url = Url::parse(text.trim()).map_err(|e| advise(Error::config(format!("url: {e}"))))?;
    match url.scheme() {
        "postgres" | "postgresql" => Ok(url),
        other => Err(advise(Error::config(format!(
            "url: '{other}:' is not PostgreSQL"
        )))),
    }
}

/// The address as LiteLLM has it, with the parameters that its own database layer understands.
fn target(url: &Url) -> Result<Target> {
    let mut config = Config::new();
    let mut ssl = SslMode::Prefer;
    let mut schema = None;
    let mut host = url
        .host_str()
        .map(|host| unescaped(host.trim_matches(['[', ']'])));
    for (key, value) in url.query_pairs() {
        match key.as_ref() {
            "sslmode" => {
                ssl = match value.as_ref() {
                    "disable" => SslMode::Disable,
                    "allow" | "prefer" => SslMode::Prefer,
                    // The certificate is verified whenever there is one.
                    "require" | "verify-ca" | "verify-full" => SslMode::Require,
                    _ => {
                        return Err(Error::config("url: sslmode is not known")
                            .advise("write disable, prefer, require or verify-full"));
                    }
                }
            }
            "schema" => schema = Some(value.into_owned()),
            "host" => host = Some(value.into_owned()),
            "options" => {
                config.options(value.as_ref());
            }
            // About pools and certificates of the gateway, which is somebody else.
            "connection_limit"
            | "pool_timeout"
            | "pgbouncer"
            | "socket_timeout"
            | "connect_timeout"
            | "statement_cache_size"
            | "application_name"
            | "sslaccept"
            | "sslcert"
            | "sslidentity"
            | "sslpassword"
            | "sslrootcert"
            | "channel_binding"
            | "target_session_attrs" => {}
            other => {
                return Err(
                    Error::config(format!("url: the parameter '{other}' is not known"))
                        .advise("leave it out; sslmode, schema, host and options are understood"),
                );
            }
        }
    }
    let host = host.filter(|host| !host.is_empty()).ok_or_else(|| {
        Error::config("url: there is no host").advise("write postgresql://USER:PASSWORD@HOST:5432/DATABASE")
    })?;
    let port = url.port().unwrap_or(5432);
    let database = unescaped(url.path().trim_matches('/'));
    config
        .host(&host)
        .port(port)
        .application_name("spendscope")
        .keepalives_idle(Duration::from_secs(60));
    if !database.is_empty() {
        config.dbname(&database);
    }
    Ok(Target {
        config,
        ssl,
        schema,
        place: format!("{host}:{port}/{database}"),
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// As PostgreSQL reads it, in UTC.
fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
        .replace('T', " ")
        .replace('Z', "")
}

/// What the server or the connection said, and whether it is worth another try.
fn told(place: &str, error: &tokio_postgres::Error) -> Trouble {
    let Some(said) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(e) = cause {
            let further = e.to_string();
            if !text.contains(&further) {
                text.push_str(&format!(": {further}"));
            }
            cause = e.source();
        }
        let tls = text.contains("TLS");
        let advice = if tls {
            "the server's certificate has to be signed by an authority that this machine or ca_certificate names, \
             for the host in url; ?sslmode=disable goes without encryption"
        } else {
            "is the address right, and can it be reached from here? What was fetched before is kept; run it again"
        };
        return Trouble {
            error: Error::io(format!("{place}: {text}")).advise(advice),
            passing: !tls,
        };
    };
    let code = said.code();
    let error = Error::io(format!("{place}: {} ({})", said.message(), code.code()));
    let class = code.code().get(..2).unwrap_or_default();
    let passing = ["08", "53", "40"].contains(&class)
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
        ]
        .contains(code);
    let error = if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        error.advise(
            "as the owner of the database: GRANT USAGE ON SCHEMA public TO this role; \
             GRANT SELECT ON \"LiteLLM_SpendLogs\" TO this role; reading is all that is needed",
        )
    } else if class == "28" {
        error.advise("user and password stand in url; try them with psql")
    } else if *code == SqlState::QUERY_CANCELED {
        error.advise(
            "the table has no index on (\"startTime\", request_id), or the server is busy; newer versions of \
             LiteLLM make that index",
        )
    } else {
        error
    };
    Trouble { error, passing }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_read_as_litellm_writes_it() {
        let of = |text: &str| target(&parse_url(text).unwrap()).unwrap();
        let it = of(
            "postgresql://llmproxy:p%40ss@db.example/litellm?schema=my\"s&connection_limit=5&sslmode=require",
        );
        assert_eq!(it.table(), "\"my\"\"s\".\"LiteLLM_SpendLogs\"");
        assert_eq!(
            (it.ssl, it.place.as_str()),
            (SslMode::Require, "db.example:5432/litellm")
        );
        assert_eq!(it.config.get_dbname(), Some("litellm"));
        assert_eq!(
            of("postgres:///db?host=/run/postgresql").place,
            "/run/postgresql:5432/db"
        );
        for wrong in [
            "mysql://u:hush@h/db",
            "postgres://u:hush@h/db?sslmode=hush",
            "u:hush@h",
        ] {
            let error = parse_url(wrong)
                .and_then(|url| target(&url).map(drop))
                .unwrap_err();
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn what_holds_prompts_is_never_asked_for() {
        for column in ["messages", "response", "proxy_server_request"] {
            assert!(!COLUMNS.contains(&column));
        }
        assert!(NEEDED.iter().all(|column| COLUMNS.contains(column)));
    }

    #[test]
    fn moments_are_written_in_utc() {
        let at = DateTime::from_timestamp(1_793_538_420, 5_000).unwrap();
        assert_eq!(timestamp(at), "2026-11-01 13:07:00.000005");
    }
}
