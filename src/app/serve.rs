//! `serve`: the lake for tools that speak PostgreSQL, and a live page for people.

use super::{Console, Status, open, signals};
use crate::base::secret::Secret;
use crate::base::{Context, Error, Result};
use crate::config::Config;
use crate::serve::{
    Access, Certificate, Door, Gate, Gauges, Limits, Live, Mark, Opened, Server, Shared, Source, address,
};
use crate::store::Lake;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use std::sync::Arc;
use std::time::Duration;

/// Where to listen.
#[derive(Debug, Clone, Default)]
pub struct ServeRequest {
    pub postgres: Option<String>,
    pub http: Option<String>,
}

pub async fn serve(config: &Config, request: &ServeRequest, console: &mut dyn Console) -> Result<Status> {
    let access = access(config)?;
    let certificate = certificate(config)?;
    let door = |option: &str, text: &str| {
        let at = address(option, text)?;
        Ok::<_, Error>((at, Door::at(option, at, &access, certificate.clone())?))
    };
    // What may not be served is told before anything is opened.
    let postgres = request
        .postgres
        .as_deref()
        .map(|at| door("--postgres", at))
        .transpose()?;
    let http = request.http.as_deref().map(|at| door("--http", at)).transpose()?;
    if postgres.is_none() && http.is_none() {
        return Err(Error::usage("serve what? Nothing is listened on")
            .advise("--postgres 127.0.0.1:5433, --http 127.0.0.1:8080, or both"));
    }
    open::existing(config).await?;
    let section = &config.serve;
    let source = Box::new(Lakeside {
        lake: open::lake(config).await?,
        config: config.clone(),
    });
    let every = Duration::from_secs(section.refresh_seconds);
    let mut servers = Vec::new();
    if let Some((at, door)) = postgres {
        servers.push(Server::postgres(at, door).await?);
    }
    if let Some((at, door)) = http {
        servers.push(Server::http(at, door).await?);
    }
    let stop = signals::asked_to_stop()?;
    let shared = Arc::new(Shared {
        live: Live::open(source, every, config.as_of.is_some()).await?,
        limits: Limits::of(section),
        gate: Gate::of(section),
        gauges: Gauges::default(),
        assets: config.assets.clone(),
        catalog: open::metrics(config)?,
        clock: Arc::clone(&config.clock),
        access,
        stop,
    });
    for server in &servers {
        console.say(&format!("listening on {}", server.address()?));
    }
    if shared.access.password.is_none() {
        console.say("without a password: whoever can log in to this machine can read the lake");
    }
    try_join_all(servers.into_iter().map(|server| server.run(Arc::clone(&shared)))).await?;
    console.say("stopped");
    Ok(Status::Done)
}

fn access(config: &Config) -> Result<Access> {
    let password = match &config.serve.password {
        None => None,
        Some(Secret::Literal(_)) => {
            return Err(
                Error::config("[serve] password: a password does not stand in the configuration")
                    .advise("write password = { env = \"NAME\" } or password = { file = \"PATH\" }"),
            );
        }
        Some(secret) => Some(config.secret(secret).context("[serve] password")?),
    };
    Ok(Access {
        user: config.serve.user.clone(),
        password,
    })
}

fn certificate(config: &Config) -> Result<Option<Certificate>> {
    match (&config.serve.certificate, &config.serve.key) {
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => {
            let chain = config
                .secret(&Secret::File(chain.clone()))
                .context("[serve] certificate")?;
            let key = config.secret(&Secret::File(key.clone())).context("[serve] key")?;
            Certificate::new(chain.expose(), &key)
                .context("[serve]")
                .map(Some)
        }
        _ => {
            Err(Error::config("[serve] certificate and key belong together")
                .advise("name the PEM files of both"))
        }
    }
}

/// The lake of the configuration, opened anew when it has moved on.
struct Lakeside {
    lake: Lake,
    config: Config,
}

impl Source for Lakeside {
    fn mark<'a>(&'a self, known: &'a Mark) -> BoxFuture<'a, Result<Mark>> {
        self.lake.versions(known).boxed()
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened>> {
        async {
            let mut config = self.config.clone();
            config.settings.now = config.clock.now();
            let engine = open::engine(&config).await?;
            Ok(Opened {
                engine,
                settings: config.settings,
            })
        }
        .boxed()
    }
}
