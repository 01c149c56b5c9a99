//! The one integration binary: a module per area.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod facts;
mod golden;
mod gpu;
mod gpu_golden;
mod ingest;
mod sources;
