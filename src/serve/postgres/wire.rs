//! The bytes between a client and its session. A pump of its own reads the line even while a statement runs,
//! so that a client that goes away is noticed; and it holds the sizes of messages to what they may be, which
//! the protocol's library would collect up to a gigabyte each.

use crate::serve::transport::Line;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Bytes that may lie between the line and the session, each way.
const PIPE: usize = 64 << 10;
/// Of a message from somebody who has not said who they are.
const STRANGER: usize = 10_000;
/// Of a statement with its parameters: generous, since tools write long lists of keys.
const KNOWN: usize = 16 << 20;

/// The session's end of a line.
pub(super) struct Wire {
    pub(super) end: Option<DuplexStream>,
    /// True when the client is gone, or did not read for too long.
    pub(super) gone: watch::Receiver<bool>,
    limit: Arc<AtomicUsize>,
    pump: JoinHandle<()>,
}

impl Wire {
    pub(super) fn over(line: Line, patience: Duration) -> Wire {
        let (end, far) = tokio::io::duplex(PIPE);
        let (tell, gone) = watch::channel(false);
        let limit = Arc::new(AtomicUsize::new(STRANGER));
        let pump = tokio::spawn(pump(line, far, tell, Arc::clone(&limit), patience));
        Wire {
            end: Some(end),
            gone,
            limit,
            pump,
        }
    }

    /// The client said who it is.
    pub(super) fn trust(&self) {
        self.limit.store(KNOWN, Ordering::Relaxed);
    }

    /// What the session wrote last still goes out, if the client reads it.
    pub(super) async fn close(mut self, patience: Duration) {
        drop(self.end.take());
        let _ = timeout(patience, &mut self.pump).await;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

async fn pump(
    line: Line,
    far: DuplexStream,
    tell: watch::Sender<bool>,
    limit: Arc<AtomicUsize>,
    patience: Duration,
) {
    let (mut from_client, mut to_client) = tokio::io::split(line);
    let (mut from_session, mut to_session) = tokio::io::split(far);
    let inbound = async {
        let _ = inbound(&mut from_client, &mut to_session, &limit).await;
        let _ = tell.send(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = inbound => {}
        _ = outbound(&mut from_session, &mut to_client, patience) => {}
    }
    let _ = tell.send(true);
    let _ = timeout(Duration::from_secs(1), to_client.shutdown()).await;
}

async fn inbound(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    limit: &AtomicUsize,
) -> io::Result<()> {
    let (mut meter, mut buffer) = (Meter::default(), vec![0; 16 << 10]);
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let fits = meter.pass(&buffer[..read], limit.load(Ordering::Relaxed));
        to.write_all(&buffer[..read]).await?;
        if !fits {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

async fn outbound(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    patience: Duration,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let written = async {
            to.write_all(&buffer[..read]).await?;
            to.flush().await
        };
        timeout(patience, written).await??;
    }
}

/// Follows where messages begin and how long they say they are. The first one has no letter in front.
#[derive(Default)]
struct Meter {
    begun: bool,
    header: [u8; 5],
    have: usize,
    left: usize,
}

impl Meter {
    /// Whether no message so far says that it is longer than the limit.
    fn pass(&mut self, mut bytes: &[u8], limit: usize) -> bool {
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let letter = usize::from(self.begun);
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if self.have == letter + 4 {
                let digits = [letter, letter + 1, letter + 2, letter + 3].map(|i| self.header[i]);
                let length = u32::from_be_bytes(digits) as usize;
                if length < 4 || length > limit {
                    return false;
                }
                (self.left, self.have, self.begun) = (length - 4, 0, true);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_says_it_is_huge_is_not_waited_for() {
        let startup = [0, 0, 0, 9, 0, 3, 0, 0, 0];
        let query = [b'Q', 0, 0, 0, 6, b'x', 0];
        for cut in 1..startup.len() + query.len() {
            let mut meter = Meter::default();
            let all: Vec<u8> = startup.iter().chain(&query).copied().collect();
            let (a, b) = all.split_at(cut);
            assert!(meter.pass(a, 100) && meter.pass(b, 100), "{cut}");
            assert!(!meter.pass(&[b'Q', 0x7f, 0xff, 0xff, 0xff], 100), "{cut}");
        }
        assert!(!Meter::default().pass(&[0, 0, 0, 3], 100));
        assert!(!Meter::default().pass(b"GET / HTTP/1.1\r\n", 10_000));
    }
}
