//! Exit statuses, by name.

use crate::app::Status;
use crate::base::ErrorKind;
use std::process::ExitCode;

pub(crate) fn of(status: Status) -> ExitCode {
    ExitCode::from(match status {
        Status::Done => 0,
        Status::SaysNo => 3,
        Status::Rejected => 4,
    })
}

pub(crate) fn of_error(kind: ErrorKind) -> ExitCode {
    ExitCode::from(match kind {
        ErrorKind::Usage | ErrorKind::Config => 2,
        _ => 1,
    })
}
