//! Functions in plans that travel to other processes. Most are their names alone. Those that know more than
//! their arguments take that along; the other side makes them anew from it.

use super::fx::Fx;
use super::fx_rate::FxRate;
use super::now_utc::NowUtc;
use super::setting::Setting;
use super::{OneCurrency, aggregates, scalars};
use super::{charge_day, charge_moment, hour_of_day, in_period, local_day, local_hour, local_month};
use crate::base::time::from_micros;
use crate::engine::{Registry, Settings};
use chrono_tz::Tz;
use datafusion::common::{exec_err, not_impl_err};
use datafusion::error::Result;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

/// What goes before the knowledge of a function. Another version of the program may know other things.
const VERSION: &str = concat!("spendscope ", env!("CARGO_PKG_VERSION"), "\n");

/// What a function knows, for the other side; nothing where its name is enough.
pub(in crate::engine) fn knowledge(function: &ScalarUDF) -> Result<Vec<u8>> {
    let inner = function.inner();
    let bytes = if let Some(zone) = zone(function) {
        zone.name().as_bytes().to_vec()
    } else if let Some(now) = inner.downcast_ref::<NowUtc>() {
        now.micros.to_string().into_bytes()
    } else if let Some(rates) = inner.downcast_ref::<FxRate>() {
        rates.packed()?
    } else if let Some(fx) = inner.downcast_ref::<Fx>() {
        fx.rate.packed()?
    } else if inner.downcast_ref::<Setting>().is_some() {
        // Folded while planning, unless its argument is no literal, which is an error anyway.
        return not_impl_err!("setting takes one literal name");
    } else {
        return Ok(Vec::new());
    };
    Ok([VERSION.as_bytes(), &bytes].concat())
}

/// A function of ours by its name and what it knows. `None`: it is not ours.
pub(in crate::engine) fn scalar(name: &str, knowledge: &[u8]) -> Result<Option<ScalarUDF>> {
    let mut settings = Settings::new(from_micros(0));
    if knowledge.is_empty() {
        return Ok(plain().into_iter().find(|function| function.name() == name));
    }
    let Some(bytes) = knowledge.strip_prefix(VERSION.as_bytes()) else {
        return exec_err!(
            "this part of the cluster is {}, and the query was planned by another version: run one version everywhere",
            VERSION.trim_end()
        );
    };
    if name == "fx_rate" {
        return Ok(Some(FxRate::unpacked(bytes)?.into()));
    }
    if name == "fx" {
        return Ok(Some(Fx::by(FxRate::unpacked(bytes)?).into()));
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    match (text.parse::<Tz>(), text.parse::<i64>()) {
        (Ok(zone), _) => settings.zone = zone,
        (_, Ok(micros)) => settings.now = from_micros(micros),
        _ => return exec_err!("{name} came with something that it cannot know"),
    }
    let all = scalars(&settings, &Registry::default());
    Ok(all.into_iter().find(|function| function.name() == name))
}

/// The functions whose names are enough.
pub(in crate::engine) fn plain() -> Vec<ScalarUDF> {
    let mut all = scalars(&Settings::new(from_micros(0)), &Registry::default());
    all.push(OneCurrency::default().into());
    all.retain(|function| knowledge(function).is_ok_and(|known| known.is_empty()));
    all
}

pub(in crate::engine) fn aggregate(name: &str) -> Option<AggregateUDF> {
    aggregates().into_iter().find(|function| function.name() == name)
}

fn zone(function: &ScalarUDF) -> Option<Tz> {
    let inner = function.inner();
    None.or_else(|| inner.downcast_ref::<charge_day::ChargeDay>().map(|f| f.zone))
        .or_else(|| {
            inner
                .downcast_ref::<charge_moment::ChargeMoment>()
                .map(|f| f.zone)
        })
        .or_else(|| inner.downcast_ref::<hour_of_day::HourOfDay>().map(|f| f.zone))
        .or_else(|| inner.downcast_ref::<in_period::InPeriod>().map(|f| f.zone))
        .or_else(|| inner.downcast_ref::<local_day::LocalDay>().map(|f| f.zone))
        .or_else(|| inner.downcast_ref::<local_hour::LocalHour>().map(|f| f.zone))
        .or_else(|| inner.downcast_ref::<local_month::LocalMonth>().map(|f| f.zone))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::udf::fx_rate::Rates;
    use std::sync::Arc;

    #[test]
    fn every_function_arrives_as_it_left() {
        let settings = Settings {
            currency: "EUR".to_owned(),
            zone: chrono_tz::Asia::Kathmandu,
            now: from_micros(1),
            ..Settings::new(from_micros(0))
        };
        for function in scalars(&settings, &Registry::default()) {
            if function.name() == "setting" {
                assert!(knowledge(&function).is_err());
                continue;
            }
            let known = knowledge(&function).unwrap();
            let arrived = scalar(function.name(), &known).unwrap().unwrap();
            assert_eq!(arrived, function, "{}", function.name());
        }
        for function in aggregates() {
            assert_eq!(aggregate(function.name()).unwrap(), function);
        }
    }

    #[test]
    fn rates_arrive_once_and_whole() {
        let mut rates = Rates::new();
        let pair = |from: &str| (from.to_owned(), "EUR".to_owned());
        rates.insert(pair("USD"), vec![(-3, 1), (20_000, i128::MAX)]);
        rates.insert(pair("JPY"), vec![(7, 6_100_000_000_000_000)]);
        let rates = Arc::new(rates);
        let fx = ScalarUDF::from(Fx::new(Arc::clone(&rates)));
        assert_eq!(
            scalar("fx", &knowledge(&fx).unwrap()).unwrap().unwrap().name(),
            "fx"
        );
        let function = ScalarUDF::from(FxRate::new(rates));
        let known = knowledge(&function).unwrap();
        let arrived = scalar("fx_rate", &known).unwrap().unwrap();
        let again = scalar("fx_rate", &known).unwrap().unwrap();
        assert_eq!(arrived, again, "equal functions are one");
        assert_eq!(knowledge(&arrived).unwrap(), known);
        let unpacked = arrived.inner().downcast_ref::<FxRate>().unwrap();
        let left = function.inner().downcast_ref::<FxRate>().unwrap();
        assert_eq!(unpacked.rates(), left.rates());
    }

    #[test]
    fn another_version_is_told() {
        let error = scalar("local_day", b"spendscope 0.0.1\nUTC")
            .unwrap_err()
            .to_string();
        assert!(error.contains("run one version everywhere"), "{error}");
    }
}
