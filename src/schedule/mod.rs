//! When reports are made: cron-like rules in time zones, a journal that remembers, and a runner that does each
//! run once.
//!
//! Pure: the clock, the journal, the work and the waiting are all given to it, so a year of schedules is tested
//! in a moment. It knows neither reports nor mail servers nor the lake; `app/schedule.rs` supplies them.

mod calendar;
mod journal;
mod runner;
mod section;
mod span;

pub use calendar::Calendar;
pub use journal::{Entry, Journal, State};
pub use runner::{Alarm, Claimed, Job, Ready, Runner, Summary, Tell, Wake};
pub use section::{Late, Missed, Plan, Section};
pub use span::Span;
