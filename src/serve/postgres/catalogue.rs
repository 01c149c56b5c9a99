//! The system catalogue that tools look at before anything else: `pg_catalog` is the library's; our
//! functions, and what tables, columns and functions mean, are put into it here.

use super::startup::VERSION;
use crate::base::{Error, Result};
use crate::engine::{Engine, FunctionInfo, FunctionKind};
use crate::frame::Frame;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProviderList, MemTable, SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::{
    PgCatalogSchemaProvider, PgCatalogStaticTables, setup_pg_catalog,
};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, OnceLock};

const CATALOG: &str = "spendscope";
const SCHEMA: &str = "pg_catalog";
/// Object identifiers of our functions begin here; those of relations begin at 16384.
const FIRST_FUNCTION: i64 = 1_000_000;
/// The identifiers of the catalogue's own tables, by which descriptions say what they describe.
const PG_CLASS: i64 = 1259;
const PG_PROC: i64 = 1255;

type Texts = HashMap<(i64, i64), String>;

/// What things mean, by their identifier and the number of a column; worked out when somebody asks.
type Meanings = Arc<OnceLock<Texts>>;

/// Puts the system catalogue into a session.
pub(in crate::serve) async fn dress(engine: &Engine) -> Result<()> {
    let ours: Vec<FunctionInfo> = engine.functions().into_iter().filter(|f| f.ours).collect();
    let session = engine.session();
    setup_pg_catalog(session, CATALOG, EmptyContextProvider).map_err(|e| Error::from(*e))?;
    for (name, value) in answers() {
        session.register_udf(ScalarUDF::from(Answer::new(name, value)));
    }
    let meanings = Meanings::default();
    for name in ["obj_description", "col_description"] {
        session.register_udf(ScalarUDF::from(Lookup::new(name, Arc::clone(&meanings))));
    }
    for (name, text) in [
        (
            "pg_get_function_arguments",
            arguments as fn(&FunctionInfo) -> String,
        ),
        ("pg_get_function_identity_arguments", arguments),
        ("pg_get_function_result", result),
    ] {
        let texts: Texts = ours
            .iter()
            .zip(FIRST_FUNCTION..)
            .map(|(f, oid)| ((oid, 0), text(f)))
            .collect();
        let known = Meanings::default();
        let _ = known.set(texts);
        session.register_udf(ScalarUDF::from(Lookup::new(name, known)));
    }
    let catalogue = Arc::new(Catalogue {
        library: library(session.state().catalog_list())?,
        functions: OnceLock::new(),
        meanings,
    });
    let database = session
        .catalog(CATALOG)
        .ok_or_else(|| Error::internal("the session has no catalogue"))?;
    database.register_schema(SCHEMA, Arc::<Catalogue>::clone(&catalogue))?;
    let functions = with_ours(engine, &ours).await?;
    let _ = catalogue.functions.set(functions);
    Ok(())
}

/// Does a statement ask what things mean? Then they have to be worked out before it is planned.
pub(super) async fn explain(engine: &Engine, statement: &str) -> Result<()> {
    if !statement.contains("_description") {
        return Ok(());
    }
    let session = engine.session();
    let schema = session
        .catalog(CATALOG)
        .and_then(|catalog| catalog.schema(SCHEMA));
    let Some(schema) = schema else { return Ok(()) };
    let any: &dyn std::any::Any = schema.as_ref();
    let Some(catalogue) = any.downcast_ref::<Catalogue>() else {
        return Ok(());
    };
    if catalogue.meanings.get().is_some() {
        return Ok(());
    }
    let _ = catalogue.meanings.set(meanings(engine).await?);
    Ok(())
}

async fn meanings(engine: &Engine) -> Result<Texts> {
    let named = "SELECT CAST(c.oid AS BIGINT) AS oid, c.relname FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'";
    let rows = Frame::guess(engine.query(named, &[]).await?);
    let mut texts = Texts::new();
    let mut oids = HashMap::new();
    for row in 0..rows.rows() {
        if let Some(name) = rows.text("relname", row)? {
            let oids_of = rows.batch.column(0).as_primitive::<Int64Type>();
            oids.insert(name, oids_of.value(row));
        }
    }
    for relation in engine.relations().await? {
        let Some(oid) = oids.get(&relation.name).copied() else {
            continue;
        };
        if !relation.about.is_empty() {
            texts.insert((oid, 0), relation.about);
        }
        for (column, number) in relation.columns.into_iter().zip(1..) {
            let unit = column.unit.map(|unit| format!(" [{unit}]")).unwrap_or_default();
            if let Some(about) = column.about {
                texts.insert((oid, number), format!("{about}{unit}"));
            }
        }
    }
    for (function, oid) in engine
        .functions()
        .into_iter()
        .filter(|f| f.ours)
        .zip(FIRST_FUNCTION..)
    {
        texts.insert((oid, 0), function.about);
    }
    Ok(texts)
}

type Library = PgCatalogSchemaProvider<Names, EmptyContextProvider>;

/// The library's catalogue, over names in a fixed order: an identifier stays what it is from one state of the
/// lake to the next.
fn library(catalogs: &Arc<dyn CatalogProviderList>) -> Result<Library> {
    static TABLES: LazyLock<Option<Arc<PgCatalogStaticTables>>> =
        LazyLock::new(|| PgCatalogStaticTables::try_new().ok().map(Arc::new));
    let tables = TABLES
        .clone()
        .ok_or_else(|| Error::internal("the library's catalogue cannot be read"))?;
    Ok(Library::try_new(
        Names(Arc::clone(catalogs)),
        tables,
        EmptyContextProvider,
    )?)
}

#[derive(Debug, Clone)]
struct Names(Arc<dyn CatalogProviderList>);

#[async_trait]
impl CatalogInfo for Names {
    async fn catalog_names(&self) -> PlanResult<Vec<String>> {
        Ok(vec![CATALOG.to_owned()])
    }

    async fn schema_names(&self, catalog: &str) -> PlanResult<Option<Vec<String>>> {
        Ok(self
            .0
            .catalog(catalog)
            .map(|catalog| sorted(catalog.schema_names())))
    }

    async fn table_names(&self, catalog: &str, schema: &str) -> PlanResult<Option<Vec<String>>> {
        let schema = self.0.catalog(catalog).and_then(|catalog| catalog.schema(schema));
        Ok(schema.map(|schema| sorted(schema.table_names())))
    }

    async fn table_schema(
        &self,
        catalog: &str,
        schema: &str,
        table: &str,
    ) -> PlanResult<Option<Arc<Schema>>> {
        self.0.table_schema(catalog, schema, table).await
    }

    async fn table_type(&self, catalog: &str, schema: &str, table: &str) -> PlanResult<Option<TableType>> {
        self.0.table_type(catalog, schema, table).await
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

#[derive(Debug)]
struct Catalogue {
    library: Library,
    /// `pg_proc` with our functions; absent while it is made.
    functions: OnceLock<Arc<dyn TableProvider>>,
    meanings: Meanings,
}

#[async_trait]
impl SchemaProvider for Catalogue {
    fn table_names(&self) -> Vec<String> {
        self.library.table_names()
    }

    async fn table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        match (name, self.functions.get(), self.meanings.get()) {
            ("pg_proc", Some(functions), _) => Ok(Some(Arc::clone(functions))),
            ("pg_description", _, Some(meanings)) => Ok(Some(descriptions(meanings)?)),
            _ => self.library.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.library.table_exist(name)
    }
}

/// `pg_description`.
fn descriptions(meanings: &Texts) -> PlanResult<Arc<dyn TableProvider>> {
    let mut rows: Vec<(&(i64, i64), &String)> = meanings.iter().collect();
    rows.sort_unstable();
    let whole = |value: &dyn Fn(&(i64, i64)) -> i64| -> PlanResult<ArrayRef> {
        let values: Int64Array = rows.iter().map(|(key, _)| Some(value(key))).collect();
        Ok(cast(&values, &DataType::Int32)?)
    };
    let class = |oid: i64| if oid >= FIRST_FUNCTION { PG_PROC } else { PG_CLASS };
    let texts: StringArray = rows.iter().map(|(_, text)| Some(text.as_str())).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("objoid", whole(&|key| key.0)?),
        ("classoid", whole(&|key| class(key.0))?),
        ("objsubid", whole(&|key| key.1)?),
        ("description", Arc::new(texts)),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

/// `pg_proc` of the library, and a row for each of our functions in the schema `public`.
async fn with_ours(engine: &Engine, ours: &[FunctionInfo]) -> Result<Arc<dyn TableProvider>> {
    let theirs = engine.query("SELECT * FROM pg_catalog.pg_proc", &[]).await?;
    let home = "SELECT CAST(oid AS BIGINT) AS oid FROM pg_catalog.pg_namespace WHERE nspname = 'public'";
    let home = engine.query(home, &[]).await?;
    let home = match home.num_rows() {
        0 => return Err(Error::internal("there is no schema public")),
        _ => home.column(0).as_primitive::<Int64Type>().value(0),
    };
    let nullable = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
    let schema = Arc::new(Schema::new(
        theirs.schema().fields().iter().map(nullable).collect::<Vec<_>>(),
    ));
    let whole = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let columns = schema.fields().iter().map(|field| {
        let values: ArrayRef = match field.name().as_str() {
            "oid" => whole((FIRST_FUNCTION..).take(ours.len()).collect()),
            "proname" => Arc::new(
                ours.iter()
                    .map(|f| Some(f.name.as_str()))
                    .collect::<StringArray>(),
            ),
            "pronamespace" => whole(vec![home; ours.len()]),
            "prokind" => Arc::new(ours.iter().map(|f| Some(kind(f.kind))).collect::<StringArray>()),
            "provolatile" => Arc::new(StringArray::from(vec!["s"; ours.len()])),
            _ if field.data_type().is_integer() => whole(vec![0; ours.len()]),
            _ if *field.data_type() == DataType::Boolean => {
                Arc::new(BooleanArray::from(vec![false; ours.len()]))
            }
            _ => new_null_array(field.data_type(), ours.len()),
        };
        // A namespace is shown by its name where the library keeps it as one.
        cast(&values, field.data_type()).or_else(|_| Ok(new_null_array(field.data_type(), ours.len())))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let added = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let theirs = RecordBatch::try_new(Arc::clone(&schema), theirs.columns().to_vec())?;
    let all = concat_batches(&schema, [&theirs, &added])?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![all]])?))
}

fn kind(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Scalar | FunctionKind::Table => "f",
        FunctionKind::Aggregate => "a",
        FunctionKind::Window => "w",
    }
}

/// What stands between the brackets of a signature.
fn arguments(function: &FunctionInfo) -> String {
    let inside = function.signature.split_once('(').map(|(_, rest)| rest);
    let inside = inside
        .and_then(|rest| rest.rsplit_once(')'))
        .map(|(inside, _)| inside);
    inside.unwrap_or_default().to_owned()
}

/// What stands behind them.
fn result(function: &FunctionInfo) -> String {
    let behind = function
        .signature
        .rsplit_once(')')
        .map_or("", |(_, behind)| behind);
    match behind.trim_start_matches([' ', '-', '>', '→', ':']).trim() {
        "" if function.kind == FunctionKind::Table => "setof record".to_owned(),
        "" => "any".to_owned(),
        behind => behind.to_owned(),
    }
}

/// Functions that tools call and that have one answer here, whatever they are asked of.
fn answers() -> Vec<(&'static str, ScalarValue)> {
    let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
    let nothing = ScalarValue::Utf8(None);
    let yes = ScalarValue::Boolean(Some(true));
    let no = ScalarValue::Boolean(Some(false));
    vec![
        ("version", text(&format!("PostgreSQL {VERSION}"))),
        ("shobj_description", nothing.clone()),
        ("pg_get_viewdef", nothing.clone()),
        ("pg_get_indexdef", nothing.clone()),
        ("pg_get_ruledef", nothing.clone()),
        ("pg_get_triggerdef", nothing.clone()),
        ("pg_get_functiondef", nothing.clone()),
        ("pg_get_serial_sequence", nothing.clone()),
        ("pg_get_statisticsobjdef", nothing.clone()),
        ("pg_tablespace_location", nothing.clone()),
        ("inet_server_addr", nothing.clone()),
        ("pg_get_function_sqlbody", nothing.clone()),
        ("pg_size_pretty", nothing),
        ("pg_function_is_visible", yes.clone()),
        ("pg_type_is_visible", yes.clone()),
        ("pg_advisory_unlock_all", ScalarValue::Null),
        ("has_column_privilege", yes.clone()),
        ("has_function_privilege", yes.clone()),
        ("has_sequence_privilege", yes),
        ("pg_is_in_recovery", no.clone()),
        ("pg_is_other_temp_schema", no.clone()),
        ("pg_is_wal_replay_paused", no),
        // No type of these names is known, and no size.
        ("to_regtype", ScalarValue::Int32(None)),
        ("pg_table_size", ScalarValue::Int64(None)),
        ("pg_indexes_size", ScalarValue::Int64(None)),
        ("pg_database_size", ScalarValue::Int64(None)),
        ("pg_my_temp_schema", ScalarValue::Int32(Some(0))),
        ("txid_current", ScalarValue::Int64(Some(1))),
    ]
}

/// One answer to whatever is asked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Answer {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl Answer {
    fn new(name: &'static str, value: ScalarValue) -> Answer {
        Answer {
            name,
            value,
            signature: anything(),
        }
    }
}

fn anything() -> Signature {
    Signature::one_of(
        vec![TypeSignature::Nullary, TypeSignature::VariadicAny],
        Volatility::Stable,
    )
}

impl ScalarUDFImpl for Answer {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(self.value.data_type())
    }
    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// A text by identifier, and by the number of a column where there is one.
#[derive(Debug)]
struct Lookup {
    name: &'static str,
    texts: Meanings,
    signature: Signature,
}

impl Lookup {
    fn new(name: &'static str, texts: Meanings) -> Lookup {
        Lookup {
            name,
            texts,
            signature: anything(),
        }
    }
}

impl PartialEq for Lookup {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.texts, &other.texts)
    }
}

impl Eq for Lookup {}

impl Hash for Lookup {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Lookup {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> PlanResult<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> PlanResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let whole = |place: usize| -> PlanResult<Option<ArrayRef>> {
            match arrays.get(place) {
                Some(array) if array.data_type().is_integer() => Ok(Some(cast(array, &DataType::Int64)?)),
                _ => Ok(None),
            }
        };
        let Some(oids) = whole(0)? else {
            return Err(DataFusionError::Plan(format!(
                "{} takes the identifier of an object",
                self.name
            )));
        };
        let numbers = whole(1)?;
        let texts = self.texts.get();
        let found = (0..oids.len()).map(|row| {
            let oid = oids
                .is_valid(row)
                .then(|| oids.as_primitive::<Int64Type>().value(row))?;
            let number = match &numbers {
                Some(numbers) if numbers.is_valid(row) => numbers.as_primitive::<Int64Type>().value(row),
                _ => 0,
            };
            texts?.get(&(oid, number)).cloned()
        });
        Ok(ColumnarValue::Array(Arc::new(found.collect::<StringArray>())))
    }
}
