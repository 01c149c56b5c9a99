//! The one integration binary: linking all of DataFusion once is enough.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod facts;
mod gpu;
mod slt;
