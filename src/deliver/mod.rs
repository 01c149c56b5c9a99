//! Where a finished report goes: one file per way, each a `Courier`.
//!
//! A courier gets bytes and carries them; it makes no figure and reads no clock. What it says of a delivery is
//! the truth as far as it can be known, since the journal decides by it whether a mail may go again.

mod folder;
pub mod message;
pub mod smtp;

pub use folder::Folder;
pub use smtp::Smtp;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// One rendering of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// A report, ready to be carried.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The run it comes from, as the journal knows it.
    pub run_id: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The picture that the HTML shows, and the content id that it shows it by.
    pub picture: Option<(String, File)>,
    pub attachments: Vec<File>,
    /// By the clock of the run.
    pub date: DateTime<Utc>,
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it has arrived.
    Sent(String),
    /// Some have it, and others will not get it.
    Partly(String),
    /// It may have arrived, and nobody can tell.
    Unknown(String),
    /// Nobody has it.
    Failed {
        why: String,
        /// Whether trying again later may help.
        again: bool,
    },
}

#[async_trait]
pub trait Courier: Send + Sync {
    async fn deliver(&self, parcel: &Parcel) -> Outcome;
}
