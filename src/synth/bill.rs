//! Bills: what the vendors ask for what was used, and for all that has nothing to do with requests.
//! One file per source and month, written day by day.

use super::chance::{around, between};
use super::charge::{Charge, Discount, Field, columns};
use super::files::{Folder, Target};
use super::fleet::Running;
use super::meter::{Book, Meter, amount};
use super::portfolio::{Bill, Flat, Fleet, Node, Portfolio, Purchase, Rate};
use super::{Total, Totals};
use crate::base::money::{ONE, mul};
use crate::base::seed::{self, Rng};
use crate::base::time::{day_start, next_day};
use crate::base::{Error, Result};
use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, Utc};

pub(super) struct Billing<'a> {
    pub portfolio: &'a Portfolio,
    pub meter: &'a Meter,
    pub books: &'a [Book],
    pub running: &'a Running,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub seed: u64,
}

/// One bill that is being written.
struct Page<'a> {
    bill: &'a Bill,
    writer: csv::Writer<&'a mut Target>,
    columns: Vec<(&'static str, Field)>,
    blank: Charge,
    rows: u64,
    totals: &'a mut Totals,
    rng: Rng,
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn times(price: i128, quantity: i128) -> Result<i128> {
    mul(price, quantity).ok_or_else(|| Error::internal("a synthetic amount does not fit into 38 digits"))
}

impl Page<'_> {
    /// A usage charge of this bill for a period, without amounts yet.
    fn charge(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> Charge {
        Charge {
            period: (instant(start), instant(end)),
            ..self.blank.clone()
        }
    }

    fn write(&mut self, charge: &Charge) -> Result<()> {
        let failed = |e: csv::Error| Error::io(e.to_string());
        for (_, field) in &self.columns {
            self.writer
                .write_field(field(charge).as_bytes())
                .map_err(failed)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(failed)?;
        self.rows += 1;
        let total: &mut Total = self
            .totals
            .entry((self.bill.source.to_owned(), charge.currency.to_owned()))
            .or_default();
        total.rows += 1;
        total.billed += charge.billed;
        total.effective += charge.effective;
        Ok(())
    }
}

impl Billing<'_> {
    /// All bills of the month that begins at `first`, as far as it lies in the window.
    pub(super) fn month(&self, folder: &mut Folder, first: NaiveDate, totals: &mut Totals) -> Result<()> {
        let next = first + Months::new(1);
        for (index, bill) in self.portfolio.bills.iter().enumerate() {
            let mut file = folder.data(&format!(
                "billing/{}/{}-{}.csv",
                bill.source,
                bill.source,
                first.format("%Y-%m")
            ))?;
            let mut page = Page {
                bill,
                writer: csv::Writer::from_writer(&mut file.to),
                columns: columns(bill.focus),
                blank: Charge {
                    provider: bill.issuer.into(),
                    issuer: bill.issuer,
                    invoice: format!("{}-{}", bill.account.0, first.format("%Y%m")),
                    account: bill.account,
                    sub_account: bill.sub_account,
                    billing: (instant(day_start(first)), instant(day_start(next))),
                    category: "Usage",
                    frequency: "Usage-Based",
                    pricing_category: "Standard",
                    unit: "Units",
                    currency: bill.currency,
                    service: bill.service,
                    service_category: "Other",
                    service_subcategory: "Other (Other)",
                    region: bill.region,
                    ..Charge::default()
                },
                rows: 0,
                totals,
                rng: seed::generator(self.seed, &format!("bill/{}/{first}", bill.source)),
            };
            let names: Vec<&str> = page.columns.iter().map(|column| column.0).collect();
            page.writer
                .write_record(names)
                .map_err(|e| Error::io(e.to_string()))?;
            self.once_a_month(&mut page, index, first, next)?;
            let mut day = first.max(self.from);
            while day < next.min(self.to) {
                self.tokens(&mut page, day)?;
                self.gpus(&mut page, index, day)?;
                self.every_day(&mut page, index, day)?;
                day = next_day(day);
            }
            page.writer.flush()?;
            let rows = page.rows;
            drop(page);
            file.rows = rows;
            folder.close(file)?;
        }
        Ok(())
    }

    /// One row per model and token class of what the gateway sent, and of the little it did not see.
    fn tokens(&self, page: &mut Page<'_>, day: NaiveDate) -> Result<()> {
        for (index, model) in self.portfolio.models.iter().enumerate() {
            if !page.bill.providers.contains(&model.provider) {
                continue;
            }
            let (Some(tokens), Some(rates)) = (
                self.meter.tokens.get(&(day, index)),
                self.books[index].charged(day),
            ) else {
                continue;
            };
            for (class, (tokens, rate)) in tokens.iter().zip(rates).enumerate() {
                let (Some(rate), true) = (rate, *tokens > 0) else {
                    continue;
                };
                let past = *tokens as f64 * model.unlogged * between(&mut page.rng, 0.4, 1.6);
                let quantity = (i128::from(*tokens) + past as i128) * ONE;
                let contracted_price = rate * (1_000 - model.discount_per_mille) / 1_000;
                let contracted = times(contracted_price, quantity)?;
                let wording = wording(
                    self.portfolio.providers[model.provider].id,
                    model.sku,
                    index,
                    class,
                );
                let charge = Charge {
                    description: wording.description.into(),
                    sku: wording.sku.into(),
                    meter: wording.meter.into(),
                    billed: contracted,
                    effective: contracted,
                    contracted,
                    list: times(*rate, quantity)?,
                    list_price: Some(*rate),
                    contracted_price: Some(contracted_price),
                    quantity: Some(quantity),
                    consumed: Some(quantity),
                    unit: "Tokens",
                    service_category: "AI and Machine Learning",
                    service_subcategory: "Generative AI",
                    ..page.charge(day_start(day), day_start(next_day(day)))
                };
                page.write(&charge)?;
            }
        }
        Ok(())
    }

    fn gpus(&self, page: &mut Page<'_>, bill: usize, day: NaiveDate) -> Result<()> {
        for hour in 0..24 {
            let start = day_start(day) + Duration::hours(hour);
            let since = (day - self.from).num_days() * 24 + hour;
            let mut covered = 0;
            for (index, node) in self.portfolio.nodes.iter().enumerate() {
                if node.bill != bill || !self.running.up(index, since) {
                    continue;
                }
                match node.purchase {
                    Purchase::Owned if hour == 0 => page.write(&owned_day(page, node, day)?)?,
                    Purchase::Owned => {}
                    _ => {
                        let charge = self.node_hour(page, node, start)?;
                        covered += u32::from(node.purchase == Purchase::Reserved);
                        page.write(&charge)?;
                    }
                }
            }
            let Some(commitment) = self
                .portfolio
                .commitment
                .as_ref()
                .filter(|commitment| commitment.bill == bill)
            else {
                continue;
            };
            for _ in covered..commitment.instances {
                let charge = Charge {
                    description: format!("{}, reserved, unused", commitment.instance_type).into(),
                    effective: amount(commitment.rate)?,
                    pricing_category: "Committed",
                    quantity: Some(ONE),
                    unit: "Hours",
                    service: "Amazon EC2",
                    service_category: "Compute",
                    service_subcategory: "Virtual Machines",
                    meter: "Compute".into(),
                    resource_id: commitment.id.into(),
                    commitment: Some(Discount {
                        id: commitment.id,
                        name: commitment.name,
                        status: "Unused",
                        quantity: ONE,
                    }),
                    ..page.charge(start, start + Duration::hours(1))
                };
                page.write(&charge)?;
            }
        }
        Ok(())
    }

    fn node_hour(&self, page: &mut Page<'_>, node: &Node, start: DateTime<Utc>) -> Result<Charge> {
        let list = amount(node.list_rate)?;
        let (word, category, billed, effective) = match node.purchase {
            Purchase::Reserved => ("reserved", "Committed", 0, amount(node.rate)?),
            Purchase::Spot => {
                // The market moves by the hour, in steps of a hundredth of a cent.
                let steps = between(&mut page.rng, 8_800.0, 11_800.0) as i128;
                let price = amount(node.rate)? * steps / 10_000 / (ONE / 10_000) * (ONE / 10_000);
                ("spot", "Dynamic", price, price)
            }
            _ => ("on demand", "Standard", amount(node.rate)?, amount(node.rate)?),
        };
        let contracted = if node.purchase == Purchase::Reserved {
            list
        } else {
            billed
        };
        let commitment = self
            .portfolio
            .commitment
            .as_ref()
            .filter(|_| node.purchase == Purchase::Reserved);
        Ok(Charge {
            description: format!("{}, {word}", node.instance_type).into(),
            billed,
            effective,
            list,
            contracted,
            list_price: Some(list),
            contracted_price: Some(contracted),
            pricing_category: category,
            quantity: Some(ONE),
            consumed: Some(ONE),
            unit: "Hours",
            service: "Amazon EC2",
            service_category: "Compute",
            service_subcategory: "Virtual Machines",
            sku: node.instance_type.into(),
            meter: "Compute".into(),
            resource_id: node.resource_id.clone().into(),
            resource_name: node.host.clone().into(),
            resource_type: "Instance",
            commitment: commitment.map(|of| Discount {
                id: of.id,
                name: of.name,
                status: "Used",
                quantity: ONE,
            }),
            ..page.charge(start, start + Duration::hours(1))
        })
    }

    fn once_a_month(
        &self,
        page: &mut Page<'_>,
        bill: usize,
        first: NaiveDate,
        next: NaiveDate,
    ) -> Result<()> {
        if let Some(commitment) = self
            .portfolio
            .commitment
            .as_ref()
            .filter(|commitment| commitment.bill == bill)
        {
            let hours = i128::from((next.min(self.to) - first.max(self.from)).num_hours());
            let quantity = hours * i128::from(commitment.instances) * ONE;
            let billed = times(amount(commitment.rate)?, quantity)?;
            let charge = Charge {
                category: "Purchase",
                description: commitment.name.into(),
                frequency: "Recurring",
                billed,
                list: times(amount(commitment.list_rate)?, quantity)?,
                contracted: billed,
                list_price: Some(amount(commitment.list_rate)?),
                contracted_price: Some(amount(commitment.rate)?),
                quantity: Some(quantity),
                unit: "Hours",
                service: "Amazon EC2",
                service_category: "Compute",
                service_subcategory: "Virtual Machines",
                resource_id: commitment.id.into(),
                commitment: Some(Discount {
                    id: commitment.id,
                    name: commitment.name,
                    status: "",
                    quantity,
                }),
                ..page.charge(day_start(first), day_start(next))
            };
            page.write(&charge)?;
        }
        for flat in self.portfolio.flat.iter().filter(|flat| flat.bill == bill) {
            let due = match flat.rate {
                Rate::Monthly => true,
                Rate::Daily => false,
                Rate::Once(month) => first.month() == month,
            };
            if due {
                // A correction belongs to the period it corrects, in the bill that is open now.
                let (start, end) = if flat.correction {
                    (
                        first - Months::new(1) + chrono::Days::new(20),
                        first - Months::new(1) + chrono::Days::new(21),
                    )
                } else {
                    (first, next)
                };
                let charge = self.flat(page, flat, start, end)?;
                page.write(&charge)?;
            }
        }
        Ok(())
    }

    fn every_day(&self, page: &mut Page<'_>, bill: usize, day: NaiveDate) -> Result<()> {
        for flat in self
            .portfolio
            .flat
            .iter()
            .filter(|flat| flat.bill == bill && flat.rate == Rate::Daily)
        {
            let charge = self.flat(page, flat, day, next_day(day))?;
            page.write(&charge)?;
        }
        for fleet in self.portfolio.fleets.iter().filter(|fleet| fleet.bill == bill) {
            let periods = if fleet.hourly { 24 } else { 1 };
            for period in 0..periods {
                let start = day_start(day) + Duration::hours(period);
                let end = start + Duration::hours(24 / periods);
                for resource in 0..fleet.resources {
                    let charge = cloud(page, fleet, resource, start, end)?;
                    page.write(&charge)?;
                }
            }
        }
        Ok(())
    }

    fn flat(&self, page: &mut Page<'_>, flat: &Flat, start: NaiveDate, end: NaiveDate) -> Result<Charge> {
        let days = ((self.to - self.from).num_days().max(1)) as f64;
        let progress = ((start - self.from).num_days() as f64 / days).max(0.0);
        let growth = 1.0 + (flat.growth - 1.0) * progress;
        let noise = if flat.rate == Rate::Daily {
            around(&mut page.rng, 1_000.0) as f64 / 1_000.0
        } else {
            1.0
        };
        let scaled = (flat.quantity as f64 * 1_000.0 * growth * noise) as i128 / 1_000;
        let whole = if growth == 1.0 && noise == 1.0 {
            flat.quantity
        } else {
            scaled.max(1)
        };
        let (quantity, price) = if flat.quantity == 1 {
            // A fee, not a quantity: its price grows. To the cent.
            let cents = (growth * noise * 1_000.0) as i128;
            (
                ONE,
                amount(flat.unit_price)? * cents / 1_000 / (ONE / 100) * (ONE / 100),
            )
        } else {
            (whole * ONE, amount(flat.unit_price)?)
        };
        let cost = times(price, quantity)?;
        let usage = flat.charge_category == "Usage";
        Ok(Charge {
            provider: flat.provider.into(),
            sub_account: flat.sub_account.unwrap_or(page.bill.sub_account),
            category: flat.charge_category,
            class: if flat.correction { "Correction" } else { "" },
            description: flat.description.into(),
            frequency: match flat.rate {
                Rate::Monthly if usage => "Recurring",
                Rate::Once(_) => "One-Time",
                _ => "Usage-Based",
            },
            billed: cost,
            effective: cost,
            list: cost,
            contracted: cost,
            list_price: usage.then_some(price),
            contracted_price: usage.then_some(price),
            pricing_category: if usage { "Standard" } else { "" },
            quantity: usage.then_some(quantity),
            consumed: usage.then_some(quantity),
            unit: flat.unit,
            service: flat.service,
            service_category: flat.category,
            service_subcategory: if flat.unit == "Tokens" {
                "Generative AI"
            } else {
                "Other (Other)"
            },
            sku: flat.sku.into(),
            meter: flat.meter.into(),
            resource_id: flat.resource.into(),
            tags: flat.tags,
            ..page.charge(day_start(start), day_start(end))
        })
    }
}

fn owned_day(page: &Page<'_>, node: &Node, day: NaiveDate) -> Result<Charge> {
    let price = amount(node.rate)?;
    let cost = times(price, 24 * ONE)?;
    Ok(Charge {
        description: format!("{}, depreciation and power", node.host).into(),
        billed: cost,
        effective: cost,
        list: cost,
        contracted: cost,
        list_price: Some(price),
        contracted_price: Some(price),
        quantity: Some(24 * ONE),
        consumed: Some(24 * ONE),
        unit: "Hours",
        service: "GPU hosting",
        service_category: "Compute",
        service_subcategory: "Other (Compute)",
        resource_id: node.resource_id.clone().into(),
        resource_name: node.host.clone().into(),
        resource_type: "Server",
        ..page.charge(day_start(day), day_start(next_day(day)))
    })
}

/// One ordinary cloud resource over one period.
fn cloud(
    page: &mut Page<'_>,
    fleet: &Fleet,
    resource: u64,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<Charge> {
    let (service, category, daily) = fleet.services[(resource as usize) % fleet.services.len()];
    let price = amount(daily)? * i128::from((end - start).num_hours()) / 24;
    let quantity = i128::from(around(&mut page.rng, 1_000.0)) * (ONE / 1_000);
    let list = times(price, quantity)?;
    let contracted_price = price * 93 / 100;
    let contracted = times(contracted_price, quantity)?;
    Ok(Charge {
        provider: fleet.provider.into(),
        description: service.into(),
        billed: contracted,
        effective: contracted,
        list,
        contracted,
        list_price: Some(price),
        contracted_price: Some(contracted_price),
        quantity: Some(quantity),
        consumed: Some(quantity),
        service,
        service_category: category,
        service_subcategory: "Other",
        resource_id: format!("res-{resource:06x}").into(),
        resource_type: "Resource",
        tags: fleet.tags[resource as usize % fleet.tags.len()],
        ..page.charge(start, end)
    })
}

struct Wording {
    sku: String,
    meter: String,
    description: String,
}

/// Each provider has its own way to say which model and which class of tokens a line is for.
fn wording(provider: &str, sku: &str, index: usize, class: usize) -> Wording {
    match provider {
        "openai" => Wording {
            sku: sku.to_owned(),
            meter: [
                "Input Tokens",
                "Cached Input Tokens",
                "Cache Write Tokens",
                "Output Tokens",
            ][class]
                .to_owned(),
            description: format!(
                "{sku}, {}",
                ["input", "cached input", "cache write", "output"][class]
            ),
        },
        "anthropic" => Wording {
            sku: format!("ANT-{index}-{}", ["I", "R", "W", "O"][class]),
            meter: String::new(),
            description: format!(
                "{sku} Usage - {}",
                [
                    "Input Tokens",
                    "Input Tokens, Prompt Cache Read",
                    "Input Tokens, Prompt Cache Write",
                    "Output Tokens"
                ][class]
            ),
        },
        _ => Wording {
            sku: "SKU-9Q2XN".to_owned(),
            meter: format!(
                "{sku}-{}",
                [
                    "input-tokens",
                    "cache-read-input-token-count",
                    "cache-write-input-token-count",
                    "output-tokens"
                ][class]
            ),
            description: "Amazon Bedrock on-demand inference".to_owned(),
        },
    }
}
