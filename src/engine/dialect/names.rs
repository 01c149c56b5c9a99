//! Column names in any case: resolved against the tables that a statement reads.

use super::query_error;
use crate::base::Result;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ExceptSelectItem, ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    ObjectNamePart, Query, Select, SelectItem, SetExpr, Statement as Sql, TableAlias, TableFactor,
    TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::ControlFlow;

/// The tables of a statement, and which of their columns have names of mixed case.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Name in lower case → name.
    mixed: BTreeMap<String, String>,
    /// Table → its columns.
    tables: BTreeMap<String, BTreeSet<String>>,
}

impl Names {
    pub(super) async fn of(context: &SessionContext, statement: &Statement) -> Result<Names> {
        let state = context.state();
        let mut names = Names::default();
        let mut twice = BTreeSet::new();
        for table in state.resolve_table_references(statement).map_err(query_error)? {
            // One that does not exist is told by the planner, which says where.
            let Ok(provider) = context.table_provider(table.clone()).await else {
                continue;
            };
            let columns: BTreeSet<String> = provider
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect();
            for column in &columns {
                let lower = column.to_lowercase();
                if lower == *column {
                    continue;
                }
                let known = names.mixed.insert(lower.clone(), column.clone());
                if known.is_some_and(|known| known != *column) || columns.contains(&lower) {
                    twice.insert(lower);
                }
            }
            names.tables.insert(table.table().to_owned(), columns);
        }
        names.mixed.retain(|lower, _| !twice.contains(lower));
        Ok(names)
    }

    pub(super) fn resolve(&self, sql: &mut Sql) {
        if !self.mixed.is_empty() {
            let mut walk = Walk {
                names: self,
                queries: Vec::new(),
            };
            let _ = sql.visit(&mut walk);
        }
    }
}

/// What a name in FROM stands for.
#[derive(Debug, Clone)]
enum Source {
    /// A table whose columns are known.
    Table(String),
    /// A subquery or a CTE.
    Query,
}

/// One query while it is walked.
#[derive(Debug, Default)]
struct Scope {
    /// Name or alias → what it stands for.
    sources: BTreeMap<String, Source>,
    /// Columns of mixed case that the select list makes, in lower case.
    made: BTreeSet<String>,
    /// Names of its CTEs.
    queries: BTreeSet<String>,
}

struct Walk<'a> {
    names: &'a Names,
    queries: Vec<Scope>,
}

/// As the planner reads a name.
fn read(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

impl Walk<'_> {
    fn exact(&self, ident: &Ident) -> Option<&str> {
        if ident.quote_style.is_some() {
            return None;
        }
        self.names
            .mixed
            .get(&ident.value.to_lowercase())
            .map(String::as_str)
    }

    fn rename(&self, ident: &mut Ident) {
        if let Some(exact) = self.exact(ident) {
            ident.value = exact.to_owned();
            ident.quote_style = Some('"');
        }
    }

    /// Has this source the column in mixed case? None: it has neither that nor one in lower case.
    fn has(&self, source: &Source, exact: &str) -> Option<bool> {
        match source {
            Source::Query => Some(true),
            Source::Table(name) => {
                let columns = self.names.tables.get(name)?;
                match columns.contains(&exact.to_lowercase()) {
                    true => Some(false),
                    false => columns.contains(exact).then_some(true),
                }
            }
        }
    }

    /// Is a name without a table that of the column of mixed case?
    fn means(&self, exact: &str) -> bool {
        for scope in self.queries.iter().rev() {
            let found: Vec<bool> = scope
                .sources
                .values()
                .filter_map(|source| self.has(source, exact))
                .collect();
            if found.contains(&false) {
                return false;
            }
            if found.contains(&true) || scope.made.contains(&exact.to_lowercase()) {
                return true;
            }
        }
        false
    }

    /// The same for `table.name`.
    fn means_of(&self, table: &Ident, exact: &str) -> bool {
        let table = read(table);
        let source = self
            .queries
            .iter()
            .rev()
            .find_map(|scope| scope.sources.get(&table));
        source.and_then(|source| self.has(source, exact)).unwrap_or(false)
    }

    fn columns_of(&self, alias: Option<&mut TableAlias>) {
        if let Some(alias) = alias {
            alias
                .columns
                .iter_mut()
                .for_each(|column| self.rename(&mut column.name));
        }
    }

    fn add(&self, factor: &TableFactor, scope: &mut Scope) {
        let (name, alias, source) = match factor {
            TableFactor::Table {
                name, alias, args, ..
            } => {
                let Some(last) = name.0.last().and_then(ObjectNamePart::as_ident) else {
                    return;
                };
                let name = read(last);
                let is_query = args.is_some()
                    || scope.queries.contains(&name)
                    || self.queries.iter().any(|outer| outer.queries.contains(&name));
                let source = match is_query {
                    true => Source::Query,
                    false => Source::Table(name.clone()),
                };
                (Some(name), alias, source)
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                return self.add_joined(table_with_joins, scope);
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. } => (None, alias, Source::Query),
            _ => return,
        };
        if let Some(name) = alias.as_ref().map(|alias| read(&alias.name)).or(name) {
            scope.sources.insert(name, source);
        }
    }

    fn add_joined(&self, tables: &TableWithJoins, scope: &mut Scope) {
        self.add(&tables.relation, scope);
        for join in &tables.joins {
            self.add(&join.relation, scope);
        }
    }

    fn collect(&self, body: &SetExpr, scope: &mut Scope) {
        match body {
            SetExpr::Select(select) => {
                for tables in &select.from {
                    self.add_joined(tables, scope);
                }
                for item in &select.projection {
                    if let SelectItem::ExprWithAlias { alias, .. } = item
                        && let Some(exact) = self.exact(alias)
                    {
                        scope.made.insert(exact.to_lowercase());
                    }
                }
            }
            SetExpr::Query(query) => self.collect(&query.body, scope),
            SetExpr::SetOperation { left, right, .. } => {
                self.collect(left, scope);
                self.collect(right, scope);
            }
            _ => {}
        }
    }
}

fn named(name: &mut ObjectName) -> Option<&mut Ident> {
    match name.0.last_mut() {
        Some(ObjectNamePart::Identifier(ident)) => Some(ident),
        _ => None,
    }
}

/// The names of a `USING (…)`.
fn using(join: &mut Join) -> &mut [ObjectName] {
    match &mut join.join_operator {
        JoinOperator::Join(JoinConstraint::Using(names))
        | JoinOperator::Inner(JoinConstraint::Using(names))
        | JoinOperator::Left(JoinConstraint::Using(names))
        | JoinOperator::LeftOuter(JoinConstraint::Using(names))
        | JoinOperator::Right(JoinConstraint::Using(names))
        | JoinOperator::RightOuter(JoinConstraint::Using(names))
        | JoinOperator::FullOuter(JoinConstraint::Using(names))
        | JoinOperator::LeftSemi(JoinConstraint::Using(names))
        | JoinOperator::LeftAnti(JoinConstraint::Using(names)) => names,
        _ => &mut [],
    }
}

/// The names of a `* EXCEPT (…)` or `* EXCLUDE (…)`.
fn left_out(options: &mut WildcardAdditionalOptions) -> Vec<&mut Ident> {
    let mut idents = Vec::new();
    if let Some(ExceptSelectItem {
        first_element,
        additional_elements,
    }) = &mut options.opt_except
    {
        idents.push(first_element);
        idents.extend(additional_elements);
    }
    match &mut options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => idents.extend(named(name)),
        Some(ExcludeSelectItem::Multiple(names)) => idents.extend(names.iter_mut().filter_map(named)),
        None => {}
    }
    idents
}

impl VisitorMut for Walk<'_> {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        let mut scope = Scope::default();
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            scope.queries.insert(read(&cte.alias.name));
            self.columns_of(Some(&mut cte.alias));
        }
        self.collect(&query.body, &mut scope);
        self.queries.push(scope);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Infallible> {
        self.queries.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Infallible> {
        for item in &mut select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => self.rename(alias),
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                    for ident in left_out(options) {
                        if self.exact(ident).is_some_and(|exact| self.means(exact)) {
                            self.rename(ident);
                        }
                    }
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAliases { .. } => {}
            }
        }
        for join in select.from.iter_mut().flat_map(|tables| &mut tables.joins) {
            for ident in using(join).iter_mut().filter_map(named) {
                if self.exact(ident).is_some_and(|exact| self.means(exact)) {
                    self.rename(ident);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } = factor {
            self.columns_of(alias.as_mut());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        match expr {
            Expr::Identifier(ident) if self.exact(ident).is_some_and(|exact| self.means(exact)) => {
                self.rename(ident);
            }
            Expr::CompoundIdentifier(parts) => {
                if let [.., table, ident] = parts.as_mut_slice()
                    && self.exact(ident).is_some_and(|exact| self.means_of(table, exact))
                {
                    self.rename(ident);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
