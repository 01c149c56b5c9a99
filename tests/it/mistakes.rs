//! Mistakes that others have shipped, each as a test that bears its name. Those that SQL alone can show
//! stand in `tests/slt/mistakes`.

#[path = "mistakes/dialects.rs"]
mod dialects;
