//! Bytes that nobody meant: fixtures of every format and texts of every parser, mutated by chance. Whatever
//! comes in, nothing panics or hangs, every row is kept or refused, amounts tie, and the same bytes say the same
//! thing again.
//!
//! A run is a few seconds a target; `SPENDSCOPE_FUZZ_SECONDS=600` makes it longer, `SPENDSCOPE_FUZZ_SEED=7` another
//! one. What a run finds is written to the folder of temporary files and becomes a fixture of
//! `tests/fixtures/fuzz/`, named `<format>.<why>`. This is mutation in the test binary, not cargo-fuzz: its targets
//! want a folder of their own at the top, a nightly compiler and another build of DataFusion.

use crate::sources::catalog;
use crate::support::{assets, project};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Decimal128Type;
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use spendscope::base::money::{self, Exact};
use spendscope::base::seed::{self, Rng};
use spendscope::base::time::{self, parse_instant};
use spendscope::config::{ConfigFile, EXAMPLE};
use spendscope::drill::Scenario;
use spendscope::engine::Engine;
use spendscope::ingest::{self, Kind, Options};
use spendscope::source::{Bytes, DecodeContext, DecodeReport, Mapping, decode};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest that one input may take. Unoptimised code on a busy machine is slow; what hangs is slower.
const PATIENCE: Duration = Duration::from_secs(300);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Tries inputs until the time is over. `make` gives an input and what it is called, `hold` asserts.
fn fuzz(
    target: &str,
    seconds: f64,
    mut make: impl FnMut(&mut Rng) -> (String, Vec<u8>),
    hold: impl Fn(&str, &[u8]),
) {
    let seed = setting("SPENDSCOPE_FUZZ_SEED").unwrap_or(1);
    let seconds = setting("SPENDSCOPE_FUZZ_SECONDS").map_or(seconds, |seconds| seconds as f64);
    let mut rng = seed::generator(seed, target);
    let (begun, mut tried) = (Instant::now(), 0_u64);
    let mut findings = BTreeSet::new();
    // A slow machine still tries some.
    while tried < 20 || begun.elapsed().as_secs_f64() < seconds {
        let (name, bytes) = make(&mut rng);
        tried += 1;
        let now = Instant::now();
        let held = catch_unwind(AssertUnwindSafe(|| hold(&name, &bytes)));
        let took = now.elapsed();
        let why = match held {
            Err(panic) => panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_default(),
            Ok(()) if took > PATIENCE => format!("it took {took:?}"),
            Ok(()) => continue,
        };
        let path = std::env::temp_dir().join(format!("spendscope-fuzz-{target}-{seed}-{tried}.{name}"));
        std::fs::write(&path, &bytes).unwrap();
        findings.insert(format!(
            "{}: {}",
            path.display(),
            why.lines().next().unwrap_or_default()
        ));
        if findings.len() >= 20 {
            break;
        }
    }
    println!("{target}: {tried} inputs in {:?}, seed {seed}", begun.elapsed());
    assert!(
        findings.is_empty(),
        "{target}:\n{}",
        findings.into_iter().collect::<Vec<_>>().join("\n")
    );
}

/// Words that mean something to some parser.
const WORDS: [&str; 44] = [
    "\"",
    "\"\"",
    "\\",
    "\\\"",
    ",",
    ";",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "{",
    "}",
    "[",
    "]",
    "{\"a\":",
    ":",
    "null",
    "NaN",
    "-inf",
    "1e999999999",
    "-1e-999999999",
    "99999999999999999999999999999999999999.9999999999",
    "-0",
    "0x10",
    "1.5.5",
    "\u{feff}",
    "\0",
    "\u{2028}",
    "#",
    "PAR1",
    "2026-13-45T99:99:99Z",
    "+262142-12-31T23:59:59Z",
    "-9223372036854775808",
    "9223372036854775807",
    "1790000000000000000",
    "true",
    "''",
    "*/",
    "%",
    "\u{1F9D3}",
    "//",
    "..",
    "e",
    "=",
];

fn mutated(rng: &mut Rng, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let len = bytes.len();
        let at = rng.random_range(0..=len);
        let span = |rng: &mut Rng| {
            let most = if rng.random_bool(0.8) { 16 } else { 4096 };
            at..(at + rng.random_range(0..=most)).min(len)
        };
        match rng.random_range(0..12) {
            0 | 1 if at < len => bytes[at] ^= 1 << rng.random_range(0..8),
            2 if at < len => bytes[at] = rng.random(),
            3 => bytes.truncate(at),
            4 => {
                bytes.drain(span(rng));
            }
            5 => {
                let part = bytes[span(rng)].to_vec();
                let times = if rng.random_bool(0.1) { 200 } else { 1 };
                bytes.splice(at..at, part.repeat(times));
            }
            6 if !other.is_empty() => {
                let from = rng.random_range(0..other.len());
                let to = (from + rng.random_range(1..=512)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            7 if !other.is_empty() => {
                bytes.truncate(at);
                bytes.extend_from_slice(&other[rng.random_range(0..other.len())..]);
            }
            8 => {
                // One delimiter for another, everywhere or here.
                let pairs = [
                    (b',', b';'),
                    (b'\n', b'\r'),
                    (b'"', b'\''),
                    (b'{', b'['),
                    (b'.', b','),
                    (b':', b' '),
                ];
                let (from, to) = pairs[rng.random_range(0..pairs.len())];
                let all = rng.random_bool(0.3);
                for byte in bytes[at..].iter_mut().filter(|byte| **byte == from).take(if all {
                    usize::MAX
                } else {
                    1
                }) {
                    *byte = to;
                }
            }
            9 => {
                // A number becomes another.
                let digits = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
                if let Some(start) = bytes[at..]
                    .iter()
                    .position(|b| b.is_ascii_digit())
                    .map(|n| n + at)
                {
                    let end = start + bytes[start..].iter().take_while(|b| digits(b)).count();
                    let number = WORDS[rng.random_range(16..34)].as_bytes().to_vec();
                    bytes.splice(start..end, number);
                }
            }
            10 if rng.random_bool(0.05) => {
                let word = WORDS.choose(rng).unwrap_or(&"[").repeat(3_000);
                bytes.splice(at..at, word.into_bytes());
            }
            _ => {
                let word = WORDS.choose(rng).unwrap_or(&"").as_bytes().to_vec();
                bytes.splice(at..at, word);
            }
        }
    }
    bytes
}

// ── files ────────────────────────────────────────────────────────────────────────────────

fn decoded(mapping: &Mapping, bytes: &[u8]) -> spendscope::base::Result<(DecodeReport, Vec<RecordBatch>)> {
    let context = DecodeContext {
        source: "fuzz".to_owned(),
        file_hash: "0123456789abcdef".to_owned(),
        file_name: "fuzz".to_owned(),
        observed_at: parse_instant("2026-09-14T10:00:00Z"),
        ..DecodeContext::default()
    };
    let input = if bytes.starts_with(b"PAR1") {
        Bytes::Random(bytes::Bytes::copy_from_slice(bytes))
    } else {
        Bytes::Stream(Box::new(Cursor::new(bytes.to_vec())))
    };
    let mut batches = Vec::new();
    let report = decode(mapping, input, &context, &mut |batch| {
        batches.push(batch);
        Ok(())
    })?;
    Ok((report, batches))
}

/// What holds for every file, however broken.
fn books_close(mapping: &Mapping, bytes: &[u8]) {
    let first = decoded(mapping, bytes);
    let second = decoded(mapping, bytes);
    let ((report, batches), (again, same)) = match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(first), Err(second)) => {
            assert_eq!(first.to_string(), second.to_string());
            assert!(first.kind() != spendscope::base::ErrorKind::Internal, "{first}");
            return;
        }
        (first, second) => panic!("read once, refused once: {:?} {:?}", first.err(), second.err()),
    };
    assert_eq!(report.rejects, again.rejects);
    assert!(batches == same, "the same bytes give other rows");
    let batch = concat_batches(&mapping.table.arrow(), &batches).unwrap();
    assert_eq!(report.rows_out, batch.num_rows() as u64);
    assert!(report.rows_in >= report.rows_out);
    let refused = report.rows_in - report.rows_out;
    let lines: BTreeSet<u64> = report.rejects.iter().map(|r| r.line).collect();
    assert_eq!(
        refused == 0,
        report.rejects.is_empty(),
        "{refused} rows and {:?}",
        report.rejects
    );
    assert!(
        lines.len() as u64 <= refused,
        "{refused} rows refused, of {} lines",
        lines.len()
    );
    for reject in &report.rejects {
        assert!(!reject.reason.is_empty());
        assert!(reject.value.as_ref().is_none_or(|v| v.chars().count() <= 200));
    }
    let currency = if mapping.table.name == "charges" {
        "billing_currency"
    } else {
        "gateway_currency"
    };
    for total in &report.totals {
        let amounts = batch
            .column_by_name(total.column)
            .unwrap()
            .as_primitive::<Decimal128Type>();
        let codes = batch.column_by_name(currency).unwrap().as_string::<i32>();
        let mut sum = Exact::ZERO;
        for row in (0..batch.num_rows()).filter(|row| amounts.is_valid(*row)) {
            let code = if codes.is_valid(row) { codes.value(row) } else { "" };
            if code == total.currency {
                sum += Exact::from_stored(amounts.value(row));
            }
        }
        assert_eq!(sum, total.stored_total, "{} {}", total.column, total.currency);
    }
}

/// Every fixture of every format, with the id of its mapping.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for mapping in catalog().iter() {
        for entry in std::fs::read_dir(project("tests/fixtures").join(&mapping.id))
            .into_iter()
            .flatten()
        {
            let path = entry.unwrap().path();
            if path.to_string_lossy().contains(".in.") {
                all.push((mapping.id.clone(), std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    assert!(all.len() > 40);
    all
}

#[test]
fn every_format() {
    let catalog = catalog();
    let corpus = corpus();
    fuzz(
        "formats",
        12.0,
        |rng| {
            let (id, bytes) = corpus.choose(rng).unwrap();
            let (_, other) = corpus.choose(rng).unwrap();
            (id.clone(), mutated(rng, bytes, other))
        },
        |id, bytes| books_close(catalog.get(id).unwrap(), bytes),
    );
}

#[test]
fn recognition() {
    let catalog = catalog();
    let corpus = corpus();
    fuzz(
        "recognition",
        4.0,
        |rng| {
            let (id, bytes) = corpus.choose(rng).unwrap();
            let (_, other) = corpus.choose(rng).unwrap();
            (id.clone(), mutated(rng, bytes, other))
        },
        |_, bytes| {
            let (one, two) = (catalog.detect("fuzz", bytes), catalog.detect("fuzz", bytes));
            assert_eq!(one.map(|m| m.id.clone()).ok(), two.map(|m| m.id.clone()).ok());
        },
    );
}

/// Small tables as Parquet, with every way of packing that is read and most types.
fn tables() -> Vec<(String, Vec<u8>)> {
    use arrow::array::*;
    use parquet::basic::Compression;
    use parquet::file::properties::WriterProperties;
    let strings = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let labels: DictionaryArray<arrow::datatypes::Int32Type> = ["x", "y", "x"].into_iter().collect();
    let outcomes: Vec<(&str, ArrayRef)> = vec![
        ("task_id", strings(&["a", "b", "c"])),
        ("success", Arc::new(BooleanArray::from(vec![true, false, true]))),
        (
            "recorded_at",
            Arc::new(TimestampMicrosecondArray::from(vec![1_790_000_000_000_000; 3]).with_timezone("UTC")),
        ),
        (
            "value",
            Arc::new(
                Decimal128Array::from(vec![Some(1), None, Some(-3)])
                    .with_precision_and_scale(38, 18)
                    .unwrap(),
            ),
        ),
        ("variant", Arc::new(labels)),
    ];
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for value in ["cx", "ml"] {
        tags.keys().append_value("team");
        tags.values().append_value(value);
        tags.append(true).unwrap();
    }
    let times = |text: &str| strings(&[text, text]);
    let bill: Vec<(&str, ArrayRef)> = vec![
        ("BilledCost", Arc::new(Float64Array::from(vec![0.1, 2.5]))),
        (
            "EffectiveCost",
            Arc::new(
                Decimal256Array::from(vec![Some(arrow::datatypes::i256::from_i128(7)); 2])
                    .with_precision_and_scale(60, 20)
                    .unwrap(),
            ),
        ),
        ("BillingCurrency", times("USD")),
        ("BillingAccountId", Arc::new(Int64Array::from(vec![1, 2]))),
        ("ProviderName", times("AWS")),
        ("ChargePeriodStart", times("2026-09-01T00:00:00Z")),
        (
            "ChargePeriodEnd",
            Arc::new(Date32Array::from(vec![20_700, 20_701])),
        ),
        ("BillingPeriodStart", times("2026-09-01")),
        ("BillingPeriodEnd", times("2026-10-01")),
        ("ChargeCategory", times("Usage")),
        ("ServiceName", times("Compute")),
        ("Tags", Arc::new(tags.finish())),
    ];
    let mut all = Vec::new();
    for (id, columns) in [("outcomes", outcomes), ("focus", bill)] {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        for packing in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::ZSTD(Default::default()),
        ] {
            let properties = WriterProperties::builder().set_compression(packing).build();
            let mut bytes = Vec::new();
            let mut writer =
                parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            all.push((id.to_owned(), bytes));
        }
    }
    all
}

#[test]
fn parquet_files() {
    let catalog = catalog();
    let tables = tables();
    for (id, bytes) in &tables {
        let (report, _) = decoded(catalog.get(id).unwrap(), bytes).unwrap();
        assert!(
            report.rows_out >= 2 && report.rejects.is_empty(),
            "{:?}",
            report.rejects
        );
    }
    fuzz(
        "parquet",
        6.0,
        |rng| {
            let (id, bytes) = tables.choose(rng).unwrap();
            let (_, other) = tables.choose(rng).unwrap();
            let mut bytes = if rng.random_bool(0.3) {
                mutated(rng, bytes, other)
            } else {
                // The footer says how long it is; a few of its bits at a time, so that it is read at all.
                let mut bytes = bytes.clone();
                for _ in 0..rng.random_range(1..4) {
                    let at = rng.random_range(4..bytes.len() - 4);
                    bytes[at] = if rng.random_bool(0.5) {
                        rng.random()
                    } else {
                        bytes[at] ^ (1 << rng.random_range(0..8))
                    };
                }
                bytes
            };
            if !bytes.starts_with(b"PAR1") {
                bytes.splice(0..0, *b"PAR1");
            }
            (id.clone(), bytes)
        },
        |id, bytes| {
            let _ = catalog.detect("fuzz", bytes);
            books_close(catalog.get(id).unwrap(), bytes);
        },
    );
}

#[test]
fn packed_files() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut packed = Vec::new();
    for (id, bytes) in corpus()
        .into_iter()
        .filter(|(id, _)| ["focus", "litellm", "prometheus"].contains(&id.as_str()))
    {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(&bytes).unwrap();
        packed.push((id.clone(), gz.finish().unwrap()));
        packed.push((id, zstd::encode_all(&bytes[..], 3).unwrap()));
    }
    fuzz(
        "packed",
        4.0,
        |rng| {
            let (id, bytes) = packed.choose(rng).unwrap();
            let (_, other) = packed.choose(rng).unwrap();
            (id.clone(), mutated(rng, bytes, other))
        },
        |id, bytes| {
            let path = dir.path().join("fuzz.packed");
            std::fs::write(&path, bytes).unwrap();
            let options = Options {
                format: Some(id.to_owned()),
                unpack_limit: 64 << 20,
                ..Options::default()
            };
            let paths = [path.display().to_string()];
            let read = ingest::explain(&catalog, &paths, &options, 1);
            for file in runtime.block_on(read).unwrap() {
                let Ok(Kind::Rows(understood)) = file.format else {
                    continue;
                };
                if let Ok(rows) = understood.rows {
                    assert!(rows.rows_out + rows.rows_rejected <= rows.rows_in);
                }
            }
        },
    );
}

// ── texts ────────────────────────────────────────────────────────────────────────────────

#[test]
fn amounts_and_instants() {
    let texts = [
        "0.1",
        "-12.50",
        "9.984E-7",
        ".5",
        "5.",
        "1e20",
        "99999999999999999999.999999999999999999",
        "2026-09-14T02:26:40Z",
        "2026-09-14 02:26:40.1770779",
        "2026-09-14T04:26:40.177077+02:00",
        "2026-09-14",
        "2026-10",
        "1789379897250",
        "2026-09-14 10:00 UTC",
    ];
    fuzz(
        "texts",
        2.0,
        |rng| {
            let (one, other) = (texts.choose(rng).unwrap(), texts.choose(rng).unwrap());
            (String::new(), mutated(rng, one.as_bytes(), other.as_bytes()))
        },
        |_, bytes| {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(exact) = Exact::parse(&text) {
                let rounded = exact.round();
                assert!(rounded.abs() <= money::MAX);
                assert_eq!(Exact::parse(&exact.to_string()), Ok(exact), "{text}");
                assert_eq!(
                    money::parse(&money::format(rounded)).ok(),
                    Some(rounded),
                    "{text}"
                );
            }
            if let Some(micros) = parse_instant(&text) {
                let _ = time::from_micros(micros).to_rfc3339();
            }
            let _ = time::parse_bound(&text, chrono_tz::Europe::Berlin);
            let _ = time::Window::month(&text, chrono_tz::America::Sao_Paulo);
        },
    );
}

#[test]
fn mapping_files_configuration_and_statements() {
    let assets = assets();
    let mut texts: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let under = |folder: &str| assets.under(folder).map(|a| a.text.as_bytes().to_vec()).collect();
    texts.insert("mapping", under("sources/"));
    texts.insert("scenario", under("drills/"));
    texts.insert("statements", under("views/"));
    texts.insert("configuration", vec![EXAMPLE.as_bytes().to_vec()]);
    let kinds: Vec<&str> = texts.keys().copied().collect();
    fuzz(
        "languages",
        8.0,
        |rng| {
            let kind = *kinds.choose(rng).unwrap();
            let (one, other) = (texts[kind].choose(rng).unwrap(), texts[kind].choose(rng).unwrap());
            (kind.to_owned(), mutated(rng, one, other))
        },
        |kind, bytes| {
            let text = String::from_utf8_lossy(bytes);
            match kind {
                "mapping" => {
                    let _ = Mapping::parse("fuzz", &text);
                }
                "scenario" => {
                    let _ = Scenario::parse("fuzz", &text);
                }
                "statements" => {
                    let _ = Engine::statements(&text);
                }
                _ => {
                    let _ = ConfigFile::parse(&text);
                }
            }
        },
    );
}

#[test]
fn expressions_that_never_end_are_refused() {
    let mapping = |expression: &str| {
        format!(
            "title = 't'\ntable = 'outcomes'\n[recognise]\nall = ['n']\n[reader.csv]\n[let]\nn = {{ from = 'n', parse = 'int' }}\n[columns]\ntask_id = {{ from = 't' }}\nrecorded_at = {{ from = 'a' }}\nsuccess = {{ expr = \"{expression}\" }}\n"
        )
    };
    assert!(Mapping::parse("m", &mapping("n > 0")).is_ok());
    for expression in [
        format!("{}n > 0{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{}true", "NOT ".repeat(100_000)),
        format!("{}n", "-".repeat(100_000)),
        format!("{}n{}", "abs(".repeat(50_000), ")".repeat(50_000)),
        format!(
            "{}n > 0{}",
            "CASE WHEN true THEN ".repeat(20_000),
            " END".repeat(20_000)
        ),
    ] {
        // `--` begins a comment: that one may be anything but a crash.
        let error = Mapping::parse("m", &mapping(&expression));
        assert!(error.is_err() || expression.starts_with('-'));
    }
}

// ── what was found ───────────────────────────────────────────────────────────────────────

/// `tests/fixtures/fuzz/<format>.<why>`: inputs that once broke something.
#[test]
fn findings_stay_mended() {
    let catalog = catalog();
    let mut tried = 0;
    for entry in std::fs::read_dir(project("tests/fixtures/fuzz")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(mapping) = name.split_once('.').and_then(|(id, _)| catalog.get(id)) else {
            assert_eq!(name, "README.md", "no format is named so");
            continue;
        };
        let bytes = std::fs::read(&path).unwrap();
        let _ = catalog.detect(&name, &bytes);
        books_close(mapping, &bytes);
        tried += 1;
    }
    println!("{tried} findings");
}
