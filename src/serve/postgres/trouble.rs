//! Errors as PostgreSQL's clients expect them: a severity, a code of five letters, a message, a hint.

use crate::base::{Error, ErrorKind};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError};

pub(super) fn fatal(code: &str, message: impl Into<String>) -> ErrorInfo {
    ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message.into())
}

pub(super) fn user_error(code: &str, message: impl Into<String>) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new(
        "ERROR".to_owned(),
        code.to_owned(),
        message.into(),
    )))
}

/// Does the line have to be closed after it.
pub(super) fn is_fatal(error: &PgWireError) -> bool {
    match error {
        PgWireError::UserError(info) => info.is_fatal(),
        PgWireError::ApiError(_)
        | PgWireError::QueryCanceled
        | PgWireError::PortalNotFound(_)
        | PgWireError::StatementNotFound(_)
        | PgWireError::ParameterIndexOutOfBound(_)
        | PgWireError::InvalidRustTypeForParameter(_)
        | PgWireError::FailedToParseParameter(_)
        | PgWireError::NotReadyForQuery => false,
        _ => true,
    }
}

/// An error of ours, with its advice as the hint.
pub(super) fn told(error: &Error) -> PgWireError {
    let mut info = ErrorInfo::new("ERROR".to_owned(), code(error).to_owned(), error.to_string());
    info.hint = error.advice().map(str::to_owned);
    PgWireError::UserError(Box::new(info))
}

/// The code that tools look at; what a statement is refused for is told in words.
fn code(error: &Error) -> &'static str {
    let text = error.message();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match error.kind() {
        ErrorKind::Query
            if has(&[
                "only reads here",
                "only queries are allowed",
                "cannot be changed by SQL",
            ]) =>
        {
            "25006"
        }
        ErrorKind::Query if has(&["there is no table"]) => "42P01",
        ErrorKind::Query if has(&["there is no column"]) => "42703",
        ErrorKind::Query if has(&["there is no function", "no function takes"]) => "42883",
        ErrorKind::Query if has(&["syntax:"]) => "42601",
        ErrorKind::Query if has(&["not enough memory"]) => "53200",
        ErrorKind::Query | ErrorKind::Usage | ErrorKind::Config => "42000",
        ErrorKind::Data => "22000",
        ErrorKind::Io | ErrorKind::Lake => "58030",
        ErrorKind::Internal => "XX000",
    }
}
