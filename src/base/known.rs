//! What the compiler has found fit for other threads once, and takes for granted from then on.
//!
//! Whether an engine, a plan or a statement may go to another thread depends on hundreds of types within it. The compiler
//! goes through them for every future that holds one, and where lifetimes or types of a trait's method are bounded it does
//! not remember what it found: up to eight seconds each time.

use std::ops::{Deref, DerefMut};

/// A value of a type that is `Send` and `Sync`.
#[derive(Debug, Clone)]
pub struct Known<T>(T);

impl<T: Send + Sync> Known<T> {
    pub fn new(value: T) -> Known<T> {
        Known(value)
    }
}

impl<T> Known<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

// SAFETY: the only way to make one asks for a `T` that is `Send` and `Sync`.
unsafe impl<T> Send for Known<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Known<T> {}

impl<T> Deref for Known<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Known<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
