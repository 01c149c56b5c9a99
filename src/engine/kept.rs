//! A view whose rows are worked out once per session, when something first reads them.
//!
//! Views that build on each other are planned into one another. Where several read the same costly
//! one, its work would be done again for each; a kept view does it once and hands out the rows.

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use std::sync::Arc;
use tokio::sync::OnceCell;

#[derive(Debug)]
pub(super) struct KeptView {
    plan: LogicalPlan,
    definition: String,
    schema: SchemaRef,
    rows: OnceCell<MemTable>,
}

impl KeptView {
    /// `plan` must be analysed: only then are its types the ones of its rows. Every column counts as
    /// nullable, since what runs and what was planned may differ about that.
    pub(super) fn new(plan: LogicalPlan, definition: String) -> KeptView {
        let fields = plan
            .schema()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        KeptView {
            plan,
            definition,
            schema,
            rows: OnceCell::new(),
        }
    }

    async fn compute(&self, state: &dyn Session) -> Result<MemTable> {
        let plan = state.create_physical_plan(&self.plan).await?;
        let partitions = collect_partitioned(plan, state.task_ctx()).await?;
        let partitions = partitions
            .into_iter()
            .map(|batches| {
                batches
                    .into_iter()
                    .map(|batch| Ok(batch.with_schema(Arc::clone(&self.schema))?))
                    .collect::<Result<Vec<_>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        MemTable::try_new(Arc::clone(&self.schema), partitions)
    }
}

#[async_trait]
impl TableProvider for KeptView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows.get_or_try_init(|| self.compute(state)).await?;
        rows.scan(state, projection, filters, limit).await
    }
}
