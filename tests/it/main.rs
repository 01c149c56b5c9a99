//! The one integration binary: linking all of DataFusion once is enough.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod facts;
mod golden;
mod gpu;
mod gpu_golden;
mod slt;
//! The one integration binary: a module per area.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ingest;
mod sources;
