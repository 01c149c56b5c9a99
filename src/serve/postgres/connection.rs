//! One line from its first byte to its last: TLS when it is asked for, then messages one by one. Whatever
//! ends it, what it ran ends with it.

use super::House;
use super::handler::Handler;
use super::session::Session;
use super::startup::Startup;
use super::trouble::{fatal, is_fatal};
use super::wire::Wire;
use crate::serve::stopped;
use crate::serve::transport::{Line, POSTGRESQL};
use datafusion_postgres::pgwire::api::{ClientInfo, DefaultClient, NoopHandler, PgWireConnectionState};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError};
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use datafusion_postgres::pgwire::tokio::server::{PgWireMessageServerCodec, process_error, process_message};
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_util::codec::Framed;

type Socket = Framed<DuplexStream, PgWireMessageServerCodec<super::statement::Prepared>>;

/// What a client says to ask for TLS, or for Kerberos, which there is none of.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// How long a last word may take to be written.
const GOODBYE: Duration = Duration::from_secs(2);

pub(super) async fn talk(house: &Arc<House>, line: TcpStream, peer: SocketAddr, has_place: bool) {
    let limits = &house.shared.limits;
    let _ = line.set_nodelay(true);
    let Ok(Some(line)) = timeout(limits.startup, negotiate(house, line)).await else {
        return;
    };
    let secure = matches!(line, Line::Tls(_));
    let mut wire = Wire::over(line, limits.patience);
    let Some(end) = wire.end.take() else { return };
    let mut socket = Framed::new(
        end,
        PgWireMessageServerCodec::new(DefaultClient::new(peer, secure)),
    );
    socket.set_state(PgWireConnectionState::AwaitingStartup);
    if let Some(last) = messages(house, &wire, &mut socket, secure, has_place).await {
        let word = PgWireBackendMessage::ErrorResponse(last.into());
        let _ = timeout(GOODBYE, socket.send(word)).await;
    }
    drop(socket);
    wire.close(GOODBYE).await;
}

/// The line in the way that the client asks for. Exactly the bytes of the request are read: what somebody put
/// behind them in clear text does not become part of what is said under TLS.
async fn negotiate(house: &House, mut line: TcpStream) -> Option<Line> {
    let certificate = house.door.certificate.as_ref();
    let mut asked = [false; 2];
    loop {
        let mut first = [0; 8];
        let seen = line.peek(&mut first).await.ok()?;
        if seen == 0 {
            return None;
        }
        if first[0] == HANDSHAKE {
            let line = certificate?.accept_postgres(line).await.ok()?;
            return (line.protocol() == Some(POSTGRESQL)).then_some(line);
        }
        if seen < first.len() {
            // A request that comes byte by byte: the time for it is limited.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let (which, is_tls) = match first {
            SSL_REQUEST => (0, true),
            GSS_REQUEST => (1, false),
            _ => return Some(Line::Plain(line)),
        };
        if std::mem::replace(&mut asked[which], true) {
            return None;
        }
        line.read_exact(&mut first).await.ok()?;
        match certificate {
            Some(certificate) if is_tls => {
                line.write_all(b"S").await.ok()?;
                return certificate.accept_postgres(line).await.ok();
            }
            _ => line.write_all(b"N").await.ok()?,
        }
    }
}

/// What is to be done next on a line.
enum Next {
    Message(PgWireFrontendMessage),
    Broken(PgWireError),
    Closed,
    TooLong,
    Stop,
}

/// Answers until the line is to be closed, with a last word where one is due.
async fn messages(
    house: &Arc<House>,
    wire: &Wire,
    socket: &mut Socket,
    secure: bool,
    has_place: bool,
) -> Option<ErrorInfo> {
    let shared = &house.shared;
    let session = Arc::new(Session::new(shared.limits.query));
    let startup = Arc::new(Startup::new(house, &session, secure));
    let handler = Arc::new(Handler::new(house, &session));
    let begun = Instant::now();
    let mut welcome = false;
    loop {
        let known = !matches!(
            socket.state(),
            PgWireConnectionState::AwaitingStartup | PgWireConnectionState::AuthenticationInProgress
        );
        if known && !welcome {
            welcome = true;
            wire.trust();
        }
        let wait = match known {
            true => shared.limits.idle,
            false => shared.limits.startup.saturating_sub(begun.elapsed()),
        };
        let next = tokio::select! {
            biased;
            () = stopped(shared.stop.clone()) => Next::Stop,
            message = timeout(wait, socket.next()) => match message {
                Err(_) => Next::TooLong,
                Ok(None) => Next::Closed,
                Ok(Some(Err(error))) => Next::Broken(error),
                Ok(Some(Ok(message))) => Next::Message(message),
            },
        };
        let message = match next {
            Next::Message(PgWireFrontendMessage::Terminate(_)) | Next::Closed => return None,
            Next::Message(message) => message,
            Next::Broken(error) => return Some(fatal("08P01", error.to_string())),
            Next::TooLong if known => {
                return Some(fatal("57P05", "closed: nothing was asked for too long"));
            }
            Next::TooLong => return None,
            Next::Stop => return Some(fatal("57P01", "the server is stopping")),
        };
        match &message {
            PgWireFrontendMessage::Startup(_) if !has_place => {
                return Some(fatal("53300", "too many connections; try again later"));
            }
            PgWireFrontendMessage::Startup(_) if house.door.only_tls && !secure => {
                return Some(fatal(
                    "28000",
                    "this server talks under TLS only; connect with sslmode=require",
                ));
            }
            _ => {}
        }
        let is_cancel = matches!(message, PgWireFrontendMessage::CancelRequest(_));
        let extended = message.is_extended_query();
        let work = process_message(
            message,
            socket,
            Arc::clone(&startup),
            Arc::clone(&handler),
            Arc::clone(&handler),
            Arc::new(NoopHandler),
            Arc::clone(&house.cancels),
        );
        let mut gone = wire.gone.clone();
        let left = async {
            let _ = gone.wait_for(|gone| *gone).await;
            // Counted while the statement is still there; then the work is dropped, and the statement with it.
            session.left(&shared.gauges);
        };
        let done = tokio::select! {
            biased;
            done = work => done,
            () = left => return None,
        };
        if is_cancel {
            return None;
        }
        if let Err(error) = done {
            if !known || is_fatal(&error) {
                let info: ErrorInfo = error.into();
                return Some(fatal(&info.code, info.message));
            }
            if process_error(socket, error, extended).await.is_err() {
                return None;
            }
        }
    }
}
