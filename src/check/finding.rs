//! What a check found.

use super::{Severity, Tier};
use crate::frame::Frame;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// The check cannot vouch for anything: the table it is about is empty.
    NothingToCheck {
        table: String,
    },
    Found {
        rows: usize,
    },
}

/// The outcome of one check, passed or not.
#[derive(Debug, Clone)]
pub struct Finding {
    pub check: String,
    pub title: String,
    pub tier: Tier,
    pub severity: Severity,
    pub verdict: Verdict,
    /// The first offending rows.
    pub sample: Option<Frame>,
    pub advice: String,
}

impl Finding {
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Pass
    }

    /// Does this stop a close: an error that was found, or a promise with nothing behind it.
    pub fn fails(&self) -> bool {
        self.fails_at(Severity::Error)
    }

    /// The same when lesser findings count, too: from `least` on.
    pub fn fails_at(&self, least: Severity) -> bool {
        !self.passed() && self.severity >= least
    }

    /// Number of offending rows.
    pub fn rows(&self) -> usize {
        match self.verdict {
            Verdict::Found { rows } => rows,
            Verdict::Pass | Verdict::NothingToCheck { .. } => 0,
        }
    }
}
