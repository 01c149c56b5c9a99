//! Outcomes: what became of the tasks, as the systems that know write it down. Most labels are quick,
//! some come weeks later, a few are corrected.

use super::chance::{around, between, happens};
use super::files::{Folder, Open};
use super::portfolio::Portfolio;
use super::traffic::Task;
use crate::base::Result;
use crate::base::error::Context as _;
use crate::base::seed::{self, Rng};
use crate::base::time::{day_start, from_micros};
use chrono::NaiveDate;
use std::io::Write;

pub(super) struct Labels<'a> {
    portfolio: &'a Portfolio,
    rng: Rng,
    lines: Open,
    csv: Open,
    /// No label is younger: the files were fetched then.
    until: i64,
    pub(super) successes: u64,
}

impl<'a> Labels<'a> {
    pub(super) fn open(portfolio: &'a Portfolio, folder: &Folder, seed: u64, to: NaiveDate) -> Result<Self> {
        let lines = folder.data("outcomes/outcomes.jsonl")?;
        let mut csv = folder.text("outcomes/back-office.csv")?;
        writeln!(csv.to, "task_id,use_case,success,value,recorded_at").context("writing outcomes")?;
        let until = day_start(to + chrono::Days::new(2)).timestamp_millis();
        let rng = seed::generator(seed, "outcomes");
        Ok(Labels {
            portfolio,
            rng,
            lines,
            csv,
            until,
            successes: 0,
        })
    }

    pub(super) fn add(&mut self, task: &Task) -> Result<()> {
        let case = &self.portfolio.use_cases[task.use_case];
        let rng = &mut self.rng;
        let labelled = happens(rng, case.labelled);
        let success = task.answered && happens(rng, case.success);
        // One in thirty is found weeks later, long after the task has been given up.
        let late = if happens(rng, 0.033) {
            24.0 * between(rng, 8.0, 30.0)
        } else {
            0.0
        };
        let delay = around(rng, case.label_delay_hours * 3_600_000.0) as i64 + (late * 3_600_000.0) as i64;
        // In one of forty cases somebody looks again.
        let second = happens(rng, 0.025).then(|| 3_600_000 + around(rng, 60.0 * 3_600_000.0) as i64);
        if !labelled {
            return Ok(());
        }
        let at = task.end + delay;
        match second {
            Some(later) if case.success > 0.0 && at + later < self.until => {
                self.write(task, !success, at)?;
                self.write(task, success, at + later)?;
            }
            _ if at < self.until => self.write(task, success, at)?,
            _ => return Ok(()),
        }
        self.successes += u64::from(success);
        Ok(())
    }

    fn write(&mut self, task: &Task, success: bool, at: i64) -> Result<()> {
        let case = &self.portfolio.use_cases[task.use_case];
        let at = from_micros(at * 1_000).format("%Y-%m-%dT%H:%M:%SZ");
        let value = case.value.filter(|_| success);
        if case.csv_labels {
            self.csv.rows += 1;
            let value = value.unwrap_or("");
            return writeln!(self.csv.to, "{},{},{success},{value},{at}", task.id, case.id)
                .context("writing outcomes");
        }
        self.lines.rows += 1;
        let use_case = if case.registered {
            format!("\"{}\"", case.id)
        } else {
            "null".to_owned()
        };
        let value = value.map_or("null".to_owned(), |value| format!("\"{value}\""));
        writeln!(
            self.lines.to,
            r#"{{"task_id":"{}","use_case":{use_case},"success":{success},"value":{value},"recorded_at":"{at}"}}"#,
            task.id
        )
        .context("writing outcomes")
    }

    pub(super) fn close(self, folder: &mut Folder) -> Result<u64> {
        let rows = self.lines.rows + self.csv.rows;
        folder.close(self.lines)?;
        folder.close(self.csv)?;
        Ok(rows)
    }
}
