//! A view whose rows are worked out once, when something first reads them.
//!
//! Views that build on each other are planned into one another. Where several read the same costly
//! one, its work would be done again for each; a kept view does it once and hands out the rows. They
//! serve the session, and through the store every later one for which nothing has changed.

mod key;
mod remote;
mod rows;
mod store;
mod sweep;

pub(super) use key::{Keys, lasting};
pub(super) use remote::Remote;
pub use store::KeptFolder;
pub(super) use store::Store;
pub use sweep::sweep_kept;

use super::cluster::Cluster;
use crate::base::scan::{Scan, view_by};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics};
use datafusion::logical_expr::{Expr, LogicalPlan};
use futures::FutureExt;
use rows::Rows;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;

#[derive(Debug)]
pub(super) struct KeptView {
    plan: LogicalPlan,
    definition: String,
    schema: SchemaRef,
    /// Bytes that its rows may take in memory.
    budget: usize,
    stored: Option<Stored>,
    rows: OnceCell<Rows>,
}

/// Where the rows of a view may be found from one session to the next.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) store: Arc<Store>,
    pub(super) name: String,
    /// Names everything that the rows depend on.
    pub(super) key: String,
    /// The session that may recall the key, unless it is one of a moment.
    pub(super) session: Option<String>,
    /// Where executors of a cluster find them, when the lake is not a folder.
    pub(super) remote: Option<Arc<Remote>>,
}

impl Stored {
    /// Tells later sessions of the same name where the rows are.
    fn remember(&self) {
        if let Some(session) = &self.session {
            self.store.remember(&self.name, session, &self.key);
        }
    }
}

/// A kept view whose rows were found before it was planned.
#[derive(Debug)]
pub(super) struct FoundView {
    definition: String,
    schema: SchemaRef,
    rows: Rows,
    files: Vec<PathBuf>,
    bounds: OnceLock<Option<Statistics>>,
}

impl FoundView {
    /// `None`: the rows are not there any more.
    pub(super) fn open(store: &Store, view: &str, key: &str, definition: &str) -> Option<FoundView> {
        let (rows, schema, files) = Rows::found(store, view, key)?;
        Some(FoundView {
            definition: definition.to_owned(),
            schema,
            rows,
            files,
            bounds: OnceLock::new(),
        })
    }
}

impl FoundView {
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> Scan<'a> {
        async move { self.rows.scan(state, projection, filters, limit).await }.boxed()
    }
}

impl TableProvider for FoundView {
    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    fn statistics(&self) -> Option<Statistics> {
        let bounds = || rows::bounds(&self.files, &self.schema);
        self.bounds.get_or_init(bounds).clone()
    }

    view_by!(scanned);
}

impl KeptView {
    /// `plan` must be analysed: only then are its types the ones of its rows. Every column counts as
    /// nullable, since what runs and what was planned may differ about that.
    pub(super) fn new(
        plan: LogicalPlan,
        definition: String,
        budget: usize,
        stored: Option<Stored>,
    ) -> KeptView {
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
            budget,
            stored,
            rows: OnceCell::new(),
        }
    }

    async fn rows(&self, state: &dyn Session) -> Result<Rows> {
        if let Some(stored) = &self.stored
            && state.config().get_extension::<Cluster>().is_some()
        {
            return self.for_executors(stored, state).await;
        }
        let store = self
            .stored
            .as_ref()
            .map(|s| (s.store.as_ref(), s.name.as_str(), s.key.as_str()));
        let rows = match store {
            Some((store, name, key)) => Rows::stored(store, name, key, &self.schema)?,
            None => None,
        };
        let rows = match rows {
            Some(rows) => rows,
            None => Rows::compute(&self.plan, state, &self.schema, self.budget, store).await?,
        };
        if let Some(stored) = self.stored.as_ref().filter(|_| rows.stay()) {
            stored.remember();
        }
        Ok(rows)
    }

    /// Rows that executors of a cluster will read: always kept beside the lake, however quickly they were
    /// worked out.
    async fn for_executors(&self, stored: &Stored, state: &dyn Session) -> Result<Rows> {
        let (name, key) = (stored.name.as_str(), stored.key.as_str());
        if let Some(remote) = &stored.remote {
            return Rows::for_executors(&self.plan, state, &self.schema, remote, (name, key)).await;
        }
        if let Some(rows) = Rows::stored(&stored.store, name, key, &self.schema)? {
            return Ok(rows);
        }
        let store = stored.store.for_executors()?;
        let place = Some((&store, name, key));
        Rows::compute(&self.plan, state, &self.schema, self.budget, place).await
    }
}

impl KeptView {
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> Scan<'a> {
        async move {
            let rows = self.rows.get_or_try_init(|| self.rows(state)).await?;
            rows.scan(state, projection, filters, limit).await
        }
        .boxed()
    }
}

impl TableProvider for KeptView {
    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    view_by!(scanned);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::{Registry, Settings, session, thrift};
    use datafusion::prelude::{SessionConfig, SessionContext};

    async fn answers(budget: usize) -> (Vec<String>, bool) {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        let plan = context
            .sql(
                "SELECT value AS n, value % 7 AS k, CAST(value AS DECIMAL(38, 18)) AS amount, \
                 CASE WHEN value % 3 = 0 THEN NULL ELSE concat('t', value) END AS name \
                 FROM generate_series(1, 50000) AS s(value)",
            )
            .await
            .unwrap()
            .into_unoptimized_plan();
        let state = context.state();
        let plan = state
            .analyzer()
            .execute_and_check(plan, state.config_options(), |_, _| {})
            .unwrap();
        let view = Arc::new(KeptView::new(plan, String::new(), budget, None));
        context.register_table("kept", Arc::clone(&view) as _).unwrap();
        let mut lines = Vec::new();
        for sql in [
            "SELECT k, count(*), count(name), sum(amount), min(name) FROM kept GROUP BY k ORDER BY k",
            "SELECT n, name FROM kept WHERE n > 49997 ORDER BY n",
            "SELECT count(*) FROM (SELECT n FROM kept LIMIT 9)",
            "SELECT count(*) FROM (SELECT n FROM kept WHERE k = 3 LIMIT 9)",
        ] {
            let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
            lines.push(
                arrow::util::pretty::pretty_format_batches(&batches)
                    .unwrap()
                    .to_string(),
            );
        }
        let spilled = view.rows.get().unwrap().in_files();
        (lines, spilled)
    }

    #[tokio::test]
    async fn a_view_whose_join_needs_more_memory_than_there_is_waits_on_the_disk() {
        let mut settings = Settings::new(crate::base::time::from_micros(0));
        settings.memory_limit = 64 << 20;
        let runtime = session::runtime(&settings).unwrap();
        let context = session::open(&settings, &Registry::default(), runtime).unwrap();
        let side = "(SELECT value AS n, repeat('x', 200) || value AS text FROM generate_series(1, 400000))";
        let sql = format!(
            "SELECT a.n, length(a.text || b.text) AS long FROM {side} AS a JOIN {side} AS b ON a.n = b.n"
        );
        let plan = context.sql(&sql).await.unwrap().into_optimized_plan().unwrap();
        let state = context.state();
        let hashed = state.create_physical_plan(&plan).await.unwrap();
        let failed = datafusion::physical_plan::collect(Arc::clone(&hashed), state.task_ctx()).await;
        assert!(thrift::instead(&state, &hashed, &failed.unwrap_err()).is_some());

        let view = KeptView::new(plan, String::new(), 1 << 20, None);
        context.register_table("kept", Arc::new(view)).unwrap();
        let counted = context
            .sql("SELECT count(*), count(DISTINCT n) FROM kept")
            .await
            .unwrap();
        let counted = counted.collect().await.unwrap();
        let shown = arrow::util::pretty::pretty_format_batches(&counted)
            .unwrap()
            .to_string();
        assert_eq!(shown.matches("400000").count(), 2, "{shown}");
    }

    #[tokio::test]
    async fn rows_in_files_answer_like_rows_in_memory() {
        let (in_memory, spilled) = answers(usize::MAX).await;
        assert!(!spilled);
        let (in_files, spilled) = answers(1000).await;
        assert!(spilled);
        assert_eq!(in_memory, in_files);
        assert!(
            in_memory[0].contains("50000") || in_memory[0].contains("7143"),
            "{}",
            in_memory[0]
        );
    }
}
