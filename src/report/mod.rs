mod drill;
pub use drill::drill;
