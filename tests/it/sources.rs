//! Built-in formats on our own fixtures, and on real files where `../shared` is at hand.

use crate::support::assets;
use crate::support::shared;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use spendscope::base::Result;
use spendscope::base::hash::content_hash;
use spendscope::base::money::{self, Exact};
use spendscope::base::time::parse_instant;
use spendscope::source::{Bytes, Catalog, DecodeContext, DecodeReport, Mapping, decode};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn catalog() -> Catalog {
    let assets = assets();
    Catalog::new(
        assets
            .under("sources/")
            .map(|a| (a.name().to_owned(), a.text.to_string())),
    )
    .unwrap()
}

pub(crate) struct Decoded {
    pub(crate) format: String,
    pub(crate) report: DecodeReport,
    pub(crate) batch: RecordBatch,
}

impl Decoded {
    pub(crate) fn texts(&self, column: &str) -> Vec<String> {
        let array = self
            .batch
            .column_by_name(column)
            .unwrap_or_else(|| panic!("no column {column}"));
        (0..array.len())
            .map(|row| arrow::util::display::array_value_to_string(array, row).unwrap())
            .collect()
    }

    pub(crate) fn sum(&self, column: &str) -> (String, usize) {
        let array = self
            .batch
            .column_by_name(column)
            .unwrap()
            .as_primitive::<Decimal128Type>();
        (
            money::format_short(array.iter().flatten().sum()),
            array.null_count(),
        )
    }
}

pub(crate) fn decode_as(format: Option<&str>, name: &str, bytes: &[u8]) -> Result<Decoded> {
    decode_in(&catalog(), format, name, bytes)
}

pub(crate) fn decode_in(
    catalog: &Catalog,
    format: Option<&str>,
    name: &str,
    bytes: &[u8],
) -> Result<Decoded> {
    let mapping = match format {
        Some(id) => catalog.get(id).unwrap().clone(),
        None => catalog.detect(name, bytes)?,
    };
    decode_with(&mapping, name, bytes)
}

fn decode_with(mapping: &Mapping, name: &str, bytes: &[u8]) -> Result<Decoded> {
    let ctx = DecodeContext {
        source: "test".to_owned(),
        file_hash: content_hash(bytes),
        file_name: name.to_owned(),
        observed_at: parse_instant("2026-09-14T10:00:00Z"),
        valid_from: None,
        zone: None,
        users: None,
    };
    let mut batches = Vec::new();
    // Streams and random access must say the same; Parquet needs the latter.
    let input = if bytes.starts_with(b"PAR1") {
        Bytes::Random(bytes::Bytes::copy_from_slice(bytes))
    } else {
        Bytes::Stream(Box::new(std::io::Cursor::new(bytes.to_vec())))
    };
    let report = decode(mapping, input, &ctx, &mut |batch| {
        assert_eq!(batch.schema(), mapping.table.arrow());
        batches.push(batch);
        Ok(())
    })?;
    let batch = arrow::compute::concat_batches(&mapping.table.arrow(), &batches).unwrap();
    assert_eq!(report.rows_out, batch.num_rows() as u64);
    for total in &report.totals {
        assert!(total.nulls <= total.rows && total.rows <= report.rows_out);
    }
    Ok(Decoded {
        format: mapping.id.clone(),
        report,
        batch,
    })
}

pub(crate) fn decode_file(path: &Path) -> Result<Decoded> {
    decode_as(
        None,
        &path.file_name().unwrap().to_string_lossy(),
        &std::fs::read(path).unwrap(),
    )
}

/// Reads a CSV of expected answers as rows of name → text.
fn answers(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path)
        .unwrap()
        .deserialize()
        .map(|row| row.unwrap())
        .collect()
}

// ── our own fixtures ─────────────────────────────────────────────────────────────────────

/// `tests/fixtures/<format>/<why>.in.*` with `<why>.expected.jsonl`: one line a row of the table (NULL
/// columns and those that say where the row came from left out), then one line a refused value.
#[test]
fn fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let catalog = catalog();
    let mut tried = 0;
    let mut without = Vec::new();
    for mapping in catalog.iter() {
        let dir = root.join(&mapping.id);
        let mut found = 0;
        for entry in std::fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some((why, _)) = name.split_once(".in.") else {
                continue;
            };
            let decoded = decode_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert_eq!(
                decoded.format,
                mapping.id,
                "{} is taken for another format",
                path.display()
            );
            let actual = lines(&decoded);
            let expected = dir.join(format!("{why}.expected.jsonl"));
            if std::env::var_os("SPENDSCOPE_BLESS").is_some() {
                std::fs::write(&expected, &actual).unwrap();
            }
            assert_eq!(
                actual,
                std::fs::read_to_string(&expected).unwrap_or_default(),
                "{}",
                path.display()
            );
            found += 1;
        }
        if found == 0 {
            without.push(mapping.id.clone());
        }
        tried += found;
    }
    assert!(without.is_empty(), "formats without fixtures: {without:?}");
    assert!(tried >= 10);
}

/// `tests/fixtures/<format>/<why>.in.*` with `<why>.expected.txt`: what is said to a file that is known and
/// holds no facts of ours.
#[test]
fn known_formats_without_facts_are_refused_with_the_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut tried = 0;
    for id in catalog().refused() {
        for entry in std::fs::read_dir(root.join(id)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some((why, _)) = name.split_once(".in.") else {
                continue;
            };
            let error = decode_file(&path).err().unwrap();
            let actual = format!("{error}\n{}\n", error.advice().unwrap());
            let expected = path.with_file_name(format!("{why}.expected.txt"));
            if std::env::var_os("SPENDSCOPE_BLESS").is_some() {
                std::fs::write(&expected, &actual).unwrap();
            }
            assert_eq!(
                actual,
                std::fs::read_to_string(&expected).unwrap_or_default(),
                "{name}"
            );
            tried += 1;
        }
    }
    assert!(tried >= 3);
}

fn lines(decoded: &Decoded) -> String {
    let hidden = ["source", "file_hash", "delivery_id", "charge_id"];
    let keep: Vec<usize> = (0..decoded.batch.num_columns())
        .filter(|at| !hidden.contains(&decoded.batch.schema().field(*at).name().as_str()))
        .collect();
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    writer.write(&decoded.batch.project(&keep).unwrap()).unwrap();
    writer.finish().unwrap();
    let mut text = String::from_utf8(writer.into_inner()).unwrap();
    for reject in &decoded.report.rejects {
        let line = serde_json::json!({
            "rejected": reject.line, "column": reject.column, "value": reject.value, "reason": reject.reason,
        });
        text.push_str(&format!("{line}\n"));
    }
    for note in &decoded.report.notes {
        text.push_str(&format!("{}\n", serde_json::json!({ "note": note })));
    }
    text
}

#[test]
fn an_unknown_file_is_told_what_is_nearest() {
    let error = decode_as(None, "x.csv", b"BilledCost,ChargePeriodStart,Foo\n1,2,3\n")
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("focus (csv) lacks ChargePeriodEnd"),
        "{error}"
    );
    assert!(error.advice().unwrap().contains("--mapping"));
    for (bytes, words) in [
        (&b""[..], "it is empty"),
        (&b"x_foo\nbar"[..], "none of its columns"),
        (&b"\x7fELF\x00\x01\x02"[..], "neither CSV nor JSON"),
    ] {
        let error = decode_as(None, "x", bytes).err().unwrap();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_scrape_without_a_moment_asks_for_one() {
    let catalog = catalog();
    let text = b"DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-1\"} 5\n".to_vec();
    let mapping = catalog.detect("scrape", &text).unwrap();
    let input = Bytes::Stream(Box::new(std::io::Cursor::new(text)));
    let error = decode(&mapping, input, &DecodeContext::default(), &mut |_| Ok(()))
        .err()
        .unwrap();
    assert!(error.advice().unwrap().contains("--at 2026"), "{error}");
}

#[test]
fn more_rows_than_a_batch_holds() {
    let mut text = String::from("task_id,success,recorded_at\n");
    for row in 0..20_000 {
        text.push_str(&format!("t{row},{},2026-09-14T00:00:00Z\n", row % 7 != 0));
    }
    text.push_str("bad,perhaps,2026-09-14\n");
    let decoded = decode_as(None, "outcomes.csv", text.as_bytes()).unwrap();
    assert_eq!(
        (decoded.report.rows_in, decoded.report.rows_out),
        (20_001, 20_000)
    );
    assert_eq!(decoded.report.rejects[0].line, 20_002);
}

/// Whatever is cut off, wherever: an answer or an error, never a panic, and no row that was not there.
#[test]
fn files_that_end_too_early() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for format in catalog().iter() {
        for entry in std::fs::read_dir(root.join(&format.id)).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().contains(".in.") {
                continue;
            }
            let whole = std::fs::read(&path).unwrap();
            let rows = decode_with(format, "whole", &whole).unwrap().report.rows_out;
            let step = (whole.len() / 150).max(1);
            for end in (0..whole.len()).step_by(step) {
                if let Ok(decoded) = decode_with(format, "cut", &whole[..end]) {
                    assert!(decoded.report.rows_out <= rows, "{} cut at {end}", path.display());
                }
                // One byte of rubbish in the middle.
                let mut spoilt = whole.clone();
                spoilt[end] = 0xFF;
                let _ = decode_with(format, "spoilt", &spoilt);
            }
        }
    }
}

/// FOCUS as AWS and Azure export it: Parquet with doubles, decimals, millisecond stamps and maps.
#[test]
fn focus_as_parquet() {
    use arrow::array::*;
    use arrow::datatypes::{Field, Schema};
    let stamps = |hours: [i64; 2]| {
        let values = hours.map(|h| 1_789_344_000_000 + h * 3_600_000).to_vec();
        std::sync::Arc::new(TimestampMillisecondArray::from(values)) as ArrayRef
    };
    let text =
        |a: &str, b: Option<&str>| std::sync::Arc::new(StringArray::from(vec![Some(a), b])) as ArrayRef;
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    tags.keys().append_value("team");
    tags.values().append_value("cx");
    tags.append(true).unwrap();
    tags.append(false).unwrap();
    let decimal = Decimal128Array::from(vec![Some(1_234_567_890_123), None])
        .with_precision_and_scale(38, 12)
        .unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("ServiceProviderName", text("AWS", None)),
        ("ProviderName", text("old", Some("Azure"))),
        ("BillingPeriodStart", stamps([0, 0])),
        ("BillingPeriodEnd", stamps([720, 720])),
        ("ChargePeriodStart", stamps([1, 2])),
        ("ChargePeriodEnd", stamps([2, 3])),
        ("ChargeCategory", text("Usage", Some("tax"))),
        (
            "BilledCost",
            std::sync::Arc::new(Float64Array::from(vec![0.1, 9.984e-7])),
        ),
        ("EffectiveCost", std::sync::Arc::new(decimal)),
        ("BillingCurrency", text("USD", Some("EUR"))),
        ("Tags", std::sync::Arc::new(tags.finish())),
        (
            "x_Discount",
            std::sync::Arc::new(Int32Array::from(vec![None, Some(7)])),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(n, c)| Field::new(*n, c.data_type().clone(), true))
        .collect();
    let schema = std::sync::Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, c)| c).collect()).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let decoded = decode_as(None, "focus.parquet", &bytes).unwrap();
    assert_eq!(
        (decoded.format.as_str(), decoded.report.rejects.as_slice()),
        ("focus", &[][..])
    );
    assert_eq!(decoded.texts("provider"), ["AWS", "Azure"]);
    assert_eq!(
        decoded.texts("billed_cost"),
        ["0.100000000000000000", "0.000000998400000000"]
    );
    assert_eq!(decoded.texts("effective_cost"), ["1.234567890123000000", ""]);
    assert_eq!(
        decoded.texts("charge_period_start"),
        ["2026-09-14T01:00:00Z", "2026-09-14T02:00:00Z"]
    );
    assert_eq!(decoded.texts("charge_category"), ["Usage", "Tax"]);
    assert_eq!(decoded.texts("tags"), ["{team: cx}", ""]);
    assert_eq!(decoded.texts("extra"), ["", "{x_Discount: 7}"]);
    let (id, hash) = (decoded.texts("charge_id"), decoded.texts("file_hash"));
    assert_eq!(id[1], format!("{}:2", &hash[1][..12]));
    assert!(
        decode_as(None, "cut.parquet", &bytes[..200])
            .err()
            .unwrap()
            .to_string()
            .contains("Parquet")
    );
}

// ── real files ───────────────────────────────────────────────────────────────────────────

#[test]
fn focus_sample_adds_up_to_its_published_totals() {
    let Some(path) = shared("data/focus/official-1.0/focus_sample.csv") else {
        return;
    };
    let decoded = decode_file(&path).unwrap();
    assert_eq!(decoded.format, "focus");
    assert_eq!(decoded.report.rejects, []);
    assert_eq!(decoded.report.rows_out, 1000);
    assert_eq!(decoded.sum("billed_cost"), ("20.52022672899".to_owned(), 0));
    assert_eq!(decoded.sum("effective_cost"), ("14.97651418586".to_owned(), 0));
    assert_eq!(decoded.sum("list_cost"), ("20.39090575119".to_owned(), 0));
    assert_eq!(decoded.sum("contracted_cost"), ("14.97626039326".to_owned(), 7));
    let billed = decoded
        .batch
        .column_by_name("billed_cost")
        .unwrap()
        .as_primitive::<Decimal128Type>();
    let by = |column: &str| {
        let mut sums: BTreeMap<String, i128> = BTreeMap::new();
        for (key, amount) in decoded.texts(column).into_iter().zip(billed.iter().flatten()) {
            *sums.entry(key).or_default() += amount;
        }
        sums.into_iter()
            .map(|(k, v)| (k, money::format_short(v)))
            .collect::<Vec<_>>()
    };
    let pairs = |p: &[(&str, &str)]| {
        p.iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<Vec<_>>()
    };
    let providers = pairs(&[
        ("AWS", "18.0066386184"),
        ("Microsoft", "1.97651418586"),
        ("Oracle", "0.53707392473"),
    ]);
    assert_eq!(by("provider"), providers);
    let categories = pairs(&[
        ("Adjustment", "0.272"),
        ("Credit", "-2.6137"),
        ("Usage", "22.86192672899"),
    ]);
    assert_eq!(by("charge_category"), categories);
    let frequencies = by("charge_frequency");
    assert!(
        frequencies.iter().all(|(f, _)| f != "Usage-based"),
        "{frequencies:?}"
    );
    assert!(
        decoded.texts("extra").iter().all(|e| e.contains("Id: ")),
        "the unknown column Id is kept"
    );
    let dev = decoded
        .texts("tags")
        .iter()
        .filter(|t| t.contains("environment: dev"))
        .count();
    assert!(dev > 0);
    let total = &decoded.report.totals[0];
    assert_eq!((total.currency.as_str(), total.rows), ("USD", 1000));
}

/// Totals of `data/totals.md`, and of files that it does not list by another program.
#[test]
fn real_bills_add_up_to_their_totals() {
    let Some(root) = shared("data/bills") else { return };
    for (file, format, rows, column, total, rounded) in [
        (
            "azure/EA_ActualCost_Small.csv",
            "azure_cost",
            11,
            "billed_cost",
            "8.5450077867419368",
            false,
        ),
        (
            "azure/EA_AmortizedCost_Small.csv",
            "azure_cost",
            28,
            "effective_cost",
            "16.296932136636644627485419",
            true,
        ),
        (
            "oci/cost_report_first59.csv",
            "oci_cost",
            59,
            "billed_cost",
            "0.286778914082113023",
            false,
        ),
        (
            "anthropic/cost_report.json",
            "anthropic_costs",
            1,
            "billed_cost",
            "2.8",
            false,
        ),
        (
            "gcp/bq_export_row_nested_credits_inr.json",
            "gcp_billing",
            1,
            "billed_cost",
            "85",
            false,
        ),
        (
            "aws-cur/sample-anonymous-aws-export-dataset.csv",
            "aws_cur",
            1281,
            "billed_cost",
            "1.6823086974",
            false,
        ),
        (
            "aws-cur/sample-anonymous-aws-export-dataset.csv",
            "aws_cur",
            1281,
            "list_cost",
            "3.3561726949",
            false,
        ),
    ] {
        let decoded = decode_file(&root.join(file)).unwrap();
        assert_eq!(
            (decoded.format.as_str(), decoded.report.rows_out),
            (format, rows),
            "{file}"
        );
        assert_eq!(decoded.report.rejects, [], "{file}");
        let totals: Vec<_> = decoded
            .report
            .totals
            .iter()
            .filter(|t| t.column == column)
            .collect();
        assert_eq!(totals.len(), 1, "{file}: one currency");
        assert_eq!(
            totals[0].source_total,
            Exact::parse(total).unwrap(),
            "{file} {column}"
        );
        let rest = totals[0].source_total - totals[0].stored_total;
        println!("{file}: {column} {total}, rounding {rest}");
        assert_eq!(!rest.is_zero(), rounded, "{file} {column}: {rest}");
    }
    // Its last line is one field short.
    let decoded = decode_file(&root.join("openai/dashboard_cost_export.csv")).unwrap();
    assert_eq!((decoded.report.rows_out, decoded.report.rejects.len()), (1, 1));
    assert_eq!(decoded.sum("billed_cost").0, "0.00383598");
    let decoded = decode_file(&root.join("azure/EA_NoRows.csv")).unwrap();
    assert_eq!((decoded.report.rows_in, decoded.report.rows_out), (0, 0));
}

#[test]
fn every_real_focus_file_is_read_or_explained() {
    let Some(root) = shared("data/focus") else { return };
    for dir in ["spec-examples-1.2", "generated"] {
        for entry in std::fs::read_dir(root.join(dir)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.extension().is_none_or(|e| e != "csv") {
                continue;
            }
            let lines = csv::ReaderBuilder::new()
                .flexible(true)
                .from_path(&path)
                .unwrap()
                .into_records()
                .count();
            match decode_file(&path) {
                Ok(decoded) => {
                    assert_eq!(decoded.format, "focus", "{name}");
                    assert_eq!(decoded.report.rows_in, lines as u64, "{name}");
                    let complete = name.contains("cost_and_usage")
                        || name.contains("saas_")
                        || name.contains("virtual_");
                    if complete {
                        assert_eq!(decoded.report.rejects, [], "{name}");
                    } else {
                        assert!(!decoded.report.rejects.is_empty(), "{name}");
                    }
                }
                Err(error) => {
                    let other = match name.contains("contract_commitment") {
                        true => "the terms of contracts",
                        false => "lacks",
                    };
                    let known = name.contains("contract_commitment") || name.starts_with("scenarios_");
                    assert!(known && error.to_string().contains(other), "{name}: {error}");
                }
            }
        }
    }
    let decoded = decode_file(&root.join("spec-examples-1.2/virtual_currency_pricing_model_a1.csv")).unwrap();
    assert_eq!(decoded.texts("charge_period_end"), ["2026-04-01T00:00:00Z"]);
    assert_eq!(decoded.sum("billed_cost").0, "200000");
}

#[test]
fn real_dcgm_texts_lose_nothing() {
    let Some(root) = shared("data/gpu/dcgm-metrics") else {
        return;
    };
    let decoded = decode_file(&root.join("datadog_t4_metrics.prom")).unwrap();
    assert_eq!(
        (decoded.format.as_str(), decoded.report.rows_out),
        ("dcgm_text", 2)
    );
    assert_eq!(
        decoded.texts("power_w"),
        ["8.969", ""],
        "the second device has only limits"
    );
    assert_eq!(decoded.texts("energy_mj"), ["128996013.0", ""]);
    assert!(
        decoded.report.notes[0].contains("DCGM_FI_DEV_SM_CLOCK (1)"),
        "{:?}",
        decoded.report.notes
    );

    let decoded = decode_file(&root.join("nvidia_docs_a100_mig.prom")).unwrap();
    assert_eq!(decoded.texts("mig_instance"), ["", "13"]);
    assert_eq!(decoded.texts("gr_engine_active"), ["0.99563", "0.995687"]);
    assert_eq!(decoded.texts("mig_profile"), ["", "1g.5gb"]);

    let decoded = decode_file(&root.join("datadog_label_remap.prom")).unwrap();
    assert_eq!(
        (decoded.texts("owner"), decoded.texts("namespace")),
        (vec!["bar".into()], vec!["foo".into()])
    );

    let decoded = decode_file(&root.join("nvidia_readme_blank_sentinel.prom")).unwrap();
    assert_eq!(
        (decoded.report.rows_out, decoded.report.rejects.len()),
        (1, 0),
        "a device without any reading"
    );
    assert_eq!(decoded.texts("gpu_util"), [""]);
}

#[test]
fn real_prometheus_answers() {
    let Some(root) = shared("data/gpu/prometheus") else {
        return;
    };
    let decoded = decode_file(&root.join("query_range_dcgm_gpu_util.json")).unwrap();
    assert_eq!(decoded.format, "prometheus");
    assert_eq!(
        decoded.texts("gpu_uuid"),
        ["GPU-NEW", "GPU-NEW", "GPU-OLD", "GPU-OLD"],
        "two jobs, one device"
    );
    assert_eq!(decoded.texts("gpu_util"), ["0.0", "20.0", "0.0", "10.0"]);
    assert!(
        decoded.texts("owner").iter().all(String::is_empty),
        "job is no owner"
    );

    let decoded = decode_file(&root.join("query_vector_two_gpus.json")).unwrap();
    assert_eq!(
        (decoded.report.rows_in, decoded.report.rows_out),
        (2, 0),
        "no UUID, no device"
    );
    assert!(decoded.report.rejects[0].reason.contains("UUID"));

    let error = decode_file(&root.join("query_range_upstream_docs.json"))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("prometheus (prometheus_json) lacks DCGM_FI_*"),
        "{error}"
    );
}

#[test]
fn real_litellm_payloads() {
    let Some(root) = shared("data/gateway/litellm") else {
        return;
    };
    let decoded = decode_file(&root.join("spend_logs_payload.json")).unwrap();
    assert_eq!(decoded.report.rejects, []);
    assert_eq!((decoded.format.as_str(), decoded.report.rows_out), ("litellm", 1));
    assert_eq!(decoded.texts("started_at"), ["2025-01-24T09:20:46.847371Z"]);
    assert_eq!(decoded.texts("task_id"), ["1234567890"]);
    assert_eq!(
        (decoded.texts("uncached_input"), decoded.texts("output")),
        (vec!["10".into()], vec!["20".into()])
    );
    assert_eq!(decoded.texts("gateway_cost"), ["0.000225000000000000"]);
    assert_eq!(decoded.texts("api_key_hash"), [""]);
    let total = &decoded.report.totals[0];
    assert_eq!(
        (total.column, total.source_total.to_string().as_str()),
        ("gateway_cost", "0.00022500000000000002")
    );
    assert_eq!(
        total.source_total - total.stored_total,
        Exact::parse("2e-20").unwrap()
    );

    let decoded = decode_file(&root.join("example_standard_logging_payload.json")).unwrap();
    assert_eq!(
        (decoded.format.as_str(), decoded.report.rows_out),
        ("litellm_payload", 1)
    );
    assert_eq!(decoded.texts("started_at"), ["2025-12-17T19:34:28.284660Z"]);
    assert_eq!(decoded.texts("api_base"), ["https://api.openai.com"]);
    assert_eq!(decoded.texts("task_id"), ["97311c60-9a61-4f48-a814-70139ee57868"]);
    for column in decoded.batch.columns() {
        for row in 0..column.len() {
            let text = arrow::util::display::array_value_to_string(column, row).unwrap();
            assert!(!text.contains("Hello"), "a prompt was kept");
        }
    }
}

#[test]
fn real_price_map() {
    let Some(root) = shared("data/gateway/litellm") else {
        return;
    };
    let decoded = decode_file(&root.join("model_prices_and_context_window.json")).unwrap();
    assert_eq!(
        (decoded.format.as_str(), decoded.report.rows_out),
        ("litellm_prices", 4551)
    );
    assert_eq!(decoded.report.rejects, []);
    let at = decoded.texts("model").iter().position(|m| m == "gpt-4o").unwrap();
    assert_eq!(decoded.texts("input_cost_per_token")[at], "0.000002500000000000");
    assert_eq!(decoded.texts("valid_from")[at], "1970-01-01T00:00:00Z");
    assert!(!decoded.texts("extra")[at].contains("supports_"));
}

// ── the golden case ──────────────────────────────────────────────────────────────────────

#[test]
fn golden_charges_have_the_expected_control_totals() {
    let Some(root) = shared("golden/case-a") else {
        return;
    };
    let decoded = decode_file(&root.join("input/charges.csv")).unwrap();
    assert_eq!((decoded.report.rows_out, decoded.report.rejects.len()), (71, 0));
    let expected = answers(&root.join("expected/control.csv"));
    assert_eq!(decoded.report.totals.len(), expected.len());
    for row in expected {
        let total = decoded
            .report
            .totals
            .iter()
            .find(|t| t.currency == row["currency"] && t.column == row["column"])
            .unwrap();
        assert_eq!(
            (total.rows.to_string(), total.nulls.to_string()),
            (row["rows"].clone(), row["nulls"].clone())
        );
        assert_eq!(total.source_total, Exact::parse(&row["source_total"]).unwrap());
        assert_eq!(total.stored_total, Exact::parse(&row["stored_total"]).unwrap());
        assert_eq!(
            total.source_total - total.stored_total,
            Exact::parse(&row["rounding"]).unwrap()
        );
    }
    assert!(decoded.texts("extra").iter().any(|e| e.contains("x_Scope: ")));
    assert!(decoded.texts("billing_month").iter().all(|m| m == "2026-09"));
    assert_eq!(decoded.texts("file_row")[70], "71");
}

#[test]
fn golden_requests_have_the_expected_buckets() {
    let Some(root) = shared("golden/case-a") else {
        return;
    };
    let decoded = decode_file(&root.join("input/requests.jsonl")).unwrap();
    assert_eq!((decoded.report.rows_out, decoded.report.rejects.len()), (306, 0));
    let columns = [
        "request_id",
        "started_at",
        "task_id",
        "provider",
        "model",
        "uncached_input",
        "cache_read",
        "cache_write",
        "output",
        "reasoning",
        "gateway_cache_hit",
        "status",
        "overlap",
    ];
    let texts: Vec<Vec<String>> = columns.iter().map(|c| decoded.texts(c)).collect();
    let mut rows: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for row in 0..decoded.batch.num_rows() {
        rows.entry(texts[0][row].clone())
            .or_default()
            .push(texts.iter().map(|t| t[row].clone()).collect());
    }
    let expected = answers(&root.join("expected/attempts.csv"));
    assert_eq!(rows.len(), expected.len());
    let tokens = |row: &Vec<String>| row[5..9].iter().map(|t| t.parse::<i64>().unwrap()).sum::<i64>();
    for want in expected {
        // Of repeated lines the one with more tokens wins (a matter of the ingest).
        let got = rows[&want["request_id"]]
            .iter()
            .max_by_key(|r| tokens(r))
            .unwrap();
        for (column, value) in columns.iter().zip(got) {
            if *column == "started_at" {
                assert_eq!(parse_instant(value), parse_instant(&want[*column]), "{want:?}");
            } else {
                assert_eq!(value, &want[*column], "{column} of {want:?}");
            }
        }
    }
}

#[test]
fn golden_telemetry_outcomes_prices_and_rates() {
    let Some(root) = shared("golden/case-a/input") else {
        return;
    };
    let decoded = decode_file(&root.join("gpu.json")).unwrap();
    assert_eq!(
        (decoded.format.as_str(), decoded.report.rejects.len()),
        ("prometheus", 0)
    );
    let (hosts, owners) = (decoded.texts("host"), decoded.texts("owner"));
    assert!(
        hosts
            .iter()
            .zip(&owners)
            .any(|(h, o)| h == "gpu-a-1" && o == "vllm-gpu-a-1-0")
    );
    assert!(
        owners.iter().all(|o| !o.contains("exporter")),
        "the exporter's own pod is no owner"
    );
    assert!(owners.iter().any(String::is_empty), "a device without a pod");
    assert!(
        decoded
            .texts("energy_mj")
            .iter()
            .all(|e| e.is_empty() || e.parse::<f64>().unwrap() < 1e18)
    );

    let decoded = decode_file(&root.join("outcomes.jsonl")).unwrap();
    assert_eq!(
        (decoded.format.as_str(), decoded.report.rejects.len()),
        ("outcomes", 0)
    );
    let decoded = decode_file(&root.join("prices.json")).unwrap();
    assert_eq!(
        (decoded.format.as_str(), decoded.report.rejects.len()),
        ("prices", 0)
    );
    assert_eq!(
        decoded.texts("cache_read_input_token_cost")[0],
        "0.000000300000000000"
    );
    let decoded = decode_file(&root.join("fx.csv")).unwrap();
    assert_eq!((decoded.format.as_str(), decoded.report.rows_out), ("fx", 6));
    assert_eq!(decoded.texts("derived"), vec!["false"; 6]);
    let rows = decoded
        .batch
        .column_by_name("rate")
        .unwrap()
        .as_primitive::<Decimal128Type>();
    assert_eq!(money::format_short(rows.value(0)), "1.10305");
}

#[test]
fn tokens_are_whole_numbers() {
    let row = r#"{"request_id":"a","call_type":"x","spend":0,"startTime":"2026-09-14","prompt_tokens":1.5,"completion_tokens":2}"#;
    let decoded = decode_as(Some("litellm"), "x.jsonl", row.as_bytes()).unwrap();
    assert_eq!(decoded.report.rejects[0].column, "prompt_tokens");
    let whole = row.replace("1.5", "15.0");
    let decoded = decode_as(Some("litellm"), "x.jsonl", whole.as_bytes()).unwrap();
    let tokens = decoded
        .batch
        .column_by_name("uncached_input")
        .unwrap()
        .as_primitive::<Int64Type>();
    assert_eq!(tokens.value(0), 15);
}
