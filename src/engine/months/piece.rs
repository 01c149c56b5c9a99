//! A month, or its days before or from one on. Where tasks go on into the next month, the last days are apart: what comes there
//! may change what these tasks cost, and those of the days before it does not.

use super::month::Month;
use super::reach::Stretch;
use crate::base::time::{from_micros, local_midnight};
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Piece {
    pub(super) month: Month,
    days: Days,
}

/// Days of the reporting zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    All,
    Before(NaiveDate),
    From(NaiveDate),
}

/// Stand between a month and a day in the name of a piece.
const BEFORE: &str = "-before-";
const FROM: &str = "-from-";

impl Piece {
    pub(super) fn whole(month: Month) -> Piece {
        Piece {
            month,
            days: Days::All,
        }
    }

    /// The month in one piece, or in two where a day begins in it that is not its first.
    pub(super) fn cut(month: Month, at: Option<i64>, zone: Tz) -> Vec<Piece> {
        let day = at.map(|at| from_micros(at).with_timezone(&zone).date_naive());
        let pieces = |day| [Days::Before(day), Days::From(day)].map(|days| Piece { month, days });
        let own = month.stretch(zone);
        match day {
            Some(day) if own.from < midnight(day, zone) && midnight(day, zone) < own.to => {
                pieces(day).to_vec()
            }
            _ => vec![Piece::whole(month)],
        }
    }

    /// When its rows are.
    pub(super) fn stretch(self, zone: Tz) -> Stretch {
        self.of(self.month.stretch(zone), zone)
    }

    /// The whole days of the zone that touch it.
    pub(super) fn days(self, zone: Tz) -> Stretch {
        self.of(self.month.days(zone), zone)
    }

    fn of(self, all: Stretch, zone: Tz) -> Stretch {
        match self.days {
            Days::All => all,
            Days::Before(day) => Stretch {
                to: midnight(day, zone),
                ..all
            },
            Days::From(day) => Stretch {
                from: midnight(day, zone),
                ..all
            },
        }
    }

    pub(super) fn parse(text: &str) -> Option<Piece> {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let (month, days) = if let Some((month, before)) = text.split_once(BEFORE) {
            (month, Days::Before(day(before)?))
        } else if let Some((month, from)) = text.split_once(FROM) {
            (month, Days::From(day(from)?))
        } else {
            (text, Days::All)
        };
        let month = Month::parse(month)?;
        Some(Piece { month, days })
    }
}

fn midnight(day: NaiveDate, zone: Tz) -> i64 {
    local_midnight(day, zone).timestamp_micros()
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.days {
            Days::All => write!(f, "{}", self.month),
            Days::Before(day) => write!(f, "{}{BEFORE}{day}", self.month),
            Days::From(day) => write!(f, "{}{FROM}{day}", self.month),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::time::parse_instant;

    #[test]
    fn two_pieces_are_the_month_and_have_names() {
        for zone in [
            chrono_tz::UTC,
            chrono_tz::America::New_York,
            chrono_tz::Pacific::Auckland,
        ] {
            let month = Month::parse("2026-11").unwrap();
            let at = parse_instant("2026-11-29T18:30:00Z").unwrap();
            let pieces = Piece::cut(month, Some(at), zone);
            let [before, from] = pieces[..] else {
                panic!("{pieces:?}");
            };
            for of in [Piece::stretch, Piece::days] {
                let (whole, before, from) = (of(Piece::whole(month), zone), of(before, zone), of(from, zone));
                assert_eq!((before.from, from.to), (whole.from, whole.to), "{zone}");
                assert_eq!(before.to, from.from, "{zone}");
                assert!(from.has(at), "{zone}");
            }
            for piece in [before, from, Piece::whole(month)] {
                assert_eq!(Piece::parse(&piece.to_string()), Some(piece));
            }
            // Nothing comes before the first day.
            for at in [month.stretch(zone).from - 1, month.days(zone).from] {
                assert_eq!(Piece::cut(month, Some(at), zone), [Piece::whole(month)], "{zone}");
            }
            assert_eq!(Piece::cut(month, None, zone), [Piece::whole(month)]);
        }
    }
}
