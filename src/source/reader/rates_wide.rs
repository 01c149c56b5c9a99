//! Exchange rates as a central bank publishes them: one row a day, one column a currency, all against
//! one base. Every pair is worked out from them, rounded half to even at 18 places; pairs that are not
//! quoted as they stand are marked as derived.

use super::csv::Csv;
use super::records::{Next, Records};
use super::{Input, Reader, options, text_of};
use crate::base::money::{self, Exact};
use crate::base::{Error, Result};
use crate::source::collect::{Cells, Collector};
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use serde::Deserialize;

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

/// Every currency is quoted in every other: there are fewer than 200 in the world.
const MOST_CURRENCIES: usize = 400;

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
        let (content, tear) = text_of(input)?;
        let mut records = Records::new(content, tear.clone(), b',');
        let header: Vec<String> = records.header()?.iter().map(|h| h.trim().to_owned()).collect();
        if header.len() > MOST_CURRENCIES {
            return Err(Error::data(format!(
                "{} columns, where a table of rates has at most {MOST_CURRENCIES}",
                header.len()
            )));
        }
        let day_at = header
            .iter()
            .position(|name| name.eq_ignore_ascii_case(&options.day))
            .ok_or_else(|| Error::data(format!("there is no column '{}'", options.day)))?;
        let mut cells = Cells::new(mapping.fields.len());
        let mut last = 1;
        loop {
            let line = match records.next()? {
                Next::Record(line) => line,
                Next::Broken(line, reason) => {
                    last = line;
                    out.reject(line, "", None, reason);
                    if records.cut_off() {
                        out.ends_early();
                    }
                    continue;
                }
                Next::End => {
                    if tear.is_torn() {
                        out.breaks_off(last + 1);
                    }
                    return Ok(());
                }
            };
            last = line;
            let Some(record) = records.texts() else {
                out.reject(line, "", None, "not UTF-8");
                continue;
            };
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
                    for (field, text) in fields.iter().zip([record[day_at], from, to, &rate, derived]) {
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
