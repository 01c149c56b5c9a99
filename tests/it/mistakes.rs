//! Mistakes that others shipped, each a test here that bears its name.

mod history;
