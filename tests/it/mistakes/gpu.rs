//! GPUs: hardware of one's own, power, telemetry and carbon, read by the program from end to end.

use crate::support::{run, shared};
use std::path::Path;

const NOW: &str = "2026-10-05T00:00:00Z";

const CONFIG: &str = "
[providers.own]
self_hosted = true
[models.m]
provider = 'own'
[[gpu_nodes]]
host = 'h1'
resource_id = 'gpu-own-1'
gpus = 1
gpu_model = 'H100'
purchase = 'owned'
model = 'm'
region = 'asia-east1'
[energy]
host_factor = 1.5
pue = 1.2
[[pull.prometheus]]
name = 'dcgm_text'
step_seconds = 1800
";

/// A scratch lake that the program fills and answers from.
struct Books(tempfile::TempDir);

impl Books {
    fn new() -> Books {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("spendscope.toml"), CONFIG).unwrap();
        Books(dir)
    }

    fn ingest(&self, path: &Path, more: &[&str]) {
        let args = [&["--now", NOW, "ingest", path.to_str().unwrap()], more].concat();
        let (status, _, talk) = run(self.0.path(), &args);
        assert_eq!(status, 0, "{talk}");
    }

    fn post(&self, name: &str, text: &str, more: &[&str]) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        self.ingest(&path, more);
    }

    /// The rows of an answer, without the header.
    fn ask(&self, sql: &str) -> Vec<String> {
        let (status, out, talk) = run(self.0.path(), &["--now", NOW, "-o", "csv", "sql", "-c", sql]);
        assert_eq!(status, 0, "{sql}\n{talk}");
        out.lines().skip(1).map(str::to_owned).collect()
    }
}

/// 31,000 less 1,000 over 30 months is 1,000 a month; September has 720 hours. Power for the month is 72.
#[test]
fn owned_hardware_is_free_once_it_is_bought() {
    let books = Books::new();
    books.post(
        "assets.csv",
        "resource_id,description,purchase_price,salvage,currency,in_service,months\n\
         gpu-own-1,Server,31000,1000,USD,2026-09-01,30\n",
        &[],
    );
    books.post(
        "power.csv",
        "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,\
         ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,ServiceName,ResourceId,ConsumedQuantity,\
         ConsumedUnit\n\
         72,72,72,72,USD,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,\
         Power Co,Electricity,gpu-own-1,360,kWh\n",
        &["--source", "power"],
    );
    books.post(
        "scrape.prom",
        "DCGM_FI_PROF_SM_ACTIVE{gpu=\"0\",UUID=\"G\",Hostname=\"h1\",pod=\"p\"} 0.5 1789380000000\n\
         DCGM_FI_PROF_SM_ACTIVE{gpu=\"0\",UUID=\"G\",Hostname=\"h1\",pod=\"p\"} 0 1789381800000\n",
        &[],
    );
    let months = "SELECT count(*) AS n, CAST(sum(effective_cost) AS BIGINT) AS all_of_it,
                  CAST(sum(billed_cost) AS BIGINT) AS billed FROM charges WHERE service_name = 'Depreciation'";
    assert_eq!(books.ask(months), ["30,30000,0"]);
    // Half an hour of 720 hours, and of two bills: 1072 / 1440.
    let leaves =
        "SELECT leaf, round(CAST(sum(amount) AS DOUBLE), 6) AS amount, min(scope) AS scope FROM ledger
                  WHERE period_start < '2026-10-01T00:00:00Z' GROUP BY leaf ORDER BY leaf";
    assert_eq!(
        books.ask(leaves),
        [
            "gpu_allocated_idle,0.744444,Data Centre",
            "gpu_dark,1070.511111,Data Centre",
            "gpu_serving_untraced,0.744444,Data Centre",
        ]
    );
    // The node is there once, whoever is paid for it.
    let hours = "SELECT round(sum(provisioned_s), 3) AS s FROM gpu_hours WHERE hour < '2026-10-01T00:00:00Z'";
    assert_eq!(books.ask(hours), ["2592000.0"]);
    // The same list again changes nothing.
    books.ingest(&books.0.path().join("assets.csv"), &[]);
    assert_eq!(books.ask(months), ["30,30000,0"]);
}

/// An exporter that renamed its series changed their units as well: a counter in joules is not one in millijoules.
#[test]
fn a_renamed_counter_is_a_thousand_times_too_small() {
    let books = Books::new();
    let line = |name: &str, value: &str, time: u64| {
        format!("{name}{{gpu=\"0\",UUID=\"G\",hostname=\"h1\"}} {value} {time}\n")
    };
    let old = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION";
    let new = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_JOULES";
    let text = [
        line(old, "1000000", 1_789_380_000_000),
        line(old, "2000000", 1_789_380_060_000),
        // The upgrade.
        line(new, "2500", 1_789_380_120_000),
        line(new, "4000", 1_789_380_180_000),
    ];
    books.post("scrape.prom", &text.concat(), &[]);
    assert_eq!(books.ask("SELECT sum(joules) AS j FROM gpu_energy"), ["3000.0"]);
}

/// Lists of several years under one name: importing the next one does not forget the one before, and each hour has the
/// figure of its time. Hour 2026-09-14T10:00Z, 1 kWh at the accelerator, 1.8 at the facility.
#[test]
fn the_carbon_of_last_year_is_reckoned_with_the_grid_of_today() {
    let books = Books::new();
    books.post(
        "scrape.prom",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu=\"0\",UUID=\"G\",Hostname=\"h1\"} 0 1789380000000\n\
         DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu=\"0\",UUID=\"G\",Hostname=\"h1\"} 3600000000 1789383600000\n",
        &[],
    );
    let carbon = "SELECT round(sum(gco2), 3) AS g FROM energy_leaves";
    assert_eq!(books.ask(carbon), [""]);
    let list = |figure: &str| {
        format!(
            "Google Cloud Region,Location,Google CFE,Grid carbon intensity (gCO2eq / kWh)\nasia-east1,Taiwan,0.1,{figure}\n"
        )
    };
    books.post("2026.csv", &list("400"), &["--valid-from", "2026-01-01"]);
    books.post("2027.csv", &list("100"), &["--valid-from", "2027-01-01"]);
    assert_eq!(books.ask(carbon), ["720.0"]);
    books.post("2026.csv", &list("500"), &["--valid-from", "2026-01-01"]);
    assert_eq!(books.ask(carbon), ["900.0"]);
    assert_eq!(books.ask("SELECT count(*) AS n FROM grid_intensity"), ["2"]);
}

#[test]
fn real_lists_of_grids_are_read_whole() {
    let books = Books::new();
    let Some(folder) = shared("data/energy") else {
        return;
    };
    for year in ["2019", "2024"] {
        let from = format!("{year}-01-01");
        books.ingest(
            &folder.join(format!("gcp-region/{year}.csv")),
            &["--valid-from", &from],
        );
    }
    books.ingest(
        &folder.join("codecarbon-impact.csv"),
        &["--valid-from", "2023-01-01"],
    );
    // Taiwan: 541, 451 and 439.29 g/kWh.
    let taiwan = "SELECT gco2_per_kwh FROM grid_periods WHERE region = 'asia-east1' ORDER BY valid_from";
    assert_eq!(books.ask(taiwan), ["541.0", "451.0", "439.29"]);
    let odd =
        "SELECT region, gco2_per_kwh FROM grid_intensity WHERE gco2_per_kwh <= 0 OR gco2_per_kwh > 1500";
    assert_eq!(books.ask(odd), Vec::<String>::new());
}
