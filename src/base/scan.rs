//! How a table of ours is scanned.
//!
//! DataFusion's trait asks for a future whose lifetimes stand in bounds. Under such bounds the compiler does not remember what
//! it found out elsewhere, and goes through everything that a plan can hold, four seconds for each table, to know that
//! the future may go to another thread. The method that this writes only hands on what a plain one made.

/// `TableProvider::scan` by a method that takes the same with one lifetime and returns a `Scan`.
macro_rules! scan_by {
    ($method:ident) => {
        fn scan<'life0, 'life1, 'life2, 'life3, 'async_trait>(
            &'life0 self,
            session: &'life1 dyn datafusion::catalog::Session,
            projection: Option<&'life2 Vec<usize>>,
            filters: &'life3 [datafusion::logical_expr::Expr],
            limit: Option<usize>,
        ) -> $crate::base::scan::Scan<'async_trait>
        where
            'life0: 'async_trait,
            'life1: 'async_trait,
            'life2: 'async_trait,
            'life3: 'async_trait,
            Self: 'async_trait,
        {
            self.$method(session, projection, filters, limit)
        }
    };
}

pub(crate) use scan_by;

/// The same, with what else there is to say of the rows of a view. Filters choose what is read of them; whoever asked applies
/// them to the rows.
macro_rules! view_by {
    ($method:ident) => {
        fn schema(&self) -> arrow::datatypes::SchemaRef {
            std::sync::Arc::clone(&self.schema)
        }

        fn table_type(&self) -> datafusion::logical_expr::TableType {
            datafusion::logical_expr::TableType::View
        }

        fn supports_filters_pushdown(
            &self,
            filters: &[&datafusion::logical_expr::Expr],
        ) -> datafusion::error::Result<Vec<datafusion::logical_expr::TableProviderFilterPushDown>> {
            let inexact = datafusion::logical_expr::TableProviderFilterPushDown::Inexact;
            Ok(vec![inexact; filters.len()])
        }

        $crate::base::scan::scan_by!($method);
    };
}

pub(crate) use view_by;

/// A plan in the making.
pub type Scan<'a> = futures::future::BoxFuture<
    'a,
    datafusion::error::Result<std::sync::Arc<dyn datafusion::physical_plan::ExecutionPlan>>,
>;
