//! A view whose rows lie in months: of each month the rows that are its own.

use super::implied::with_implied;
use super::owed::{Owed, Planner};
use super::piece::Piece;
use super::reach::Stretch;
use super::{Finer, Months, Rule, Slice, lost};
use crate::base::Result;
use crate::base::scan::{Scan, view_by};
use crate::engine::kept::Keys;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use chrono_tz::Tz;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DFSchema, Statistics};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::union::UnionExec;
use datafusion::scalar::ScalarValue;
use futures::FutureExt;
use std::sync::Arc;

#[derive(Debug)]
pub(in crate::engine) struct MonthlyView {
    definition: String,
    schema: SchemaRef,
    /// The place of the column that says which month a row belongs to.
    place: usize,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    rows: Arc<dyn TableProvider>,
    /// When those are that are read.
    own: Stretch,
    /// The first value of them, the first one after them, and the last one.
    from: ScalarValue,
    until: ScalarValue,
    last: ScalarValue,
}

impl Part {
    fn new(rows: Arc<dyn TableProvider>, own: Stretch, of_type: &DataType) -> Result<Part> {
        Ok(Part {
            rows,
            own,
            from: value(of_type, own.from)?,
            until: value(of_type, own.to)?,
            last: value(of_type, own.to - 1)?,
        })
    }
}

impl MonthlyView {
    /// Finds the rows of each month, or plans the view in it; where an earlier session has planned it and nobody has read the
    /// month, it is planned when somebody does. `finer` are the views that it may read in all months.
    pub(in crate::engine) async fn plan(
        months: &Months,
        keys: &Keys,
        (name, rule): (&str, Rule<'_>),
        definition: &str,
        (finer, planner): (&[Finer], &Planner),
    ) -> Result<MonthlyView> {
        let slices = months
            .slices(rule.grain)
            .await?
            .ok_or_else(|| lost("rows of its own"))?;
        let (mut parts, mut named) = (Vec::new(), Vec::new());
        for slice in slices {
            let rows = match slice.keys.recall(name, definition) {
                Some(found) => Some(Arc::new(found) as Arc<dyn TableProvider>),
                None if slice.keys.recall_key(name) => None,
                None => Some(planned(months, slice, name, finer).await?),
            };
            parts.push((slice, rows));
        }
        // Somebody has to say what columns there are.
        if parts.iter().all(|(_, rows)| rows.is_none())
            && let Some((slice, rows)) = parts.first_mut()
        {
            *rows = Some(planned(months, slice, name, finer).await?);
        }
        let known = parts.iter().find_map(|(_, rows)| rows.as_ref());
        let schema = known.ok_or_else(|| lost("columns"))?.schema();
        let parts = parts.into_iter().map(|(slice, rows)| {
            let owed = || Arc::new(Owed::new(slice.piece, Arc::clone(&schema), planner)) as _;
            (slice.piece, rows.unwrap_or_else(owed))
        });
        let parts = parts.collect();
        for slice in slices {
            let (key, timely) = slice.keys.known(name).ok_or_else(|| lost("such view"))?;
            named.push((slice.piece.to_string(), key, timely));
        }
        let view = MonthlyView::of(parts, months.zone(), rule.column, definition)?;
        keys.know_months(name, &named, &view.schema);
        Ok(view)
    }

    /// Finds or plans the rows of one month, or of a piece of it.
    pub(in crate::engine) async fn plan_month(
        months: &Months,
        piece: Piece,
        (name, rule): (&str, Rule<'_>),
        definition: &str,
        finer: &[Finer],
    ) -> Result<Arc<dyn TableProvider>> {
        let slices = months.slices(rule.grain).await?.unwrap_or_default();
        let slice = slices.iter().find(|slice| slice.piece == piece);
        let slice = slice.ok_or_else(|| lost("rows of its own"))?;
        match slice.keys.recall(name, definition) {
            Some(found) => Ok(Arc::new(found)),
            None => planned(months, slice, name, finer).await,
        }
    }

    /// The same with only the rows of a stretch.
    pub(super) fn within(&self, stretch: &Stretch) -> Result<MonthlyView> {
        let of_type = self.schema.field(self.place).data_type();
        let clipped = self
            .parts
            .iter()
            .map(|part| (part, part.own.within(stretch)))
            .filter(|(_, own)| own.from < own.to)
            .map(|(part, own)| Part::new(Arc::clone(&part.rows), own, of_type));
        Ok(MonthlyView {
            definition: self.definition.clone(),
            schema: Arc::clone(&self.schema),
            place: self.place,
            parts: clipped.collect::<Result<_>>()?,
        })
    }

    /// The rows that earlier sessions left, without a plan; months that none of them read are planned when somebody
    /// does. `None`: no session has planned the view.
    pub(in crate::engine) fn recall(
        zone: Tz,
        keys: &Keys,
        name: &str,
        column: &str,
        definition: &str,
        planner: &Planner,
    ) -> Option<MonthlyView> {
        let recalled = keys.recall_months(name, definition)?;
        let mut months = Vec::new();
        for (piece, rows) in recalled.months {
            let piece = Piece::parse(&piece)?;
            let rows: Arc<dyn TableProvider> = match rows {
                Some(rows) => Arc::new(rows),
                None => Arc::new(Owed::new(piece, Arc::clone(&recalled.schema), planner)),
            };
            months.push((piece, rows));
        }
        MonthlyView::of(months, zone, column, definition).ok()
    }

    fn of(
        pieces: Vec<(Piece, Arc<dyn TableProvider>)>,
        zone: Tz,
        column: &str,
        definition: &str,
    ) -> Result<MonthlyView> {
        let (_, first) = pieces.first().ok_or_else(|| lost("month"))?;
        let schema = first.schema();
        let place = schema.index_of(column)?;
        let of_type = schema.field(place).data_type();
        let parts = pieces
            .into_iter()
            .map(|(piece, rows)| Part::new(rows, piece.stretch(zone), of_type));
        Ok(MonthlyView {
            definition: definition.to_owned(),
            place,
            parts: parts.collect::<Result<_>>()?,
            schema,
        })
    }

    fn column(&self) -> &str {
        self.schema.field(self.place).name()
    }

    /// Whether each month can have a row for which all filters hold, by when its rows are and by what its files say.
    fn matching(&self, state: &dyn Session, filters: &[Expr]) -> Vec<bool> {
        let all = vec![true; self.parts.len()];
        let decide = || {
            let filter = conjunction(filters.iter().cloned())?;
            let schema = DFSchema::try_from(Arc::clone(&self.schema)).ok()?;
            let predicate = state.create_physical_expr(filter, &schema).ok()?;
            let pruning = PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(&self.schema))
                .try_build(predicate)
                .ok()?;
            let unknown = || Statistics::new_unknown(&self.schema);
            let known = self.parts.iter().map(|part| {
                let mut known = part.rows.statistics().unwrap_or_else(unknown);
                known.column_statistics[self.place] = ColumnStatistics {
                    min_value: Precision::Exact(part.from.clone()),
                    max_value: Precision::Exact(part.last.clone()),
                    ..ColumnStatistics::new_unknown()
                };
                Arc::new(known)
            });
            let known = PrunableStatistics::new(known.collect(), Arc::clone(&self.schema));
            pruning.prune(&known).ok()
        };
        decide().unwrap_or(all)
    }
}

/// The rows of one month, planned, of which later sessions need not know more than the key.
async fn planned(
    months: &Months,
    slice: &Slice,
    name: &str,
    finer: &[Finer],
) -> Result<Arc<dyn TableProvider>> {
    let rows = months.context(slice, finer).await?.table_provider(name).await?;
    slice.keys.leave_key(name);
    Ok(rows)
}

/// An instant in the type of a column.
fn value(of_type: &DataType, micros: i64) -> Result<ScalarValue> {
    match of_type {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Ok(ScalarValue::TimestampMicrosecond(Some(micros), zone.clone()))
        }
        DataType::Int64 => Ok(ScalarValue::Int64(Some(micros))),
        _ => Err(lost("instants to tell it by")),
    }
}

impl MonthlyView {
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        _limit: Option<usize>,
    ) -> Scan<'a> {
        async move {
            let mut wanted = match projection {
                Some(columns) => columns.clone(),
                None => (0..self.schema.fields().len()).collect(),
            };
            let shown = wanted.len();
            if !wanted.contains(&self.place) {
                wanted.push(self.place);
            }
            let filters = with_implied(filters);
            let mut plans = Vec::new();
            for (part, matches) in self.parts.iter().zip(self.matching(state, &filters)) {
                if !matches {
                    continue;
                }
                let own = col(self.column())
                    .gt_eq(lit(part.from.clone()))
                    .and(col(self.column()).lt(lit(part.until.clone())));
                let mut filters = filters.clone();
                filters.push(own.clone());
                let rows = part.rows.scan(state, Some(&wanted), &filters, None).await?;
                let own = state.create_physical_expr(own, &DFSchema::try_from(rows.schema())?)?;
                let rows = FilterExecBuilder::new(own, rows)
                    .apply_projection((shown < wanted.len()).then(|| (0..shown).collect()))?
                    .build()?;
                plans.push(Arc::new(rows) as Arc<dyn ExecutionPlan>);
            }
            match plans.len() {
                0 => Ok::<Arc<dyn ExecutionPlan>, _>(Arc::new(EmptyExec::new(match projection {
                    Some(columns) => Arc::new(self.schema.project(columns)?),
                    None => Arc::clone(&self.schema),
                }))),
                1 => Ok(plans.remove(0)),
                _ => UnionExec::try_new(plans),
            }
        }
        .boxed()
    }
}

impl TableProvider for MonthlyView {
    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    view_by!(scanned);
}
