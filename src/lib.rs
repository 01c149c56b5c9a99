//! Spendscope: every billed dollar of AI, down to the request and the outcome.
//!
//! Data flows through the modules in this order; `src/README.md` draws it and states who may use whom.

pub mod base;

pub mod asset;
pub mod frame;
pub mod schema;

pub mod forecast;
pub mod render;
pub mod source;
pub mod store;
pub mod synth;

pub mod drill;
pub mod engine;
pub mod finding;
pub mod ingest;

pub mod check;
pub mod metric;
pub mod pull;

pub mod deliver;
pub mod report;
pub mod schedule;

pub mod config;

pub mod app;
pub mod shell;

pub mod cli;
