//! The one integration binary: a module per area.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ingest;
mod sources;
