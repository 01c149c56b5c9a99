//! The one integration binary: every further one would link all of DataFusion again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods
)]

mod alike;
mod board;
mod browser;
mod catalogue;
mod cli;
mod cloud;
mod cluster;
mod crash;
mod drill;
mod explain;
mod export;
mod facts;
mod findings;
mod forecast;
mod fuzz;
mod golden;
mod gpu;
mod gpu_golden;
mod history;
mod index;
mod ingest;
mod kept;
mod lake;
mod limits;
mod mail;
mod maintain;
mod metrics;
mod mistakes;
mod mistakes_table;
mod own;
mod parts;
mod pictures;
mod prices;
mod privacy;
mod properties;
mod pull;
mod pull_double;
mod pull_servers;
mod reports;
mod retry;
mod rollups;
mod serve;
mod serve_clients;
mod serve_http;
mod serve_postgres;
mod shared_files;
mod shell;
mod slt;
mod sources;
mod sql;
mod support;
mod tidy;
mod use_cases;
