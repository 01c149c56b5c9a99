//! What our functions do, for whoever looks for one. A test holds the list to the functions that are
//! registered, and runs every example.

/// A function, explained.
#[derive(Debug)]
pub(in crate::engine) struct Words {
    pub(in crate::engine) name: &'static str,
    /// A call, its arguments by name.
    pub(in crate::engine) signature: &'static str,
    pub(in crate::engine) about: &'static str,
    /// A query that shows it.
    pub(in crate::engine) example: &'static str,
}

pub(in crate::engine) fn words(name: &str) -> Option<&'static Words> {
    WORDS.iter().find(|words| words.name == name)
}

const fn says(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    example: &'static str,
) -> Words {
    Words {
        name,
        signature,
        about,
        example,
    }
}

static WORDS: &[Words] = &[
    says(
        "apportion",
        "apportion(amount, before, upto, total)",
        "The share of an amount that a row carries whose weights lie between before and upto of total; the shares of all rows add up to the amount exactly.",
        "SELECT apportion(1.00, 0, 1, 3)",
    ),
    says(
        "billing_month",
        "billing_month(instant)",
        "The UTC month of a billing period, as the lake writes it: 2026-10.",
        "SELECT billing_month(TIMESTAMP '2026-10-31T23:00:00Z')",
    ),
    says(
        "charge_day",
        "charge_day(period_start, period_end)",
        "The day a charge belongs to: of the reporting time zone for periods of up to an hour, else the provider's own.",
        "SELECT charge_day(TIMESTAMP '2026-10-01T00:00:00Z', TIMESTAMP '2026-10-02T00:00:00Z')",
    ),
    says(
        "charge_moment",
        "charge_moment(period_start, period_end)",
        "The instant by which a charge is in a window of the reporting time zone.",
        "SELECT charge_moment(TIMESTAMP '2026-10-01T00:00:00Z', TIMESTAMP '2026-10-02T00:00:00Z')",
    ),
    says(
        "claimant",
        "claimant(charge_id, provider, …)",
        "The one model provider that claims a charge; two are an error of the configuration.",
        "SELECT claimant('c1', NULL, 'openai')",
    ),
    says(
        "date",
        "date(instant)",
        "The UTC day of an instant, or the day that a text names.",
        "SELECT date(TIMESTAMP '2026-10-01T15:00:00Z')",
    ),
    says(
        "day",
        "day(instant)",
        "The day of the month in UTC, 1 to 31.",
        "SELECT day(TIMESTAMP '2026-10-01T15:00:00Z')",
    ),
    says(
        "distinct_ids",
        "distinct_ids(text)",
        "How many different texts, or fingerprints (NULL has one, too), a group has: what count(DISTINCT text) says, in less time where groups are many and each has few.",
        "SELECT distinct_ids(value % 3) FROM generate_series(1, 9) AS s(value)",
    ),
    says(
        "fingerprint",
        "fingerprint(text, …)",
        "One number for one or several texts, NULL included, that no others have (126 bits of BLAKE3): to group by and join by in the place of long ids.",
        "SELECT fingerprint('task-1', 'call-1') = fingerprint('task-1', 'call-2')",
    ),
    says(
        "fx",
        "fx(amount, from, to, day)",
        "An amount in another currency by the rate of the day, rounded half to even to 18 places; NULL without a rate. Rates into the shown and the reporting currency are loaded.",
        "SELECT fx(1.5, 'USD', 'USD', DATE '2026-10-01')",
    ),
    says(
        "fx_rate",
        "fx_rate(from, to, day)",
        "The newest rate of a currency pair that is no later than the day; 1 for a currency and itself, NULL where there is none. Rates into the shown and the reporting currency are loaded.",
        "SELECT fx_rate('USD', 'USD', DATE '2026-10-01')",
    ),
    says(
        "hour_of_day",
        "hour_of_day(instant)",
        "What a clock in the reporting time zone shows, 0 to 23.",
        "SELECT hour_of_day(TIMESTAMP '2026-10-01T15:00:00Z')",
    ),
    says(
        "in_hours",
        "in_hours(pricing, instant)",
        "Does an instant lie in the hours that an off-peak price names?",
        "SELECT in_hours(NULL, TIMESTAMP '2026-10-01T15:00:00Z')",
    ),
    says(
        "in_period",
        "in_period(instant, period)",
        "Does an instant lie in a period of the reporting time zone: '2026', '2026-Q4', '2026-10' or '2026-10-31'. The period is half-open, and files outside of it are not read.",
        "SELECT in_period(TIMESTAMP '2026-10-15T00:00:00Z', '2026-10')",
    ),
    says(
        "instant",
        "instant(micros)",
        "The instant so many microseconds after 1970 began.",
        "SELECT instant(1790812800000000)",
    ),
    says(
        "json_exists",
        "json_exists(json, path)",
        "Is there such a value? json is JSON as text or a map such as tags, path is '$.a.b' or the name of a key.",
        "SELECT json_exists('{\"CoreCount\": 8}', '$.CoreCount')",
    ),
    says(
        "json_extract_string",
        "json_extract_string(json, path)",
        "A value of JSON as text, or of a map such as tags; path is '$.a.b' or the name of a key. The operator ->> does the same. NULL where there is none.",
        "SELECT json_extract_string('{\"CoreCount\": 8}', '$.CoreCount')",
    ),
    says(
        "json_field",
        "json_field(text, key)",
        "One value of a JSON object kept as text, such as sku_price_details.",
        "SELECT json_field('{\"TokenDirection\": \"Input\"}', 'TokenDirection')",
    ),
    says(
        "local_day",
        "local_day(instant)",
        "The calendar day in the reporting time zone.",
        "SELECT local_day(TIMESTAMP '2026-10-01T23:30:00Z')",
    ),
    says(
        "local_hour",
        "local_hour(instant)",
        "The instant at which the hour of the reporting time zone began.",
        "SELECT local_hour(TIMESTAMP '2026-10-01T23:30:00Z')",
    ),
    says(
        "local_month",
        "local_month(instant)",
        "The first day of the month in the reporting time zone.",
        "SELECT local_month(TIMESTAMP '2026-09-30T23:30:00Z')",
    ),
    says(
        "longest",
        "longest(name, length, …)",
        "The name with the greatest length; an empty text where two share it.",
        "SELECT longest('gpt-4o', 6, 'gpt-4o-mini', 11)",
    ),
    says(
        "match_length",
        "match_length(text, regex)",
        "Characters in the longest match of a pattern; NULL where there is none.",
        "SELECT match_length('gpt-4o-mini', 'gpt-4o')",
    ),
    says(
        "measured",
        "measured(number)",
        "A count or a decimal as a physical measurement, in floating point.",
        "SELECT measured(3)",
    ),
    says(
        "money_mul",
        "money_mul(a, b)",
        "The product of two amounts, rounded half to even to 18 places.",
        "SELECT money_mul(1.5, 2)",
    ),
    says(
        "month",
        "month(instant)",
        "The month of the year in UTC, 1 to 12.",
        "SELECT month(TIMESTAMP '2026-10-01T15:00:00Z')",
    ),
    says(
        "nearest_rank",
        "nearest_rank(value, percent)",
        "The percentile of a group, which is one of its values: the one at rank percent / 100 × n, rounded up.",
        "SELECT nearest_rank(value, 95) FROM generate_series(1, 100) AS s(value)",
    ),
    says(
        "nearest_ranks",
        "nearest_ranks(value, percent, …)",
        "Several percentiles of a group as a list, each what nearest_rank says; the values are held once for all of them.",
        "SELECT nearest_ranks(value, 50, 95) FROM generate_series(1, 100) AS s(value)",
    ),
    says(
        "newcombe_high",
        "newcombe_high(hits, members, hits, members)",
        "Upper end of the 95 % interval of the difference between two shares, the second taken from the first.",
        "SELECT newcombe_high(56, 70, 48, 80)",
    ),
    says(
        "newcombe_low",
        "newcombe_low(hits, members, hits, members)",
        "Lower end of the 95 % interval of the difference between two shares, the second taken from the first.",
        "SELECT newcombe_low(56, 70, 48, 80)",
    ),
    says("now_utc", "now_utc()", "The session's clock.", "SELECT now_utc()"),
    says(
        "price_at",
        "price_at(input, output, read, write, extra, tier, above)",
        "The rates of a price row for one service tier and one length of the prompt.",
        "SELECT price_at(0.001, 0.002, NULL, NULL, NULL, 'standard', 0)",
    ),
    says(
        "price_entries",
        "price_entries(input, output, read, write, extra)",
        "Everything a price row says, one entry per rate.",
        "SELECT price_entries(0.001, 0.002, NULL, NULL, NULL)",
    ),
    says(
        "price_factors",
        "price_factors(extra)",
        "What a price row multiplies its rates by, word by word, as JSON.",
        "SELECT price_factors(NULL)",
    ),
    says(
        "price_steps",
        "price_steps(extra, extra)",
        "At which lengths of the prompt the prices of two rows change.",
        "SELECT price_steps(NULL, NULL)",
    ),
    says(
        "ratio",
        "ratio(a, b)",
        "A quotient with 18 places, rounded half to even; NULL for a zero denominator. a / b of decimals is the same.",
        "SELECT ratio(2, 3)",
    ),
    says(
        "resampled",
        "resampled(member, amount, drawn)",
        "What an amount adds up to in 500 resamples of its members (a bootstrap), as a list; drawn adds such lists up, or is NULL.",
        "SELECT array_length(resampled(CAST(value AS VARCHAR), value, NULL)) FROM generate_series(1, 3) AS s(value)",
    ),
    says(
        "setting",
        "setting(name)",
        "How this session shows amounts: basis, currency, reporting_currency, time_zone, now and others.",
        "SELECT setting('basis')",
    ),
    says(
        "sum_product",
        "sum_product(amount, rate)",
        "The sum of amount × rate, rounded once to 18 places: a converted total. Rows without a rate are left out.",
        "SELECT sum_product(value, 0.5) FROM generate_series(1, 3) AS s(value)",
    ),
    says(
        "sum_product_exact",
        "sum_product_exact(amount, rate)",
        "The sum of amount × rate with all 36 places, for weights.",
        "SELECT sum_product_exact(value, 0.5) FROM generate_series(1, 3) AS s(value)",
    ),
    says(
        "tag",
        "tag(tags, key)",
        "The value of a tag: under the very key, else under the one key that differs from it only in upper and lower case. NULL where there is none, or two.",
        "SELECT tag(MAP {'Team': 'search'}, 'team')",
    ),
    says(
        "token_cost",
        "token_cost(factor, tokens, rate, …)",
        "What tokens cost: the sum of tokens × rate, times the factor. Tokens without a rate make the whole NULL.",
        "SELECT token_cost(NULL, 1000, 0.000002)",
    ),
    says(
        "uplift",
        "uplift(factors, tier, region, geo, api_base)",
        "By what a price list multiplies its rates for where, and in which tier, an attempt ran.",
        "SELECT uplift(NULL, 'standard', 'eu-west-1', NULL, NULL)",
    ),
    says(
        "welch_high",
        "welch_high(members, sum, sum_of_squares, members, sum, sum_of_squares)",
        "Upper end of the 95 % interval of the difference between two means, the second taken from the first.",
        "SELECT welch_high(10, 20.0, 45.0, 10, 10.0, 15.0)",
    ),
    says(
        "welch_low",
        "welch_low(members, sum, sum_of_squares, members, sum, sum_of_squares)",
        "Lower end of the 95 % interval of the difference between two means, the second taken from the first.",
        "SELECT welch_low(10, 20.0, 45.0, 10, 10.0, 15.0)",
    ),
    says(
        "wilson_high",
        "wilson_high(hits, members)",
        "Upper end of the 95 % interval of a share.",
        "SELECT wilson_high(15, 148)",
    ),
    says(
        "wilson_low",
        "wilson_low(hits, members)",
        "Lower end of the 95 % interval of a share.",
        "SELECT wilson_low(15, 148)",
    ),
    says(
        "year",
        "year(instant)",
        "The year in UTC.",
        "SELECT year(TIMESTAMP '2026-10-01T15:00:00Z')",
    ),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::query;
    use super::super::{aggregates, scalars};
    use super::*;
    use crate::engine::{Registry, Settings};
    use std::collections::BTreeSet;

    #[test]
    fn every_function_of_ours_is_explained() {
        let settings = Settings::new(crate::base::time::from_micros(0));
        let functions = scalars(&settings, &Registry::default());
        let mut registered: BTreeSet<String> = functions.iter().map(|f| f.name().to_owned()).collect();
        registered.extend(aggregates().iter().map(|f| f.name().to_owned()));
        // These two wait for the rates.
        registered.extend(["fx", "fx_rate"].map(str::to_owned));
        let explained: BTreeSet<String> = WORDS.iter().map(|w| w.name.to_owned()).collect();
        assert_eq!(registered, explained);
        assert_eq!(explained.len(), WORDS.len(), "a name stands twice");
        for words in WORDS {
            assert!(words.signature.starts_with(words.name), "{}", words.name);
            assert!(words.about.ends_with(['.', '?']), "{}", words.name);
        }
    }

    #[test]
    fn every_example_runs() {
        for words in WORDS.iter().filter(|w| !w.name.starts_with("fx")) {
            assert!(
                words.example.contains(&format!("{}(", words.name)),
                "{}",
                words.name
            );
            assert_eq!(query(words.example).len(), 1, "{}", words.example);
        }
    }
}
