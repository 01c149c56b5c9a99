//! The catalogue explains what there is: every table, every view for daily work, every function.

use crate::support::assets;
use spendscope::engine::{Engine, Registry, RelationKind, Settings};
use spendscope::schema::TABLES;
use std::collections::{BTreeSet, HashMap};

/// What people work with. The other views are steps on the way to these.
const DAILY: [&str; 10] = [
    "calls",
    "costs",
    "focus",
    "focus_data_table",
    "gpu_hours",
    "ledger",
    "reconciliation",
    "tasks",
    "unmatched",
    "variance",
];

async fn engine() -> Engine {
    let settings = Settings::new("2026-10-15T00:00:00Z".parse().unwrap());
    Engine::over_tables(HashMap::new(), &assets(), &Registry::default(), &settings)
        .await
        .unwrap()
}

#[tokio::test]
async fn tables_and_daily_views_explain_each_of_their_columns() {
    let relations = engine().await.relations().await.unwrap();
    let mut wrong = Vec::new();
    let mut explained = BTreeSet::new();
    for relation in &relations {
        if relation.about.len() < 10 {
            wrong.push(format!("{}: nothing says what a row is", relation.name));
        }
        let daily = DAILY.contains(&relation.name.as_str());
        // A view that explains some of its columns explains all.
        let some = relation.columns.iter().any(|column| column.about.is_some());
        if relation.kind == RelationKind::View && !daily && !some {
            continue;
        }
        explained.insert(relation.name.as_str());
        for column in &relation.columns {
            let said = column.about.as_deref().unwrap_or_default();
            if said.len() < 10 || !said.ends_with(['.', '?']) {
                wrong.push(format!("{}.{}: {said}", relation.name, column.name));
            }
        }
    }
    assert!(wrong.is_empty(), "not explained:\n{}", wrong.join("\n"));
    let wanted = DAILY.into_iter().chain(TABLES.iter().map(|table| table.name));
    for name in wanted.chain([
        "use_cases",
        "gpu_nodes",
        "budgets",
        "charge_rules",
        "request_names",
    ]) {
        assert!(explained.contains(name), "{name}");
    }
}

#[tokio::test]
async fn units_stand_beside_amounts_and_kinds_beside_names() {
    let engine = engine().await;
    let focus = engine.relation("focus").await.unwrap().unwrap();
    assert_eq!(focus.kind, RelationKind::View);
    assert!(focus.about.contains("FOCUS"), "{}", focus.about);
    let column = |name: &str| focus.columns.iter().find(|c| c.name == name).unwrap();
    assert_eq!(column("BilledCost").unit.as_deref(), Some("BillingCurrency"));
    assert_eq!(column("BilledCost").data_type, "decimal(38, 18)");
    assert_eq!(column("Tags").data_type, "map(text, text)");
    // Explained where the canonical column is.
    assert_eq!(column("SkuId").about.as_deref(), Some("FOCUS SkuId."));
    let charges = engine.relation("charges").await.unwrap().unwrap();
    assert_eq!(charges.kind, RelationKind::Table);
    assert_eq!(charges.about, "One line of a bill.");
    assert!(engine.relation("nothing").await.unwrap().is_none());
    let names = engine.relation_names().unwrap();
    assert!(names.contains(&"focus".to_owned()) && names.contains(&"charges".to_owned()));
}

#[tokio::test]
async fn the_catalogue_is_asked_in_sql() {
    let engine = engine().await;
    for (sql, rows) in [
        (
            "SELECT 1 FROM catalogue_tables WHERE table_name = 'costs' AND kind = 'view'",
            1,
        ),
        (
            "SELECT about FROM catalogue_columns WHERE table_name = 'charges' AND column_name = 'billed_cost' \
             AND unit = 'billing_currency' AND about LIKE '%invoice%'",
            1,
        ),
        (
            "SELECT 1 FROM catalogue_functions WHERE function_name = 'ratio' AND ours AND example IS NOT NULL",
            1,
        ),
        (
            "SELECT 1 FROM catalogue_functions WHERE function_name = 'date_trunc' AND NOT ours",
            1,
        ),
        // The two catalogues speak of the same columns.
        (
            "SELECT c.table_name FROM information_schema.columns c LEFT JOIN catalogue_columns m \
             ON m.table_name = c.table_name AND m.column_name = c.column_name \
             WHERE c.table_schema = 'public' AND m.column_name IS NULL",
            0,
        ),
    ] {
        let found = engine.user_query(sql).await.unwrap();
        assert_eq!(found.iter().map(|b| b.num_rows()).sum::<usize>(), rows, "{sql}");
    }
}
