//! The SQL functions that the views need: one file each, and the list.
//!
//! Money goes through `base::money` only. A NULL argument gives NULL; what does not fit into 38
//! digits is an error, never a wrapped number.

mod apportion;
mod args;
mod billing_month;
mod calendar;
mod charge_day;
mod charge_moment;
mod claimant;
mod date;
mod difference;
mod distinct_ids;
mod fingerprint;
mod fx;
mod fx_rate;
mod hour_of_day;
mod in_hours;
mod in_period;
mod instant;
mod json_field;
mod json_path;
mod local_day;
mod local_hour;
mod local_month;
mod longest;
mod match_length;
mod measured;
mod money_mul;
mod nearest_rank;
mod now_utc;
mod one_currency;
mod one_group;
mod price_at;
mod price_entries;
mod price_factors;
mod price_steps;
mod ratio;
mod resampled;
mod setting;
mod share;
mod sum_product;
mod tag;
mod token_cost;
pub(super) mod travel;
mod uplift;
mod words;
mod zone;

use crate::engine::{Registry, Settings};
use calendar::{Calendar, Part};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use difference::{Difference, End, Of};
use json_path::{Ask, JsonPath};

pub(super) use claimant::claimant;
pub(super) use fx::Fx;
pub(super) use fx_rate::{FxRate, rates};
pub(super) use longest::longest;
pub(super) use match_length::match_length;
pub(super) use one_currency::{OneCurrency, would_add};
pub(super) use setting::SettingValues;
pub(super) use words::{Words, words};
pub(super) use zone::begins_day;

/// All scalar functions, for one session.
pub(super) fn scalars(settings: &Settings, registry: &Registry) -> Vec<ScalarUDF> {
    vec![
        apportion::Apportion::default().into(),
        billing_month::BillingMonth::default().into(),
        Calendar::new(Part::Year).into(),
        Calendar::new(Part::Month).into(),
        Calendar::new(Part::Day).into(),
        charge_day::ChargeDay::new(settings.zone).into(),
        charge_moment::ChargeMoment::new(settings.zone).into(),
        claimant(),
        date::Date::default().into(),
        Difference::new(Of::Shares, End::Low).into(),
        Difference::new(Of::Shares, End::High).into(),
        Difference::new(Of::Means, End::Low).into(),
        Difference::new(Of::Means, End::High).into(),
        fingerprint::Fingerprint::default().into(),
        hour_of_day::HourOfDay::new(settings.zone).into(),
        in_hours::InHours::default().into(),
        in_period::InPeriod::new(settings.zone).into(),
        instant::Instant::default().into(),
        json_field::JsonField::default().into(),
        json_extract_string(),
        JsonPath::new(Ask::Exists).into(),
        local_day::LocalDay::new(settings.zone).into(),
        local_hour::LocalHour::new(settings.zone).into(),
        local_month::LocalMonth::new(settings.zone).into(),
        longest(),
        match_length(),
        measured::Measured::default().into(),
        money_mul::MoneyMul::default().into(),
        now_utc::NowUtc::new(settings.now).into(),
        price_at::PriceAt::default().into(),
        price_entries::PriceEntries::default().into(),
        price_factors::PriceFactors::default().into(),
        price_steps::PriceSteps::default().into(),
        ratio(),
        setting::Setting::new(settings, registry).into(),
        share::Share::new(End::Low).into(),
        share::Share::new(End::High).into(),
        tag::Tag::default().into(),
        token_cost::TokenCost::default().into(),
        uplift::Uplift::default().into(),
    ]
}

/// What `a / b` of decimals is.
pub(super) fn ratio() -> ScalarUDF {
    ratio::Ratio::default().into()
}

/// What `json ->> path` is.
pub(super) fn json_extract_string() -> ScalarUDF {
    JsonPath::new(Ask::Text).into()
}

/// All aggregate functions.
pub(super) fn aggregates() -> Vec<AggregateUDF> {
    vec![
        distinct_ids::DistinctIds::default().into(),
        nearest_rank::NearestRank::one().into(),
        nearest_rank::NearestRank::several().into(),
        resampled::Resampled::default().into(),
        sum_product::SumProduct::rounded().into(),
        sum_product::SumProduct::exact().into(),
    ]
}

#[cfg(test)]
pub(super) mod testing;
