//! Who a client is: SCRAM-SHA-256 where there is a password, anybody where there is none. Under TLS the client may
//! bind the proof of its password to the certificate that it sees, so that nobody stands between.

use super::House;
use super::session::{Cancellable, Cancels, Session};
use super::trouble::user_error;
use crate::base::secret::SecretString;
use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{
    SCRAM_ITERATIONS, ScramAuth, gen_salted_password, random_nonce,
};
use datafusion_postgres::pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler, finish_authentication,
    protocol_negotiation, save_startup_parameters_to_metadata,
};
use datafusion_postgres::pgwire::api::{ClientInfo, PidSecretKeyGenerator, RandomPidSecretKeyGenerator};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::startup::{PasswordMessageFamily, SecretKey};
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::Sink;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// As which PostgreSQL this server is to be treated. What it can do is less; tools choose their catalogue
/// queries by it.
pub(super) const VERSION: &str = concat!("16.6 (Spendscope ", env!("CARGO_PKG_VERSION"), ")");

/// A wrong password costs time.
const PENALTY: Duration = Duration::from_secs(1);

/// The password as SCRAM keeps it, and one that nobody knows for every other name.
pub(super) struct Scram {
    user: String,
    salt: Vec<u8>,
    salted: Vec<u8>,
    nobody: Vec<u8>,
}

impl Debug for Scram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scram(…)")
    }
}

impl Scram {
    pub(super) fn new(user: &str, password: &SecretString) -> Scram {
        let salt = random_nonce().into_bytes();
        Scram {
            user: user.to_owned(),
            salted: gen_salted_password(password.expose(), &salt, SCRAM_ITERATIONS),
            nobody: gen_salted_password(&random_nonce(), &salt, SCRAM_ITERATIONS),
            salt,
        }
    }
}

#[async_trait]
impl AuthSource for Scram {
    #[allow(elided_lifetimes_in_paths)] // the library's trait leaves it out, and async_trait tells the two apart
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let known = login.user() == Some(self.user.as_str());
        let salted = if known { &self.salted } else { &self.nobody };
        Ok(Password::new(Some(self.salt.clone()), salted.clone()))
    }
}

/// Gives a line the key that it can be cancelled with.
struct Keys {
    session: Arc<Session>,
    cancels: Arc<Cancels>,
}

static KEYS: LazyLock<RandomPidSecretKeyGenerator> = LazyLock::new(RandomPidSecretKeyGenerator::default);

impl PidSecretKeyGenerator for Keys {
    fn generate(&self, client: &dyn ClientInfo) -> (i32, SecretKey) {
        let (pid, key) = KEYS.generate(client);
        let entry = self.cancels.add((pid, key.to_bytes().to_vec()), &self.session);
        client.session_extensions().insert::<Cancellable>(entry);
        (pid, key)
    }
}

/// The start of one line.
pub(super) struct Startup {
    keys: Arc<Keys>,
    parameters: Arc<DefaultServerParameterProvider>,
    password: Option<SASLAuthStartupHandler<DefaultServerParameterProvider>>,
    /// The client was told that it may bind its proof to the line.
    binds: bool,
}

impl Startup {
    pub(super) fn new(house: &House, session: &Arc<Session>, secure: bool) -> Startup {
        let mut parameters = DefaultServerParameterProvider::default();
        parameters.server_version = VERSION.to_owned();
        parameters.is_superuser = false;
        parameters.default_transaction_read_only = true;
        parameters.time_zone = "UTC".to_owned();
        let parameters = Arc::new(parameters);
        let keys = Arc::new(Keys {
            session: Arc::clone(session),
            cancels: Arc::clone(&house.cancels),
        });
        let certificate = house.door.certificate.as_ref().filter(|_| secure);
        let mut binds = false;
        let password = house.scram.as_ref().map(|scram| {
            let source: Arc<dyn AuthSource> = Arc::<Scram>::clone(scram);
            let mut scram = ScramAuth::new(source);
            // For some kinds of certificates (Ed25519) it is not said what a proof would be bound to.
            binds = certificate
                .is_some_and(|shown| scram.configure_certificate(shown.shown().as_bytes()).is_ok());
            SASLAuthStartupHandler::new(Arc::clone(&parameters))
                .with_scram(scram)
                .with_pid_secret_key_generator(Arc::<Keys>::clone(&keys))
        });
        Startup {
            keys,
            parameters,
            password,
            binds,
        }
    }
}

/// A client that could bind its proof and says that this server cannot was told so by somebody else.
fn was_told_otherwise(message: &PgWireFrontendMessage) -> bool {
    const PLAIN: &[u8] = b"SCRAM-SHA-256\0";
    let PgWireFrontendMessage::PasswordMessageFamily(PasswordMessageFamily::Raw(body)) = message else {
        return false;
    };
    let first = body.strip_prefix(PLAIN).and_then(|rest| rest.get(4..));
    first.is_some_and(|first| first.starts_with(b"y"))
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match (&self.password, &message) {
            (Some(password), _) => {
                let done = match self.binds && was_told_otherwise(&message) {
                    true => Err(user_error(
                        "28000",
                        "somebody between client and server hides that the login can be bound to the line",
                    )),
                    false => password.on_startup(client, message).await,
                };
                if done.is_err() {
                    tokio::time::sleep(PENALTY).await;
                }
                done
            }
            (None, PgWireFrontendMessage::Startup(startup)) => {
                protocol_negotiation(client, startup).await?;
                save_startup_parameters_to_metadata(client, startup);
                let (pid, key) = self.keys.generate(client);
                client.set_pid_and_secret_key(pid, key);
                finish_authentication(client, self.parameters.as_ref()).await
            }
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_offer_is_noticed() {
        let first = |method: &str, flag: &str| {
            let data = format!("{flag},,n=,r=abc");
            let mut body = format!("{method}\0").into_bytes();
            body.extend((data.len() as u32).to_be_bytes());
            body.extend(data.bytes());
            PgWireFrontendMessage::PasswordMessageFamily(PasswordMessageFamily::Raw(body.as_slice().into()))
        };
        assert!(was_told_otherwise(&first("SCRAM-SHA-256", "y")));
        assert!(!was_told_otherwise(&first("SCRAM-SHA-256", "n")));
        assert!(!was_told_otherwise(&first(
            "SCRAM-SHA-256-PLUS",
            "p=tls-server-end-point"
        )));
    }
}
