//! The line to a client: TCP, or TLS over it. One certificate for both servers.

use crate::base::secret::SecretString;
use crate::base::{Error, Result};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What PostgreSQL's clients say they speak when they begin with TLS at once.
pub(super) const POSTGRESQL: &[u8] = b"postgresql";
const HTTP: &[u8] = b"http/1.1";

/// A certificate with its key, ready to be shown.
#[derive(Clone)]
pub struct Certificate {
    postgres: TlsAcceptor,
    http: TlsAcceptor,
    /// What everybody is shown, as PEM.
    chain: Arc<str>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(…)")
    }
}

impl Certificate {
    /// From two PEM texts: the certificate with those that vouch for it, and its private key.
    pub fn new(shown: &str, key: &SecretString) -> Result<Certificate> {
        let chain = CertificateDer::pem_slice_iter(shown.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::config(format!("the certificate is no PEM: {error}")))?;
        if chain.is_empty() {
            return Err(Error::config("the certificate's file holds no certificate"));
        }
        // What is wrong with a key is not told in its own words.
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|_| Error::config("the key's file holds no private key in PEM"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::config(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| {
                Error::config(format!("the certificate and its key do not go together: {error}"))
            })?;
        let speaking = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            TlsAcceptor::from(Arc::new(config))
        };
        Ok(Certificate {
            postgres: speaking(POSTGRESQL),
            http: speaking(HTTP),
            chain: shown.into(),
        })
    }

    pub(super) fn shown(&self) -> &str {
        &self.chain
    }

    pub(super) async fn accept_postgres(&self, line: TcpStream) -> io::Result<Line> {
        Ok(Line::Tls(Box::new(self.postgres.accept(line).await?)))
    }

    pub(super) async fn accept_http(&self, line: TcpStream) -> io::Result<Line> {
        Ok(Line::Tls(Box::new(self.http.accept(line).await?)))
    }
}

pub(super) enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Line {
    /// What the client said it speaks, under TLS.
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        match self {
            Line::Plain(_) => None,
            Line::Tls(line) => line.get_ref().1.alpn_protocol(),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_read(context, buffer),
            Line::Tls(line) => Pin::new(line).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_write(context, bytes),
            Line::Tls(line) => Pin::new(line).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_flush(context),
            Line::Tls(line) => Pin::new(line).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_shutdown(context),
            Line::Tls(line) => Pin::new(line).poll_shutdown(context),
        }
    }
}
