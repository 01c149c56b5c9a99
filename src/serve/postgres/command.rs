//! What tools say beside queries: settings, transactions, cursors. There is nothing to change here, so
//! settings are taken note of, and transactions only remembered, since tools look whether they are in one.

use super::startup::VERSION;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    CloseCursor, DeclareType, DiscardObject, FetchDirection, Set, Statement,
};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) enum Command {
    Begin,
    Commit,
    Rollback,
    /// Savepoints, and a rollback to one: nothing was changed that could be undone.
    Savepoint(&'static str),
    /// How long statements may take, by the client's own wish.
    Timeout(Duration),
    /// A setting that changes nothing here.
    Set(&'static str),
    /// The zone of instants: they are in UTC here, and a client that wants another one is told.
    Zone(String),
    Show(String),
    Declare {
        name: String,
        query: Box<Statement>,
        hold: bool,
    },
    Fetch {
        name: String,
        direction: FetchDirection,
    },
    /// `None`: all of them.
    Close(Option<String>),
    /// `None`: all of them.
    Deallocate(Option<String>),
    DiscardAll,
}

impl Command {
    /// The command that a statement is; `None`: it is for the engine.
    pub(super) fn of(statement: &Statement) -> Option<Command> {
        Some(match statement {
            Statement::StartTransaction { .. } => Command::Begin,
            Statement::Commit { .. } => Command::Commit,
            Statement::Rollback { savepoint: None, .. } => Command::Rollback,
            Statement::Rollback { .. } => Command::Savepoint("ROLLBACK"),
            Statement::Savepoint { .. } => Command::Savepoint("SAVEPOINT"),
            Statement::ReleaseSavepoint { .. } => Command::Savepoint("RELEASE"),
            Statement::Set(set) => setting(set),
            Statement::Reset(_) => Command::Set("RESET"),
            Statement::LISTEN { .. } => Command::Set("LISTEN"),
            Statement::UNLISTEN { .. } => Command::Set("UNLISTEN"),
            Statement::ShowVariable { variable } => {
                let words: Vec<String> = variable.iter().map(|word| word.value.to_lowercase()).collect();
                let name = words.join(" ");
                show(&name)?;
                Command::Show(name)
            }
            Statement::Declare { stmts } => match stmts.as_slice() {
                [declare] if declare.declare_type == Some(DeclareType::Cursor) => Command::Declare {
                    name: declare.names.first()?.value.clone(),
                    query: Box::new(Statement::Query(declare.for_query.clone()?)),
                    hold: declare.hold.unwrap_or(false),
                },
                _ => return None,
            },
            Statement::Fetch { name, direction, .. } => Command::Fetch {
                name: name.value.clone(),
                direction: direction.clone(),
            },
            Statement::Close { cursor } => Command::Close(match cursor {
                CloseCursor::All => None,
                CloseCursor::Specific { name } => Some(name.value.clone()),
            }),
            Statement::Deallocate { name, .. } => {
                let all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
                Command::Deallocate((!all).then(|| name.value.clone()))
            }
            Statement::Discard {
                object_type: DiscardObject::ALL,
            } => Command::DiscardAll,
            Statement::Discard { .. } => Command::Set("DISCARD"),
            _ => return None,
        })
    }

    /// May it be said while a transaction has failed.
    pub(super) fn ends_trouble(&self) -> bool {
        matches!(
            self,
            Command::Commit | Command::Rollback | Command::Savepoint("ROLLBACK")
        )
    }

    /// The columns of its answer; those of FETCH are its cursor's.
    pub(super) fn columns(&self) -> SchemaRef {
        Arc::new(match self {
            Command::Show(name) => Schema::new(vec![Field::new(column_of(name), DataType::Utf8, false)]),
            _ => Schema::empty(),
        })
    }
}

fn setting(set: &Set) -> Command {
    let text = |value: &dyn std::fmt::Display| {
        let text = value.to_string();
        text.trim_matches(['\'', '"']).to_owned()
    };
    match set {
        Set::SingleAssignment { variable, values, .. } => {
            let name = variable.to_string().to_lowercase();
            match (name.as_str(), values.first()) {
                ("statement_timeout", Some(value)) => {
                    duration(&text(value)).map_or(Command::Set("SET"), Command::Timeout)
                }
                ("timezone", Some(value)) => Command::Zone(text(value)),
                _ => Command::Set("SET"),
            }
        }
        Set::SetTimeZone { value, .. } => Command::Zone(text(value)),
        _ => Command::Set("SET"),
    }
}

/// `5s`, `200ms`, `1min`, or milliseconds.
fn duration(text: &str) -> Option<Duration> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let count: u64 = digits.parse().ok()?;
    let unit = match text[digits.len()..].trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(count.checked_mul(unit)?))
}

/// The value of a setting that tools ask for; `None`: the engine may know it.
pub(super) fn show(name: &str) -> Option<&'static str> {
    Some(match name {
        "time zone" | "timezone" => "UTC",
        "server_version" => VERSION,
        "server_version_num" => "160006",
        "server_encoding" | "client_encoding" => "UTF8",
        "transaction isolation level" | "transaction_isolation" | "default_transaction_isolation" => {
            "repeatable read"
        }
        "transaction_read_only"
        | "default_transaction_read_only"
        | "standard_conforming_strings"
        | "integer_datetimes" => "on",
        "in_hot_standby" | "is_superuser" => "off",
        "search_path" => "public",
        "datestyle" => "ISO, YMD",
        "intervalstyle" => "postgres",
        "bytea_output" => "hex",
        "extra_float_digits" => "1",
        "application_name" => "",
        "statement_timeout" => "0",
        "max_identifier_length" => "63",
        "lc_collate" | "lc_ctype" | "lc_messages" | "lc_monetary" | "lc_numeric" | "lc_time" => "C",
        _ => return None,
    })
}

/// What the column of SHOW is called.
pub(super) fn column_of(name: &str) -> &str {
    match name {
        "time zone" | "timezone" => "TimeZone",
        "transaction isolation level" => "transaction_isolation",
        "datestyle" => "DateStyle",
        "intervalstyle" => "IntervalStyle",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::serve::postgres::statement::{Parsed, parse};

    fn command(sql: &str) -> Option<Command> {
        match parse(sql).unwrap().remove(0).into_inner() {
            Parsed::Command(command) => Some(command),
            Parsed::Query(_) => None,
        }
    }

    #[test]
    fn what_drivers_say_is_understood() {
        for sql in [
            "BEGIN",
            "BEGIN READ ONLY",
            "START TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "COMMIT",
            "END",
            "ROLLBACK",
            "ABORT",
            "SAVEPOINT a",
            "RELEASE SAVEPOINT a",
            "ROLLBACK TO SAVEPOINT a",
            "SET extra_float_digits = 3",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET application_name = 'x'",
            "SET client_encoding TO 'UTF8'",
            "SET TIME ZONE 'UTC'",
            "RESET ALL",
            "UNLISTEN *",
            "CLOSE ALL",
            "DEALLOCATE ALL",
            "DEALLOCATE \"s1\"",
            "DISCARD ALL",
            "SHOW TRANSACTION ISOLATION LEVEL",
            "show standard_conforming_strings",
            "SHOW timezone",
            "DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT 1",
            "FETCH FORWARD 10 FROM c",
            "FETCH ALL FROM \"c\"",
        ] {
            assert!(command(sql).is_some(), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "SHOW TABLES",
            "EXPLAIN SELECT 1",
            "DROP TABLE charges",
            "COPY charges TO STDOUT",
        ] {
            assert!(command(sql).is_none(), "{sql}");
        }
    }

    #[test]
    fn a_time_out_has_a_unit_or_is_milliseconds() {
        let timeout = |sql: &str| match command(sql) {
            Some(Command::Timeout(time)) => Some(time.as_millis()),
            _ => None,
        };
        assert_eq!(timeout("SET statement_timeout = 250"), Some(250));
        assert_eq!(timeout("SET statement_timeout TO '2s'"), Some(2000));
        assert_eq!(timeout("SET statement_timeout = '1min'"), Some(60_000));
        assert_eq!(timeout("SET statement_timeout = '1 fortnight'"), None);
    }
}
