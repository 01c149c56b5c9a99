//! The catalogue as tables, for whoever asks in SQL: `catalogue_tables`, `catalogue_columns`,
//! `catalogue_functions`. `information_schema` says which columns there are; these say what they mean.

use super::{Catalogue, schema_of};
use crate::base::Result;
use crate::base::scan::{Scan, scan_by};
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use std::fmt;
use std::sync::Arc;

/// Makes the three tables readable.
pub(in crate::engine) fn register(context: &SessionContext, catalogue: &Arc<Catalogue>) -> Result<()> {
    for kind in [Kind::Tables, Kind::Columns, Kind::Functions] {
        let table = CatalogueTable {
            kind,
            schema: kind.schema(),
            catalogue: Arc::clone(catalogue),
        };
        context.register_table(kind.name(), Arc::new(table))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tables,
    Columns,
    Functions,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Tables => "catalogue_tables",
            Kind::Columns => "catalogue_columns",
            Kind::Functions => "catalogue_functions",
        }
    }

    fn schema(self) -> SchemaRef {
        let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
        Arc::new(Schema::new(match self {
            Kind::Tables => vec![
                text("table_name", false),
                text("kind", false),
                text("about", false),
            ],
            Kind::Columns => vec![
                text("table_name", false),
                Field::new("position", DataType::Int64, false),
                text("column_name", false),
                text("data_type", false),
                Field::new("nullable", DataType::Boolean, false),
                text("unit", true),
                text("about", true),
            ],
            Kind::Functions => vec![
                text("function_name", false),
                text("kind", false),
                text("signature", false),
                text("about", false),
                text("example", true),
                Field::new("ours", DataType::Boolean, false),
            ],
        }))
    }
}

/// One of the three. Its rows are put together when somebody reads them.
struct CatalogueTable {
    kind: Kind,
    schema: SchemaRef,
    catalogue: Arc<Catalogue>,
}

impl fmt::Debug for CatalogueTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CatalogueTable").field(&self.kind).finish()
    }
}

fn texts<'a, T: AsRef<str> + 'a>(values: impl Iterator<Item = T> + 'a) -> ArrayRef {
    Arc::new(values.map(Some).collect::<StringArray>())
}

fn optional<'a>(values: impl Iterator<Item = Option<&'a String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

impl CatalogueTable {
    async fn rows(&self, state: &SessionState) -> PlanResult<RecordBatch> {
        let schema = schema_of(state).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let columns: Vec<ArrayRef> = match self.kind {
            Kind::Tables => {
                let all = self.catalogue.relations(schema.as_ref()).await?;
                vec![
                    texts(all.iter().map(|r| &r.name)),
                    texts(all.iter().map(|r| r.kind.name())),
                    texts(all.iter().map(|r| &r.about)),
                ]
            }
            Kind::Columns => {
                let all = self.catalogue.relations(schema.as_ref()).await?;
                let each = || {
                    all.iter()
                        .flat_map(|r| (1_i64..).zip(&r.columns).map(move |(at, c)| (r, at, c)))
                };
                vec![
                    texts(each().map(|(r, ..)| &r.name)),
                    Arc::new(each().map(|(_, at, _)| Some(at)).collect::<Int64Array>()),
                    texts(each().map(|(.., c)| &c.name)),
                    texts(each().map(|(.., c)| &c.data_type)),
                    Arc::new(each().map(|(.., c)| Some(c.nullable)).collect::<BooleanArray>()),
                    optional(each().map(|(.., c)| c.unit.as_ref())),
                    optional(each().map(|(.., c)| c.about.as_ref())),
                ]
            }
            Kind::Functions => {
                let all = self.catalogue.functions(state);
                vec![
                    texts(all.iter().map(|f| &f.name)),
                    texts(all.iter().map(|f| f.kind.name())),
                    texts(all.iter().map(|f| &f.signature)),
                    texts(all.iter().map(|f| &f.about)),
                    optional(all.iter().map(|f| f.example.as_ref())),
                    Arc::new(all.iter().map(|f| Some(f.ours)).collect::<BooleanArray>()),
                ]
            }
        };
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl CatalogueTable {
    fn scanned<'a>(
        &'a self,
        session: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> Scan<'a> {
        async move {
            let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
                return internal_err!("{} is read in a session of its own kind", self.kind.name());
            };
            let rows = self.rows(state).await?;
            let table = MemTable::try_new(self.schema(), vec![vec![rows]])?;
            table.scan(session, projection, filters, limit).await
        }
        .boxed()
    }
}

impl TableProvider for CatalogueTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    scan_by!(scanned);
}
