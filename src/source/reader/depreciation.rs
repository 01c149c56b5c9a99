//! A list of things one owns, as CSV: each is written off in equal parts, one row a month. The parts add up
//! to price less salvage exactly. Knows calendar months; knows nothing of charges.

use super::csv::Csv;
use super::records::{Next, Records};
use super::{Input, Reader, options, text_of};
use crate::base::money::{self, Exact};
use crate::base::{Error, Result, time};
use crate::source::collect::{Cells, Collector};
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use chrono::{Datelike, Months, NaiveDate};
use serde::Deserialize;

#[derive(Debug)]
pub(super) struct Depreciation;

/// Names of columns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    price: String,
    /// What it will be worth in the end; an empty cell is nothing.
    salvage: String,
    /// The first day of use.
    in_service: String,
    /// Over how many calendar months it is written off.
    months: String,
}

/// What a row has beside the columns of its asset.
const FIELDS: [&str; 5] = [
    "month.start",
    "month.end",
    "month.from",
    "month.amount",
    "month.number",
];

/// A hundred years: more is a slip of the pen.
const MOST_MONTHS: u32 = 1200;

impl Reader for Depreciation {
    fn id(&self) -> &'static str {
        "depreciation"
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
        let (content, tear) = text_of(input)?;
        let mut records = Records::new(content, tear.clone(), b',');
        let header: Vec<String> = records.header()?.iter().map(|h| h.trim().to_owned()).collect();
        let place = |name: &str| {
            header
                .iter()
                .position(|column| column.eq_ignore_ascii_case(name))
                .ok_or_else(|| Error::data(format!("there is no column '{name}'")))
        };
        let wanted = [
            &options.price,
            &options.salvage,
            &options.in_service,
            &options.months,
        ];
        let [price, salvage, in_service, months] = wanted.map(|name| place(name));
        let places = [price?, salvage?, in_service?, months?];
        // Columns that the mapping wants as they stand.
        let kept: Vec<(usize, usize)> = header
            .iter()
            .enumerate()
            .filter_map(|(at, name)| {
                let field = mapping.fields.iter().position(|f| f.eq_ignore_ascii_case(name))?;
                Some((at, field))
            })
            .collect();
        let fields = FIELDS.map(|name| mapping.field(name));
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
            let asset = match Asset::read(places.map(|at| record[at])) {
                Ok(asset) => asset,
                Err((which, reason)) => {
                    let at = places[which];
                    out.reject(line, &header[at], Some(record[at]), reason);
                    continue;
                }
            };
            for month in 0..asset.months {
                let Some([start, end, from, amount]) = asset.month(month) else {
                    out.reject(
                        line,
                        &options.in_service,
                        None,
                        "the calendar ends before it is written off",
                    );
                    break;
                };
                cells.clear();
                for (at, field) in &kept {
                    cells.set(*field, record[*at]);
                }
                let texts = [start, end, from, amount, (month + 1).to_string()];
                for (field, text) in fields.iter().zip(&texts) {
                    if let Some(field) = field {
                        cells.set(*field, text);
                    }
                }
                out.row(line, &cells)?;
            }
        }
    }
}

struct Asset {
    /// Price less salvage.
    amount: i128,
    in_service: NaiveDate,
    months: u32,
}

impl Asset {
    /// From price, salvage, day and months. `Err`: which of them is wrong, and why.
    fn read([price, salvage, in_service, months]: [&str; 4]) -> std::result::Result<Asset, (usize, String)> {
        let amount = |which: usize, text: &str| match Exact::parse(text).map(Exact::round) {
            Ok(amount) if amount >= 0 => Ok(amount),
            Ok(_) => Err((which, "less than nothing".to_owned())),
            Err(reason) => Err((which, reason.to_string())),
        };
        let price = amount(0, price)?;
        let salvage = match salvage {
            "" => 0,
            text => amount(1, text)?,
        };
        if salvage > price {
            return Err((1, "it would be worth more in the end than it cost".to_owned()));
        }
        let in_service = time::parse_instant(in_service)
            .map(|instant| time::from_micros(instant).date_naive())
            .ok_or_else(|| (2, "not a day".to_owned()))?;
        let months = months
            .parse()
            .ok()
            .filter(|months| (1..=MOST_MONTHS).contains(months));
        Ok(Asset {
            amount: price - salvage,
            in_service,
            months: months.ok_or_else(|| (3, format!("not a number of months from 1 to {MOST_MONTHS}")))?,
        })
    }

    /// Beginning and end of a calendar month, from when in it the thing was in use, and the month's part. The
    /// month of the first day counts whole.
    fn month(&self, number: u32) -> Option<[String; 4]> {
        let first = self.in_service.with_day(1)?;
        let start = first.checked_add_months(Months::new(number))?;
        let end = first.checked_add_months(Months::new(number + 1))?;
        let [before, upto, all] = [number, number + 1, self.months].map(i128::from);
        let amount = money::apportion(self.amount, before, upto, all)?;
        Some([
            start.to_string(),
            end.to_string(),
            start.max(self.in_service).to_string(),
            money::format(amount),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_months_add_up_to_price_less_salvage() {
        let asset = Asset::read(["10000", "0.000000000000000001", "2026-01-31", "36"]).unwrap();
        let months: Vec<_> = (0..36).map(|month| asset.month(month).unwrap()).collect();
        let sum: i128 = months.iter().map(|m| money::parse(&m[3]).unwrap()).sum();
        assert_eq!(sum, 10_000 * money::ONE - 1);
        assert_eq!(months[0][..3], ["2026-01-01", "2026-02-01", "2026-01-31"]);
        assert_eq!(months[1][..3], ["2026-02-01", "2026-03-01", "2026-02-01"]);
        assert_eq!(months[35][..2], ["2028-12-01", "2029-01-01"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (cells, which) in [
            (["x", "", "2026-01-01", "1"], 0),
            (["-1", "", "2026-01-01", "1"], 0),
            (["1", "2", "2026-01-01", "1"], 1),
            (["1", "", "January", "1"], 2),
            (["1", "", "2026-01-01", "0"], 3),
            (["1", "", "2026-01-01", "1201"], 3),
            (["1", "", "2026-01-01", "1.5"], 3),
        ] {
            assert_eq!(Asset::read(cells).err().unwrap().0, which, "{cells:?}");
        }
    }
}
