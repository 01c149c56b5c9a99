//! What a client sent, parsed; for a query also what it takes and gives. A prepared statement holds no
//! state of the lake: it is planned anew, over the newest, each time it runs.

use super::command::Command;
use super::parameters;
use super::tools::understood;
use super::trouble::{told, user_error};
use crate::base::Known;
use crate::base::Result as Ours;
use crate::base::sql::parsable;
use crate::engine::Engine;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::error::PgWireResult;
use std::sync::{Arc, LazyLock};

/// One statement of a script.
#[derive(Debug, Clone)]
pub(super) enum Parsed {
    Query(Box<ast::Statement>),
    Command(Command),
}

static PARSER: LazyLock<PostgresCompatibilityParser> = LazyLock::new(PostgresCompatibilityParser::new);

/// The statements of a script, tools' peculiarities taken out.
pub(super) fn parse(script: &str) -> PgWireResult<Vec<Known<Parsed>>> {
    parsable(script).map_err(|e| told(&e))?;
    let statements = PARSER
        .parse(script)
        .map_err(|e| user_error("42601", e.to_string()))?;
    Ok(statements
        .into_iter()
        .map(|statement| match Command::of(&statement) {
            Some(command) => Parsed::Command(command),
            None => Parsed::Query(Box::new(understood(statement))),
        })
        .map(Known::new)
        .collect())
}

/// A statement that a client prepared.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) parsed: Known<Arc<Parsed>>,
    /// What stands in the places of the parameters, as far as the statement says.
    inferred: Arc<Vec<Option<DataType>>>,
    pub(super) columns: SchemaRef,
}

impl Prepared {
    /// One that takes and gives nothing by itself: a command.
    pub(super) fn command(command: Command) -> Prepared {
        Prepared {
            columns: command.columns(),
            parsed: Known::new(Arc::new(Parsed::Command(command))),
            inferred: Arc::default(),
        }
    }

    /// Plans a query far enough to know its parameters and columns.
    pub(super) async fn query(
        engine: &Engine,
        statement: Box<ast::Statement>,
        asked: &[Option<Type>],
    ) -> Ours<Prepared> {
        let plan = engine.user_plan(Statement::Statement(statement.clone())).await?;
        let mut inferred = Vec::new();
        let mut known = plan.get_parameter_types()?;
        parameters::casts(&plan, &mut known)?;
        for (name, data_type) in known {
            let place: usize = name.trim_start_matches('$').parse().map_err(|_| {
                crate::base::Error::query(format!("the parameter {name} has no number"))
                    .advise("number them: $1, $2, …")
            })?;
            if place == 0 || place > MOST_PARAMETERS {
                return Err(crate::base::Error::query(format!("there is no parameter {name}")));
            }
            inferred.resize(inferred.len().max(place), None);
            inferred[place - 1] = data_type;
        }
        let types = parameters::types(asked, &inferred);
        let plan = plan.replace_params_with_values(&parameters::blanks(&types))?;
        Ok(Prepared {
            columns: Arc::new(Schema::clone(plan.schema().as_arrow())),
            parsed: Known::new(Arc::new(Parsed::Query(statement))),
            inferred: Arc::new(inferred),
        })
    }

    pub(super) fn parameter_types(&self, asked: &[Option<Type>]) -> Vec<Type> {
        parameters::types(asked, &self.inferred)
    }

    /// What the statement needs in the place of a parameter.
    pub(super) fn needed(&self, place: usize) -> Option<&DataType> {
        self.inferred.get(place)?.as_ref()
    }
}

/// As many as a message of the protocol can bind.
const MOST_PARAMETERS: usize = u16::MAX as usize;
