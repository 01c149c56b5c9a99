//! SIGTERM and Ctrl-C: what runs until it is told to stop listens here.

use crate::base::Result;
use tokio::sync::watch;

/// Becomes true when the process is asked to stop.
pub(super) fn asked_to_stop() -> Result<watch::Receiver<bool>> {
    let (ask, asked) = watch::channel(false);
    let term = terminate()?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = term => {}
        }
        let _ = ask.send(true);
        // Who listens later still hears it.
        ask.closed().await;
    });
    Ok(asked)
}

#[cfg(unix)]
fn terminate() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    Ok(async move {
        term.recv().await;
    })
}

#[cfg(not(unix))]
fn terminate() -> Result<impl Future<Output = ()>> {
    Ok(std::future::pending())
}
