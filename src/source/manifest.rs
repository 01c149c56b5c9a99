//! Manifests: the lists that exporters lay beside the parts of an export. AWS writes `…-Manifest.json` for a
//! Cost and Usage Report (`reportKeys`) and for a Data Export (`dataFiles`), Azure a `manifest.json` per run
//! (`blobs`). A manifest is told by its content; what it says of the folder it lies in is for others to find out.

use chrono::{Days, Months, NaiveDate};
use serde_json::Value;
use std::collections::BTreeSet;

/// A manifest with the columns of a wide report is some hundred kilobytes; more is something else.
pub const MANIFEST_BYTES: u64 = 16 << 20;

/// Fields of which a manifest has one.
const SIGNS: [&str; 3] = ["\"reportKeys\"", "\"dataFiles\"", "\"blobName\""];

/// What an exporter says it has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which export: two manifests of one export and one period are two states of the same data.
    pub export: String,
    /// Which run of it: assembly, execution or run id.
    pub run: String,
    /// Half-open days; nothing when the manifest does not say.
    pub period: Option<(NaiveDate, NaiveDate)>,
    /// When the run was, in a form that sorts; nothing when the manifest does not say.
    pub made: Option<String>,
    pub parts: Vec<Part>,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Folders and file name below the root of the store.
    pub key: Vec<String>,
    pub bytes: Option<u64>,
    pub rows: Option<u64>,
}

impl Part {
    pub fn name(&self) -> &str {
        self.key.last().map_or("", String::as_str)
    }
}

impl Manifest {
    /// Is it a JSON object that begins like this?
    pub fn begins(head: &[u8]) -> bool {
        let text = head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head);
        text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
    }

    /// Could a file with this beginning be a manifest? Its whole text then tells.
    pub fn suspected(head: &[u8]) -> bool {
        let has = |sign: &&str| head.windows(sign.len()).any(|window| window == sign.as_bytes());
        Manifest::begins(head) && SIGNS.iter().any(has)
    }

    /// The manifest that this text is; nothing when it is something else. What is a manifest and cannot be
    /// followed is an error in words.
    pub fn read(text: &[u8]) -> Option<Result<Manifest, String>> {
        let text = text.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(text);
        let value: Value = serde_json::from_slice(text).ok()?;
        if value.get("reportKeys").is_some_and(Value::is_array) && value.get("assemblyId").is_some() {
            return Some(aws_report(&value));
        }
        if value.get("dataFiles").is_some_and(Value::is_array) {
            return Some(aws_export(&value));
        }
        let blobs = value.get("blobs").and_then(Value::as_array)?;
        let azure = value.get("runInfo").is_some() || value.get("manifestVersion").is_some();
        (azure && blobs.iter().all(|b| b.get("blobName").is_some())).then(|| azure_export(&value, blobs))
    }

    /// Do both tell of the same data, at two moments?
    pub fn repeats(&self, other: &Manifest) -> bool {
        self.export == other.export
            && match (self.period, other.period) {
                (Some((a, b)), Some((c, d))) => a < d && c < b,
                _ => true,
            }
    }

    /// `2026-09-01 to 2026-09-30`, both days in it.
    pub fn days(&self) -> String {
        match self.period {
            Some((from, to)) => format!("{from} to {}", to.pred_opt().unwrap_or(to)),
            None => "of an unknown period".to_owned(),
        }
    }
}

/// The Cost and Usage Report: `reportKeys`, `billingPeriod` with an end that is no part of it.
fn aws_report(value: &Value) -> Result<Manifest, String> {
    let period = value.get("billingPeriod");
    let edge = |name: &str| day(&text(period?.get(name)?)?);
    let name = ["reportId", "reportName"]
        .iter()
        .find_map(|n| text(value.get(n)?));
    let account = value.get("account").and_then(text).unwrap_or_default();
    Ok(Manifest {
        export: format!("AWS report {account} {}", name.unwrap_or_default()),
        run: value.get("assemblyId").and_then(text).unwrap_or_default(),
        period: edge("start").zip(edge("end")),
        made: None,
        parts: parts(value.get("reportKeys"), |key| (key.as_str(), None, None))?,
    })
}

/// Data Exports: `dataFiles` with whole URLs, the period as a folder `BILLING_PERIOD=2026-09`, the run as one
/// below it unless every run overwrites the last.
fn aws_export(value: &Value) -> Result<Manifest, String> {
    let parts = parts(value.get("dataFiles"), |file| {
        let key = file.as_str().or_else(|| {
            ["key", "path", "s3Uri", "url"]
                .iter()
                .find_map(|name| file.get(name)?.as_str())
        });
        let count = |names: [&str; 2]| names.iter().find_map(|n| number(file.get(n)?));
        (
            key,
            count(["size", "byteCount"]),
            count(["rowCount", "dataRowCount"]),
        )
    })?;
    let first = parts.first().map_or(&[][..], |p| p.key.as_slice());
    let month = first.iter().enumerate().find_map(|(at, folder)| {
        let month = folder
            .strip_prefix("BILLING_PERIOD=")
            .or(folder.strip_prefix("billing_period="))?;
        Some((at, day(&format!("{month}-01"))?))
    });
    let name = ["exportArn", "exportName", "name"]
        .iter()
        .find_map(|n| text(value.get(n)?));
    // Without a name, the folder that all runs of the export lie in.
    let name = name.unwrap_or_else(|| match month {
        Some((at, _)) => first[..at].join("/"),
        None => first[..first.len().saturating_sub(1)].join("/"),
    });
    let folder = month.and_then(|(at, _)| first.get(at + 1..first.len() - 1)?.first().cloned());
    let said = ["executionId", "assemblyId"]
        .iter()
        .find_map(|n| text(value.get(n)?));
    Ok(Manifest {
        export: format!("AWS export {name}"),
        run: said.or_else(|| folder.clone()).unwrap_or_default(),
        period: month.and_then(|(_, from)| Some((from, from.checked_add_months(Months::new(1))?))),
        // The folder of a run begins with its moment.
        made: folder.filter(|f| f.starts_with("20")),
        parts,
    })
}

/// Azure's exports: `blobs` with their bytes and rows, a period that ends on its last day.
fn azure_export(value: &Value, blobs: &[Value]) -> Result<Manifest, String> {
    let at = |outer: &str, name: &str| value.get(outer)?.get(name).and_then(text);
    let config = |name: &str| at("exportConfig", name).unwrap_or_default();
    let parts = parts(value.get("blobs"), |blob| {
        (
            blob.get("blobName").and_then(Value::as_str),
            blob.get("byteCount").and_then(number),
            blob.get("dataRowCount").and_then(number),
        )
    })?;
    if let Some(count) = value.get("blobCount").and_then(number)
        && count != blobs.len() as u64
    {
        return Err(format!(
            "it says that there are {count} parts and lists {}",
            blobs.len()
        ));
    }
    let edge = |name: &str| day(&at("runInfo", name)?);
    let name = match config("resourceId") {
        id if id.is_empty() => config("exportName"),
        id => id,
    };
    Ok(Manifest {
        export: format!("Azure export {} {name}", config("type")),
        run: at("runInfo", "runId").unwrap_or_default(),
        period: edge("startDate").zip(edge("endDate").and_then(|end| end.checked_add_days(Days::new(1)))),
        made: at("runInfo", "submittedTime"),
        parts,
    })
}

/// Bytes and rows, where they are said.
type Said<'a> = (Option<&'a str>, Option<u64>, Option<u64>);

fn parts<'a>(list: Option<&'a Value>, of: impl Fn(&'a Value) -> Said<'a>) -> Result<Vec<Part>, String> {
    let mut seen = BTreeSet::new();
    let mut parts = Vec::new();
    for (at, entry) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let (key, bytes, rows) = of(entry);
        let key = key.ok_or_else(|| format!("its part {} has no name", at + 1))?;
        let key = folders(key)
            .ok_or_else(|| format!("its part {} has a name that leads out of the folder", at + 1))?;
        if seen.insert(key.clone()) {
            parts.push(Part { key, bytes, rows });
        }
    }
    Ok(parts)
}

/// A key or URL as folders and a file name, none of which leads anywhere else.
fn folders(key: &str) -> Option<Vec<String>> {
    let path = match key.split_once("://") {
        // The first part of a URL is the bucket or the account.
        Some((_, rest)) => rest.split_once('/')?.1.split('?').next()?,
        None => key.trim_start_matches('/'),
    };
    let folders: Vec<String> = path
        .split('/')
        .filter(|f| !f.is_empty())
        .map(str::to_owned)
        .collect();
    let harmless =
        |folder: &String| folder != "." && folder != ".." && !folder.contains(['\\', '\0', ':', '*', '?']);
    // Moments in the folders of AWS have colons; a drive of Windows is one letter before one.
    let timed = |folder: &String| {
        folder.starts_with("20") && folder.contains('T') && !folder.contains(['\\', '\0', '*', '?'])
    };
    (!folders.is_empty() && folders.iter().all(|f| harmless(f) || timed(f))).then_some(folders)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// The day at the beginning of `20260901T000000.000Z`, `2026-09-01T00:00:00` or `2026-09-01`.
fn day(text: &str) -> Option<NaiveDate> {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(8).collect();
    NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<Manifest, String> {
        let text = value.to_string();
        assert!(Manifest::suspected(text.as_bytes()), "{text}");
        Manifest::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn three_kinds_of_manifests() {
        let report = read(&json!({
            "assemblyId": "a-1", "account": "0001", "reportId": "r", "reportName": "daily",
            "billingPeriod": {"start": "20260901T000000.000Z", "end": "20261001T000000.000Z"},
            "reportKeys": ["exports/daily/20260901-20261001/a-1/daily-00001.csv.gz"],
        }))
        .unwrap();
        assert_eq!(
            (report.export.as_str(), report.run.as_str()),
            ("AWS report 0001 r", "a-1")
        );
        assert_eq!(report.days(), "2026-09-01 to 2026-09-30");
        assert_eq!(report.parts[0].name(), "daily-00001.csv.gz");

        let export = read(&json!({"dataFiles": [
            "s3://bucket/finops/focus/data/BILLING_PERIOD=2026-09/2026-10-02T05:12:00.000Z-e1/focus-00001.csv.gz",
        ]}))
        .unwrap();
        assert_eq!(export.export, "AWS export finops/focus/data");
        assert_eq!(export.made.as_deref(), Some("2026-10-02T05:12:00.000Z-e1"));
        assert_eq!(export.days(), "2026-09-01 to 2026-09-30");

        let azure = json!({
            "manifestVersion": "2024-04-01", "byteCount": 30, "blobCount": 1, "dataRowCount": 3,
            "exportConfig": {"exportName": "daily", "resourceId": "/id/of/it", "type": "ActualCost"},
            "runInfo": {"runId": "run-1", "submittedTime": "2026-10-02T05:00:00Z",
                "startDate": "2026-09-01T00:00:00", "endDate": "2026-09-30T00:00:00"},
            "blobs": [{"blobName": "root/daily/20260901-20260930/run-1/part_0_0001.csv", "byteCount": 30, "dataRowCount": 3}],
        });
        let read_azure = read(&azure).unwrap();
        assert_eq!(read_azure.period, report.period);
        assert_eq!(
            (read_azure.parts[0].bytes, read_azure.parts[0].rows),
            (Some(30), Some(3))
        );
        let mut lying = azure;
        lying["blobCount"] = 2.into();
        assert!(read(&lying).unwrap_err().contains("2 parts and lists 1"));
    }

    #[test]
    fn no_part_leads_out_of_the_folder() {
        for key in [
            "../secret.csv",
            "a/../../b.csv",
            "C:\\x.csv",
            "a/./b",
            "c:/b.csv",
            "/",
            "",
            "s3://bucket",
        ] {
            let manifest = json!({"assemblyId": "a", "reportKeys": [key]});
            assert!(read(&manifest).is_err(), "{key}");
        }
        assert_eq!(folders("/a//b.csv").unwrap(), ["a", "b.csv"]);
        assert_eq!(
            folders("https://account.blob/c/b.csv?sig=secret").unwrap(),
            ["c", "b.csv"]
        );
    }

    #[test]
    fn other_json_is_no_manifest() {
        for text in [
            "{}",
            "[1]",
            "{\"dataFiles\": 3}",
            "{\"blobs\": []}",
            "{\"reportKeys\": []}",
            "{\"request_id\":1}\n{}",
        ] {
            assert!(Manifest::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn runs_of_one_export_repeat_each_other_where_their_periods_meet() {
        let run = |from: &str, to: &str| Manifest {
            export: "x".into(),
            run: from.into(),
            period: day(from).zip(day(to)),
            made: None,
            parts: Vec::new(),
        };
        let september = run("20260901", "20261001");
        assert!(september.repeats(&run("20260901", "20260915")));
        assert!(!september.repeats(&run("20261001", "20261101")));
        assert!(
            september.repeats(&run("", "")),
            "an unknown period may be this one"
        );
        let other = Manifest {
            export: "y".into(),
            ..september.clone()
        };
        assert!(!september.repeats(&other));
    }
}
