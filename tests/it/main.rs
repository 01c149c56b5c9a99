//! The one integration binary: every further one would link all of DataFusion again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;
mod support;
mod tidy;
