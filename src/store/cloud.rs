//! Object stores by their addresses: built with limits on time, and with what others leave to chance settled before
//! anything is sent: is there a credential at all, and may the connection be an open one.
//!
//! Credentials and endpoints come as a map of options (`config` fills it from the environment); nothing here reads the
//! environment, and no error shows a value.

use super::trouble;
use crate::base::{Error, Result, storage};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// One request with its answer. A longer download goes on where it stopped.
const REQUEST: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);
/// How long the service is waited for that lends credentials to machines of a cloud.
const METADATA: Duration = Duration::from_secs(1);
const METADATA_ADDRESS: &str = "http://169.254.169.254";
/// Allows open connections to other machines, for stores that need one and for plain downloads.
const ALLOW_HTTP: &str = "spendscope_allow_http";

/// Tries of one request: about ten seconds where nothing answers, half a minute at the very most.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: 7,
        retry_timeout: Duration::from_secs(30),
    }
}

fn client() -> ClientOptions {
    ClientOptions::new()
        .with_timeout(REQUEST)
        .with_connect_timeout(CONNECT)
}

/// How a plain web server is asked, if the address may be asked at all.
pub fn web_client(url: &Url, options: &HashMap<String, String>) -> Result<ClientOptions> {
    let open = open_connection(url, &Settings::new(options), ALLOW_HTTP)?;
    Ok(client().with_allow_http(open))
}

/// The store of an address, and the place in it that the address names.
pub fn open(url: &Url, options: &HashMap<String, String>) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let shown = storage::without_queries(url.as_str());
    let failed = |e: object_store::Error| trouble::told(&e, Error::usage).context(format!("opening {shown}"));
    let (scheme, path) = ObjectStoreScheme::parse(url).map_err(|e| failed(e.into()))?;
    no_credentials_in(url, &scheme)?;
    let settings = Settings::new(options);
    let store = match scheme {
        ObjectStoreScheme::AmazonS3 => s3(url, settings)
            .map_err(|e| e.context(shown.clone()))?
            .map_err(failed)?,
        ObjectStoreScheme::MicrosoftAzure => azure(url, settings)
            .map_err(|e| e.context(shown.clone()))?
            .map_err(failed)?,
        ObjectStoreScheme::GoogleCloudStorage => gcs(url, settings)
            .map_err(|e| e.context(shown.clone()))?
            .map_err(failed)?,
        ObjectStoreScheme::Local | ObjectStoreScheme::Memory => {
            let (store, path) = object_store::parse_url(url).map_err(failed)?;
            return Ok((Arc::from(store), path));
        }
        _ => {
            return Err(Error::usage(format!("{shown} is not in an object store"))
                .advise("object stores have addresses such as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"));
        }
    };
    Ok((store, path))
}

type Built = Result<Result<Arc<dyn ObjectStore>, object_store::Error>>;

fn s3(url: &Url, settings: Settings) -> Built {
    let open = settings.endpoint(
        &["aws_endpoint_url_s3", "aws_endpoint_url", "aws_endpoint"],
        "aws_allow_http",
    )?;
    let lent = [
        &["aws_access_key_id", "aws_secret_access_key"][..],
        &["aws_web_identity_token_file", "aws_role_arn"],
        &["aws_container_credentials_relative_uri"],
        &[
            "aws_container_credentials_full_uri",
            "aws_container_authorization_token_file",
        ],
    ];
    if !settings.has_one_of(&lent) && !settings.is_true("aws_skip_signature") {
        let profile = match settings.get("aws_profile") {
            Some(_) => {
                "; profiles are not read: `aws configure export-credentials --format env` prints them as variables"
            }
            None => "",
        };
        let off = settings.is_true("aws_ec2_metadata_disabled");
        let service = settings.get("aws_metadata_endpoint").unwrap_or(METADATA_ADDRESS);
        if off || settings.get("aws_profile").is_some() || !answers(service) {
            return Err(Error::usage("there are no credentials for S3 in the environment").advise(format!(
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION; AWS_ENDPOINT_URL for a server that is not \
                 Amazon's), or AWS_SKIP_SIGNATURE=true for a public bucket{profile}"
            )));
        }
    }
    let mut builder = AmazonS3Builder::new()
        .with_url(url.as_str())
        .with_retry(retries())
        .with_client_options(client().with_allow_http(open));
    for (key, value) in settings.0 {
        if let Ok(key) = key.parse() {
            builder = builder.with_config(key, value);
        }
    }
    Ok(builder.build().map(|store| Arc::new(store) as _))
}

fn azure(url: &Url, mut settings: Settings) -> Built {
    settings.connection_string();
    // What Azure's own command line calls them.
    settings.also("azure_storage_account", "azure_storage_account_name");
    settings.also("azure_storage_key", "azure_storage_account_key");
    let open = settings.endpoint(&["azure_storage_endpoint", "azure_endpoint"], "azure_allow_http")?;
    let emulator = settings.is_true("azure_storage_use_emulator");
    let public = settings.is_true("azure_skip_signature") || settings.is_true("azure_use_azure_cli");
    if !emulator && url.username().is_empty() && settings.get("azure_storage_account_name").is_none() {
        return Err(Error::usage("the Azure storage account is not named").advise(
            "set AZURE_STORAGE_ACCOUNT_NAME, or write abfss://container@account.dfs.core.windows.net/prefix",
        ));
    }
    let lent = [
        &["azure_storage_account_key"][..],
        &["azure_storage_access_key"],
        &["azure_storage_master_key"],
        &["azure_storage_sas_token"],
        &["azure_storage_sas_key"],
        &["azure_storage_token"],
        &["azure_storage_client_secret"],
        &["azure_client_secret"],
        &["azure_federated_token_file"],
        &["azure_fabric_session_token"],
    ];
    let service = settings
        .get("azure_msi_endpoint")
        .or(settings.get("azure_identity_endpoint"))
        .unwrap_or(METADATA_ADDRESS);
    if !emulator && !public && !settings.has_one_of(&lent) && !answers(service) {
        return Err(Error::usage("there are no credentials for Azure storage in the environment").advise(
            "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or \
             AZURE_STORAGE_CONNECTION_STRING, or AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID, or \
             AZURE_USE_AZURE_CLI=true",
        ));
    }
    let mut builder = MicrosoftAzureBuilder::new()
        .with_url(url.as_str())
        .with_retry(retries())
        .with_client_options(client().with_allow_http(open));
    for (key, value) in settings.0 {
        if let Ok(key) = key.parse() {
            builder = builder.with_config(key, value);
        }
    }
    Ok(builder.build().map(|store| Arc::new(store) as _))
}

fn gcs(url: &Url, settings: Settings) -> Built {
    let open = settings.endpoint(&["google_base_url"], "google_allow_http")?;
    let lent = [
        &["google_service_account"][..],
        &["google_service_account_path"],
        &["google_service_account_key"],
        &["google_application_credentials"],
    ];
    if !settings.is_true("google_skip_signature") && !settings.has_one_of(&lent) && !answers(METADATA_ADDRESS)
    {
        return Err(
            Error::usage("there are no credentials for Google Cloud Storage in the environment").advise(
                "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or run \
             `gcloud auth application-default login`; GOOGLE_SKIP_SIGNATURE=true for a public bucket",
            ),
        );
    }
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_url(url.as_str())
        .with_retry(retries())
        .with_client_options(client().with_allow_http(open));
    for (key, value) in settings.0 {
        if let Ok(key) = key.parse() {
            builder = builder.with_config(key, value);
        }
    }
    Ok(builder.build().map(|store| Arc::new(store) as _))
}

/// Options by their names in lower case, in a fixed order. Never shown.
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn new(options: &HashMap<String, String>) -> Settings {
        Settings(
            options
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| {
            ["1", "true", "yes", "on"]
                .iter()
                .any(|t| v.eq_ignore_ascii_case(t))
        })
    }

    /// All names of one of the sets are given.
    fn has_one_of(&self, sets: &[&[&str]]) -> bool {
        sets.iter()
            .any(|names| names.iter().all(|name| self.get(name).is_some()))
    }

    /// What is given under one name counts for another that is not given.
    fn also(&mut self, given: &str, name: &str) {
        if let Some(value) = self.0.get(given).cloned() {
            self.0.entry(name.to_owned()).or_insert(value);
        }
    }

    /// Azure's one text with everything in it.
    fn connection_string(&mut self) {
        let Some(text) = self.0.remove("azure_storage_connection_string") else {
            return;
        };
        for (part, name) in [
            ("AccountName", "azure_storage_account_name"),
            ("AccountKey", "azure_storage_account_key"),
            ("SharedAccessSignature", "azure_storage_sas_token"),
            ("BlobEndpoint", "azure_storage_endpoint"),
        ] {
            let value = text
                .split(';')
                .filter_map(|p| p.split_once('='))
                .find(|(key, _)| key.trim().eq_ignore_ascii_case(part));
            if let Some((_, value)) = value {
                self.0
                    .entry(name.to_owned())
                    .or_insert_with(|| value.trim().to_owned());
            }
        }
    }

    /// Looks at the endpoints that are given. True when an open connection is allowed.
    fn endpoint(&self, names: &[&str], allow: &str) -> Result<bool> {
        let mut open = self.is_true(allow) || self.is_true(ALLOW_HTTP);
        for name in names {
            let Some(text) = self.get(name) else { continue };
            let variable = name.to_ascii_uppercase();
            let url = Url::parse(text)
                .ok()
                .filter(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some())
                .ok_or_else(|| {
                    Error::usage(format!("{variable} is no address of a server"))
                        .advise("write it with its scheme and port, such as https://minio.example:9000")
                })?;
            open |= open_connection(&url, self, allow)?;
        }
        Ok(open)
    }
}

/// May a connection without TLS be made: to this machine always, to another one when the user says so.
fn open_connection(url: &Url, settings: &Settings, allow: &str) -> Result<bool> {
    if url.scheme() != "http" {
        return Ok(settings.is_true(allow));
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    };
    if loopback || settings.is_true(allow) || settings.is_true(ALLOW_HTTP) {
        return Ok(true);
    }
    let host = url.host_str().unwrap_or_default();
    Err(
        Error::usage(format!("the connection to {host} would not be encrypted")).advise(format!(
            "use https://, or set {}=true if the network between is your own",
            ALLOW_HTTP.to_ascii_uppercase()
        )),
    )
}

/// Secrets in an address end up in histories and logs.
fn no_credentials_in(url: &Url, scheme: &ObjectStoreScheme) -> Result<()> {
    // In abfss://container@account… the part before the @ is no user.
    let named = *scheme != ObjectStoreScheme::MicrosoftAzure && !url.username().is_empty();
    if named || url.password().is_some() || url.query().is_some() {
        return Err(
            Error::usage(format!("{}: credentials do not belong in an address", storage::without_queries(url.as_str())))
                .advise("give them in the environment: AWS_…, AZURE_… or GOOGLE_… (README, \"The lake on an object store\")"),
        );
    }
    Ok(())
}

/// Does anything answer there, looked at quickly: a library that asks in vain asks for minutes.
fn answers(service: &str) -> bool {
    let Ok(url) = Url::parse(service) else {
        return false;
    };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return false;
    };
    let host = host.trim_matches(['[', ']']);
    let addresses = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses.collect::<Vec<SocketAddr>>(),
        Err(_) => return false,
    };
    addresses
        .iter()
        .any(|address| TcpStream::connect_timeout(address, METADATA).is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(url: &str, options: &[(&str, &str)]) -> Option<(String, String)> {
        let options = options
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let error = open(&Url::parse(url).unwrap(), &options).err()?;
        Some((error.to_string(), error.advice().unwrap_or_default().to_owned()))
    }

    const KEYS: [(&str, &str); 2] = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "planted-secret"),
    ];

    #[test]
    fn an_open_connection_goes_to_this_machine_only_unless_it_is_allowed() {
        let with = |endpoint: &'static str, more: &[(&'static str, &'static str)]| {
            said(
                "s3://bucket/x",
                &[&KEYS[..], &[("AWS_ENDPOINT_URL", endpoint)], more].concat(),
            )
        };
        for fine in [
            "https://minio.example:9000",
            "http://127.0.0.1:9000",
            "http://localhost:9000",
            "http://[::1]:9000",
        ] {
            assert_eq!(with(fine, &[]), None, "{fine}");
        }
        let (message, advice) = with("http://minio.example:9000", &[]).unwrap();
        assert!(
            message.contains("minio.example would not be encrypted"),
            "{message}"
        );
        assert!(advice.contains("SPENDSCOPE_ALLOW_HTTP=true"), "{advice}");
        for allow in ["SPENDSCOPE_ALLOW_HTTP", "AWS_ALLOW_HTTP"] {
            assert_eq!(
                with("http://minio.example:9000", &[(allow, "true")]),
                None,
                "{allow}"
            );
        }
        let (message, advice) = with("minio.example:9000", &[]).unwrap();
        assert!(message.contains("AWS_ENDPOINT_URL is no address"), "{message}");
        assert!(advice.contains("https://"), "{advice}");
    }

    #[test]
    fn without_credentials_the_variables_are_named_at_once() {
        let nobody = ("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
        let (message, advice) = said("s3://bucket/x", &[nobody]).unwrap();
        assert!(message.contains("no credentials for S3"), "{message}");
        assert!(
            advice.contains("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
            "{advice}"
        );
        let (_, advice) = said("s3://bucket/x", &[nobody, ("AWS_PROFILE", "work")]).unwrap();
        assert!(advice.contains("export-credentials"), "{advice}");
        assert_eq!(said("s3://bucket/x", &[("AWS_SKIP_SIGNATURE", "true")]), None);
        let account = ("AZURE_STORAGE_ACCOUNT_NAME", "acme");
        let (message, advice) = said(
            "az://box/x",
            &[account, ("AZURE_MSI_ENDPOINT", "http://127.0.0.1:1")],
        )
        .unwrap();
        assert!(message.contains("no credentials for Azure"), "{message}");
        assert!(advice.contains("AZURE_STORAGE_ACCOUNT_KEY"), "{advice}");
        let (message, _) = said("az://box/x", &[]).unwrap();
        assert!(message.contains("account is not named"), "{message}");
        let one = "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net";
        assert_eq!(
            said("az://box/x", &[("AZURE_STORAGE_CONNECTION_STRING", one)]),
            None
        );
        assert_eq!(
            said(
                "abfss://box@acme.dfs.core.windows.net/x",
                &[("AZURE_STORAGE_KEY", "c2VjcmV0")]
            ),
            None
        );
    }

    #[test]
    fn secrets_in_an_address_are_refused_and_not_repeated() {
        for url in [
            "s3://id:planted-secret@bucket/x",
            "az://box/x?sig=planted-secret",
            "gs://planted-secret@bucket/x",
        ] {
            let (message, _) = said(url, &KEYS).unwrap();
            assert!(message.contains("do not belong in an address"), "{message}");
            assert!(!message.contains("planted-secret"), "{message}");
        }
    }
}
