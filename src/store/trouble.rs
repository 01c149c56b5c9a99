//! What the place of the lake refuses for reasons of its own, told from its errors: no space, no permission, and what
//! servers say.

use crate::base::{Error, storage};
use std::error::Error as Cause;
use std::io::ErrorKind;

/// Deep enough for every wrapper there is, and an end for a circle.
const DEEPEST: usize = 16;

/// An error of the store in words, with advice where there is one. The last committed version is not touched by it.
pub fn told(error: &(dyn Cause + 'static), kind: fn(String) -> Error) -> Error {
    match io_kind(error) {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => kind(format!("there is no space left: {error}")).advise(
            "make room and run the same command again: what was committed stays, the rest follows, nothing is stored twice",
        ),
        Some(ErrorKind::PermissionDenied) => kind(format!("not allowed to write or read there: {error}"))
            .advise("give the user who runs this the right to write to the lake, or name another place with --lake"),
        Some(ErrorKind::ReadOnlyFilesystem) => kind(format!("the file system takes no changes: {error}"))
            .advise("mount it for writing, or name another place with --lake"),
        _ => {
            let text = chain(error);
            match storage::refusal(&text) {
                Some(refusal) => kind(refusal.message).advise(refusal.advice),
                None => kind(storage::without_queries(&error.to_string())),
            }
        }
    }
}

/// An error with all its causes. Some say only in a cause what went wrong.
pub fn chain(error: &(dyn Cause + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..DEEPEST {
        let Some(error) = cause else { break };
        let further = error.to_string();
        if !text.contains(&further) {
            text = format!("{text}: {further}");
        }
        cause = error.source();
    }
    text
}

/// What the operating system said, however deep it is wrapped.
fn io_kind(error: &(dyn Cause + 'static)) -> Option<ErrorKind> {
    let mut cause = Some(error);
    for _ in 0..DEEPEST {
        let error = cause?;
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            // The wrapper of another error has no kind of its own.
            if io.kind() != ErrorKind::Other {
                return Some(io.kind());
            }
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(io: std::io::Error) -> object_store::Error {
        object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(io),
        }
    }

    #[test]
    fn what_the_system_said_is_found_below_its_wrappers() {
        for (code, words, advice) in [
            (ErrorKind::StorageFull, "no space left", "make room"),
            (ErrorKind::PermissionDenied, "not allowed", "the right to write"),
            (ErrorKind::ReadOnlyFilesystem, "takes no changes", "for writing"),
        ] {
            let error = told(&wrapped(std::io::Error::other(wrapped(code.into()))), Error::io);
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.advice().is_some_and(|a| a.contains(advice)), "{error}");
        }
        let other = told(&wrapped(std::io::Error::other("odd")), Error::lake);
        assert_eq!(other.advice(), None);
        assert!(other.to_string().contains("odd"));
    }
}
