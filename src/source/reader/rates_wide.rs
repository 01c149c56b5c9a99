//! Exchange rates as a central bank publishes them: one row a day, one column a currency, all against
//! one base. Every pair is worked out from them, rounded half to even at 18 places; pairs that are not
//! quoted as they stand are marked as derived.

use super::csv::Csv;
use super::guard::Guard;
use super::{Input, Reader, options, skip_bom};
use crate::base::money::{self, Exact};
use crate::base::{Error, Result};
use crate::source::collect::{Cells, Collector};
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use serde::Deserialize;
use std::io::Read;

#[derive(Debug)]
pub(super) struct RatesWide;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The currency of which one unit is quoted.
    base: String,
    /// The column of days.
    day: String,
    /// Texts that mean "no rate that day".
    #[serde(default)]
    missing: Vec<String>,
}

/// The fields of a row.
const FIELDS: [&str; 5] = ["day", "from", "to", "rate", "derived"];

impl Reader for RatesWide {
    fn id(&self) -> &'static str {
        "rates_wide"
    }

    fn check(&self, table: &toml::Table) -> Result<()> {
        options::<Options>(self.id(), table).map(|_| ())
    }

    fn names(&self, head: &[u8], _: &toml::Table) -> Option<Vec<String>> {
        Csv.names(head, &toml::Table::new())
    }

    fn read(
        &self,
        input: Input,
        table: &toml::Table,
        mapping: &Mapping,
        _: &DecodeContext,
        out: &mut Collector<'_>,
    ) -> Result<()> {
        let options: Options = options(self.id(), table)?;
        let fields = FIELDS.map(|f| mapping.field(f));
        let bom = input.head().len() - skip_bom(input.head())?.len();
        let mut input = input.into_read();
        std::io::copy(&mut input.by_ref().take(bom as u64), &mut std::io::sink())?;
        let (guarded, watch) = Guard::new(input);
        let mut reader = ::csv::ReaderBuilder::new()
            .flexible(true)
            .trim(::csv::Trim::All)
            .from_reader(guarded);
        let failed = |e: ::csv::Error| Error::data(e.to_string());
        let header = reader.headers().map_err(failed)?.clone();
        let day_at = header
            .iter()
            .position(|name| name.eq_ignore_ascii_case(&options.day))
            .ok_or_else(|| Error::data(format!("there is no column '{}'", options.day)))?;
        let mut cells = Cells::new(mapping.fields.len());
        let mut record = ::csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(e) if matches!(e.kind(), ::csv::ErrorKind::Utf8 { .. }) => {
                    out.reject(
                        e.position().map_or(0, ::csv::Position::line),
                        "",
                        None,
                        "not UTF-8",
                    );
                    continue;
                }
                Err(e) => return Err(failed(e)),
            }
            let line = watch
                .borrow_mut()
                .line_of(record.position().map_or(0, ::csv::Position::byte));
            if record.len() != header.len() {
                let reason = format!("{} fields where the header has {}", record.len(), header.len());
                out.reject(line, "", None, reason);
                continue;
            }
            let mut quotes = vec![(options.base.as_str(), money::ONE)];
            for (at, (name, text)) in header.iter().zip(record.iter()).enumerate() {
                let missing = text.is_empty() || options.missing.iter().any(|m| m.eq_ignore_ascii_case(text));
                if at == day_at || name.is_empty() || missing {
                    continue;
                }
                match Exact::parse(text).map(Exact::round) {
                    Ok(rate) if rate > 0 => quotes.push((name, rate)),
                    Ok(_) => out.reject(line, name, Some(text), "a rate is larger than 0"),
                    Err(reason) => out.reject(line, name, Some(text), reason.to_string()),
                }
            }
            for (from, per_base_from) in &quotes {
                for (to, per_base_to) in quotes.iter().filter(|(to, _)| to != from) {
                    let Some(rate) = money::ratio(*per_base_to, *per_base_from) else {
                        out.reject(
                            line,
                            to,
                            None,
                            format!("one {from} in {to} does not fit into 20 digits"),
                        );
                        continue;
                    };
                    cells.clear();
                    let rate = money::format(rate);
                    let derived = if *from == options.base { "false" } else { "true" };
                    for (field, text) in fields.iter().zip([&record[day_at], from, to, &rate, derived]) {
                        if let Some(field) = field {
                            cells.set(*field, text);
                        }
                    }
                    out.row(line, &cells)?;
                }
            }
        }
    }
}
