//! The one integration binary: linking all of DataFusion once is enough.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod facts;
mod golden;
mod gpu;
mod slt;
