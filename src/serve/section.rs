//! `[serve]` of the configuration: who is let in, and how much one server takes upon itself.

use crate::base::secret::Secret;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// The name that goes with the password.
    pub user: String,
    pub password: Option<Secret>,
    /// PEM file of the certificate, then of those that vouch for it.
    pub certificate: Option<PathBuf>,
    /// PEM file of its private key.
    pub key: Option<PathBuf>,
    pub max_connections: usize,
    /// Statements that work at the same time; others wait for their turn.
    pub max_running: Option<usize>,
    pub query_timeout_seconds: u64,
    pub idle_timeout_seconds: u64,
    /// Rows that one statement may give; none: any number, as they come.
    pub max_rows: Option<u64>,
    /// How often, at most, it is asked whether the lake has moved on.
    pub refresh_seconds: u64,
}

impl Default for Section {
    fn default() -> Self {
        Section {
            user: "spendscope".to_owned(),
            password: None,
            certificate: None,
            key: None,
            max_connections: 100,
            max_running: None,
            query_timeout_seconds: 300,
            idle_timeout_seconds: 3600,
            max_rows: None,
            refresh_seconds: 2,
        }
    }
}
