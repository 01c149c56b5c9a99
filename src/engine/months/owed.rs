//! Rows of a month that no session has read yet: planned when one does.

use super::piece::Piece;
use crate::base::Result;
use crate::base::scan::{Scan, view_by};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Plans a month of a view, or a piece of it.
pub(in crate::engine) type Planner =
    Arc<dyn Fn(Piece) -> BoxFuture<'static, Result<Arc<dyn TableProvider>>> + Send + Sync>;

pub(super) struct Owed {
    piece: Piece,
    schema: SchemaRef,
    planner: Planner,
    rows: OnceCell<Arc<dyn TableProvider>>,
}

impl Owed {
    pub(super) fn new(piece: Piece, schema: SchemaRef, planner: &Planner) -> Owed {
        Owed {
            piece,
            schema,
            planner: Arc::clone(planner),
            rows: OnceCell::new(),
        }
    }

    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> Scan<'a> {
        async move {
            let planned = self.rows.get_or_try_init(|| (self.planner)(self.piece)).await;
            let rows = planned.map_err(|e| DataFusionError::External(Box::new(e)))?;
            rows.scan(state, projection, filters, limit).await
        }
        .boxed()
    }
}

impl TableProvider for Owed {
    view_by!(scanned);
}

impl fmt::Debug for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owed")
            .field("piece", &self.piece)
            .finish_non_exhaustive()
    }
}
