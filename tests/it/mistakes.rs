//! Mistakes that other tools have shipped, each with a test named after it. Most stand as SQL in
//! `tests/slt/mistakes/`; here are those that need files, a lake or the program.
//! Mistakes that others shipped, each a test here that bears its name.

mod bills;
mod dialects;
mod gateways;
mod gpu;
mod history;
