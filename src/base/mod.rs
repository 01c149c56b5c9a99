//! Words every layer shares: money, time, identity, errors, chance. Knows nothing of files, SQL or charts.

pub mod clock;
pub mod error;
pub mod hash;
pub mod known;
pub mod money;
pub mod pace;
pub mod quantity;
pub mod scan;
pub mod secret;
pub mod seed;
pub mod sql;
pub mod statistics;
pub mod storage;
pub mod time;
pub mod user_key;

pub use error::{Context, Error, ErrorKind, Place, Result};
pub use known::Known;
