//! By mail, over SMTP: TLS where anything could be overheard, a refused receiver told apart from a refused
//! mail, transient refusals tried again with growing waits.
//!
//! `lettre` speaks the protocol, command by command, because one thing has to be known exactly: whether the
//! server can have taken the mail. Once the last line of it has gone out and no answer has come back, it can,
//! and then it is never sent again by itself.

use super::message::{build, mailbox};
use super::{Courier, Outcome, Parcel};
use crate::base::secret::{Secret, SecretString, without};
use crate::base::{Error, Result};
use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, transport};
use serde::Deserialize;
use std::error::Error as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[smtp]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// `smtps://user:password@host:465` or `smtp://host:25`.
    pub url: Secret,
    pub from: String,
    /// Who gets reports that are mailed by hand.
    #[serde(default)]
    pub to: Vec<String>,
    /// Certificates to trust beside the system's, in PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How often a transient refusal is tried again.
    #[serde(default = "retries")]
    pub retries: u32,
    /// Before the first of these tries; doubles with each further one.
    #[serde(default = "retry_seconds")]
    pub retry_seconds: u64,
    /// For each answer of the server; ten times as long for the one that ends the mail.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
}

fn retries() -> u32 {
    4
}

fn retry_seconds() -> u64 {
    15
}

fn timeout_seconds() -> u64 {
    30
}

impl Section {
    /// What can be seen to be wrong without looking up a secret.
    pub fn validate(&self) -> Result<()> {
        mailbox(&self.from)?;
        self.to.iter().try_for_each(|to| mailbox(to).map(drop))?;
        match &self.url {
            Secret::Literal(url) if Server::parse(url)?.credentials.is_some() => Err(Error::config(
                "the password of the mail server stands in the configuration",
            )
            .advise("write url = { env = \"SMTP_URL\" } or { file = \"path\" }")),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said.
    StartTls,
    /// None: on this machine only.
    Plain,
}

/// The server that an URL names.
struct Server {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<(SecretString, SecretString)>,
}

impl Server {
    /// No error shows the URL: a password may stand in it.
    fn parse(url: &SecretString) -> Result<Server> {
        let wrong = |why: &str| {
            Error::config(format!("[smtp] url: {why}"))
                .advise("write smtps://user:password@host:465, or smtp://host:587 for STARTTLS")
        };
        let url = url::Url::parse(url.expose()).map_err(|_| wrong("it is not a URL"))?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| wrong("it names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !matches!(url.path(), "" | "/") {
            return Err(wrong("nothing follows the port but ?tls=none or ?tls=required"));
        }
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => {
                let decode =
                    |text: &str| decoded(text).ok_or_else(|| wrong("%XX stands for a byte of UTF-8"));
                Some((
                    SecretString::new(decode(user)?),
                    SecretString::new(decode(password)?),
                ))
            }
            _ => return Err(wrong("a user name and a password belong together")),
        };
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let security = match (url.scheme(), url.query()) {
            ("smtps", None) => Security::Tls,
            ("smtp", Some("tls=none")) if here => Security::Plain,
            ("smtp", Some("tls=none")) => {
                return Err(wrong("tls=none is for a server on this machine only"));
            }
            ("smtp", None) if here && credentials.is_none() => Security::Plain,
            ("smtp", None | Some("tls=required")) => Security::StartTls,
            ("smtp" | "smtps", _) => {
                return Err(wrong("the options are ?tls=none and ?tls=required, for smtp://"));
            }
            _ => return Err(wrong("it begins with smtps:// or smtp://")),
        };
        let port = url.port().unwrap_or(match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Plain => 25,
        });
        Ok(Server {
            host,
            port,
            security,
            credentials,
        })
    }
}

/// `%41` is `A`; a plus is a plus.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// A server, a sender and receivers.
pub struct Smtp {
    server: Server,
    from: Mailbox,
    to: Vec<Mailbox>,
    tls: Option<TlsParameters>,
    retries: u32,
    wait: Duration,
    timeout: Duration,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({}:{})", self.server.host, self.server.port)
    }
}

impl Smtp {
    /// `url` and `roots` are what the configuration's `url` and `ca_file` hold.
    pub fn new(section: &Section, url: &SecretString, roots: Option<&[u8]>, to: &[String]) -> Result<Smtp> {
        let server = Server::parse(url)?;
        if to.is_empty() {
            return Err(Error::usage("nobody is named to send the mail to").advise(
                "write --email=ann@example.com, or to = [\"ann@example.com\"] in [smtp] or [[schedule]]",
            ));
        }
        let tls = match server.security {
            Security::Plain => None,
            Security::Tls | Security::StartTls => Some(tls(&server.host, roots)?),
        };
        Ok(Smtp {
            from: mailbox(&section.from)?,
            to: to.iter().map(|to| mailbox(to)).collect::<Result<_>>()?,
            tls,
            server,
            retries: section.retries,
            wait: Duration::from_secs(section.retry_seconds),
            timeout: Duration::from_secs(section.timeout_seconds.max(1)),
        })
    }

    /// The sender, whose domain stands in the Message-ID.
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Words about the server, without its secrets.
    fn told(&self, what: &str) -> String {
        let secrets: Vec<SecretString> = self
            .server
            .credentials
            .iter()
            .flat_map(|(user, password)| [user.clone(), password.clone()])
            .collect();
        without(
            &format!("{}:{}: {}", self.server.host, self.server.port, what.trim()),
            &secrets,
        )
    }

    /// A connection over which mail may go: encrypted and signed in as the URL asks for.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let hello = ClientId::default();
        let wrapped = self.tls.clone().filter(|_| self.server.security == Security::Tls);
        let address = (self.server.host.as_str(), self.server.port);
        let mut connection = self
            .patiently(AsyncSmtpConnection::connect_tokio1(
                address,
                Some(self.timeout),
                &hello,
                wrapped,
                None,
            ))
            .await?;
        if let (Security::StartTls, Some(tls)) = (self.server.security, &self.tls) {
            self.patiently(connection.starttls(tls.clone(), &hello)).await?;
        }
        if let Some((user, password)) = &self.server.credentials {
            let credentials = Credentials::new(user.expose().to_owned(), password.expose().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            self.patiently(connection.auth(&mechanisms, &credentials)).await?;
        }
        Ok(connection)
    }

    /// One session: which of the receivers have the mail, which never will, which may later.
    async fn session(&self, to: &[Address], mail: &[u8]) -> Result<Session, Trouble> {
        let mut connection = self.connect().await?;
        let mut session = Session::default();
        let from = Mail::new(Some(self.from.email.clone()), Vec::new());
        self.patiently(connection.command(from)).await?;
        for address in to {
            let rcpt = Rcpt::new(address.clone(), Vec::new());
            match self.patiently(connection.command(rcpt)).await {
                Ok(_) => session.accepted.push(address.clone()),
                Err(Trouble::Never(why)) => session.refused.push((address.clone(), why)),
                // The server spoke, so the connection stands.
                Err(Trouble::Busy(why)) => session.later.push((address.clone(), why)),
                Err(other) => return Err(other),
            }
        }
        if !session.accepted.is_empty() {
            self.patiently(connection.command(Data)).await?;
            let sent = tokio::time::timeout(self.timeout * 10, connection.message(mail)).await;
            match sent {
                Ok(Ok(_)) => {}
                Ok(Err(error)) if error.is_transient() => return Err(Trouble::Busy(error.to_string())),
                Ok(Err(error)) if error.is_permanent() => return Err(Trouble::Never(error.to_string())),
                Ok(Err(error)) => return Err(Trouble::Unknown(error.to_string())),
                Err(_) => return Err(Trouble::Unknown("no answer in time".to_owned())),
            }
        }
        // The mail has gone; how the server takes leave changes nothing.
        let _ = tokio::time::timeout(Duration::from_secs(5), connection.command(Quit)).await;
        Ok(session)
    }

    async fn patiently<T>(
        &self,
        step: impl Future<Output = Result<T, transport::smtp::Error>>,
    ) -> Result<T, Trouble> {
        match tokio::time::timeout(self.timeout, step).await {
            Ok(done) => done.map_err(Trouble::of),
            Err(_) => Err(Trouble::Away("no answer in time".to_owned())),
        }
    }
}

/// Receivers by what became of their mail.
#[derive(Default)]
struct Session {
    accepted: Vec<Address>,
    refused: Vec<(Address, String)>,
    later: Vec<(Address, String)>,
}

enum Trouble {
    /// The server said: not now.
    Busy(String),
    /// No connection, or it broke before the mail.
    Away(String),
    /// It will not be otherwise tomorrow.
    Never(String),
    /// The mail went out and no answer came.
    Unknown(String),
}

impl Trouble {
    fn of(error: transport::smtp::Error) -> Trouble {
        let text = error.to_string();
        if error.is_transient() {
            return Trouble::Busy(text);
        }
        // A certificate that is wrong today is wrong in a minute too.
        if error.is_permanent() || error.is_client() || error.is_tls() || is_certificate(&error) {
            return Trouble::Never(text);
        }
        Trouble::Away(text)
    }
}

fn is_certificate(error: &transport::smtp::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        let inner = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if inner.is_some_and(|e| matches!(e.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))) {
            return true;
        }
        source = cause.source();
    }
    false
}

fn tls(host: &str, roots: Option<&[u8]>) -> Result<TlsParameters> {
    let wrong = |e: transport::smtp::Error| Error::config(format!("[smtp] ca_file: {e}"));
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = roots {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(wrong)?);
    }
    builder.build().map_err(wrong)
}

#[async_trait]
impl Courier for Smtp {
    async fn deliver(&self, parcel: &Parcel) -> Outcome {
        let mail = match build(parcel, &self.from, &self.to) {
            Ok(message) => message.formatted(),
            Err(error) => {
                return Outcome::Failed {
                    why: error.to_string(),
                    again: false,
                };
            }
        };
        let mut waiting: Vec<Address> = self.to.iter().map(|to| to.email.clone()).collect();
        let mut accepted = 0;
        let mut refused = Vec::new();
        let mut last = String::new();
        let mut again = true;
        for attempt in 0..=self.retries {
            if attempt > 0 {
                tokio::time::sleep(self.wait * 2_u32.saturating_pow(attempt - 1).min(64)).await;
            }
            match self.session(&waiting, &mail).await {
                Ok(session) => {
                    accepted += session.accepted.len();
                    refused.extend(session.refused.iter().map(|(to, why)| format!("{to}: {why}")));
                    last = session
                        .later
                        .iter()
                        .map(|(to, why)| format!("{to}: {why}"))
                        .collect::<Vec<_>>()
                        .join("; ");
                    waiting = session.later.into_iter().map(|(to, _)| to).collect();
                }
                Err(Trouble::Busy(why) | Trouble::Away(why)) => last = why,
                Err(Trouble::Never(why)) => {
                    (last, again) = (why, false);
                    break;
                }
                Err(Trouble::Unknown(why)) => {
                    return Outcome::Unknown(self.told(&format!(
                        "the mail went out, and whether the server took it is unknown ({why})"
                    )));
                }
            }
            if waiting.is_empty() {
                break;
            }
        }
        let receivers = |n: usize| format!("{n} receiver{}", if n == 1 { "" } else { "s" });
        if waiting.is_empty() && refused.is_empty() {
            return Outcome::Sent(self.told(&format!("taken for {}", receivers(accepted))));
        }
        let mut why = refused;
        if !waiting.is_empty() {
            why.push(last);
        }
        let why = why.join("; ");
        if accepted > 0 {
            return Outcome::Partly(self.told(&format!("taken for {}, not for: {why}", receivers(accepted))));
        }
        Outcome::Failed {
            why: self.told(&why),
            again: again && !waiting.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn server(url: &str) -> Result<Server> {
        Server::parse(&SecretString::new(url.to_owned()))
    }

    #[test]
    fn an_url_says_how_safe_the_way_must_be() {
        for (url, port, security) in [
            ("smtps://u:p@mail.example.com", 465, Security::Tls),
            ("smtps://u:p@mail.example.com:8465", 8465, Security::Tls),
            ("smtp://mail.example.com:25", 25, Security::StartTls),
            ("smtp://u:p@localhost", 587, Security::StartTls),
            ("smtp://u:p@localhost:25?tls=none", 25, Security::Plain),
            ("smtp://127.0.0.1", 25, Security::Plain),
            ("smtp://127.0.0.1?tls=required", 587, Security::StartTls),
            ("smtp://[::1]:2525", 2525, Security::Plain),
        ] {
            let server = server(url).unwrap();
            assert_eq!((server.port, server.security), (port, security), "{url}");
        }
        assert_eq!(server("smtp://[::1]:2525").unwrap().host, "::1");
    }

    #[test]
    fn a_wrong_url_is_told_without_its_password() {
        for url in [
            "smtp://u:hush-hush@mail.example.com?tls=none",
            "smtp://mail.example.com?tls=never&pw=hush-hush",
            "https://u:hush-hush@mail.example.com",
            "smtps://u:hush-hush@",
            "smtps://:hush-hush@mail.example.com",
            "smtps://hush-hush@mail.example.com",
            "smtps://u:hush-hush%zz@mail.example.com",
            "smtps://u:p@mail.example.com/hush-hush",
            "hush-hush",
        ] {
            let error = server(url).err().unwrap().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_password_is_decoded_and_never_stands_in_the_configuration() {
        let (user, password) = server("smtps://ann%40example.com:p%3Aw+%C3%A4@h")
            .unwrap()
            .credentials
            .unwrap();
        assert_eq!((user.expose(), password.expose()), ("ann@example.com", "p:w+ä"));
        let section = |url: &str| -> Section {
            toml::from_str(&format!("url = {url}\nfrom = 'finops@example.com'")).unwrap()
        };
        assert!(section("'smtp://127.0.0.1:25'").validate().is_ok());
        assert!(section("{ env = 'SMTP_URL' }").validate().is_ok());
        let error = section("'smtps://u:hush@h'").validate().unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
