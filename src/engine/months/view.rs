//! A view whose rows lie in months: of each month the rows that are its own.

use super::month::Month;
use super::owed::{Owed, Planner};
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
use datafusion::common::{DFSchema, Statistics};
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
    /// Finds the rows of each month, or plans the view in it. `finer` are the views that it may read in all months.
    pub(in crate::engine) async fn plan(
        months: &Months,
        keys: &Keys,
        (name, rule): (&str, Rule<'_>),
        definition: &str,
        finer: &[Finer],
    ) -> Result<MonthlyView> {
        let slices = months
            .slices(rule.grain)
            .await?
            .ok_or_else(|| lost("rows of its own"))?;
        let (mut parts, mut named) = (Vec::new(), Vec::new());
        for slice in slices {
            let rows = rows(months, slice, (name, definition), finer).await?;
            let (key, timely) = slice.keys.known(name).ok_or_else(|| lost("such view"))?;
            named.push((slice.month.to_string(), key, timely));
            parts.push((slice.month, rows));
        }
        let view = MonthlyView::of(parts, months.zone(), rule.column, definition)?;
        keys.know_months(name, &named, &view.schema);
        Ok(view)
    }

    /// Finds or plans the rows of one month.
    pub(in crate::engine) async fn plan_month(
        months: &Months,
        month: Month,
        (name, rule): (&str, Rule<'_>),
        definition: &str,
        finer: &[Finer],
    ) -> Result<Arc<dyn TableProvider>> {
        let slices = months.slices(rule.grain).await?.unwrap_or_default();
        let slice = slices.iter().find(|slice| slice.month == month);
        rows(
            months,
            slice.ok_or_else(|| lost("rows of its own"))?,
            (name, definition),
            finer,
        )
        .await
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
        for (month, rows) in recalled.months {
            let month = Month::parse(&month)?;
            let rows: Arc<dyn TableProvider> = match rows {
                Some(rows) => Arc::new(rows),
                None => Arc::new(Owed::new(month, Arc::clone(&recalled.schema), planner)),
            };
            months.push((month, rows));
        }
        MonthlyView::of(months, zone, column, definition).ok()
    }

    fn of(
        months: Vec<(Month, Arc<dyn TableProvider>)>,
        zone: Tz,
        column: &str,
        definition: &str,
    ) -> Result<MonthlyView> {
        let (_, first) = months.first().ok_or_else(|| lost("month"))?;
        let schema = first.schema();
        let place = schema.index_of(column)?;
        let of_type = schema.field(place).data_type();
        let parts = months
            .into_iter()
            .map(|(month, rows)| Part::new(rows, month.stretch(zone), of_type));
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

    /// Whether each month can have a row for which all filters hold.
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
            let known = self.parts.iter().map(|part| {
                let mut known = Statistics::new_unknown(&self.schema);
                let column = &mut known.column_statistics[self.place];
                column.min_value = Precision::Exact(part.from.clone());
                column.max_value = Precision::Exact(part.last.clone());
                Arc::new(known)
            });
            let known = PrunableStatistics::new(known.collect(), Arc::clone(&self.schema));
            pruning.prune(&known).ok()
        };
        decide().unwrap_or(all)
    }
}

/// The rows of one month, as an earlier session left them or planned.
async fn rows(
    months: &Months,
    slice: &Slice,
    (name, definition): (&str, &str),
    finer: &[Finer],
) -> Result<Arc<dyn TableProvider>> {
    match slice.keys.recall(name, definition) {
        Some(found) => Ok(Arc::new(found)),
        None => Ok(months.context(slice, finer).await?.table_provider(name).await?),
    }
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
            let mut plans = Vec::new();
            for (part, matches) in self.parts.iter().zip(self.matching(state, filters)) {
                if !matches {
                    continue;
                }
                let own = col(self.column())
                    .gt_eq(lit(part.from.clone()))
                    .and(col(self.column()).lt(lit(part.until.clone())));
                let mut filters = filters.to_vec();
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
