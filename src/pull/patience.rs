//! How long a server that is busy, slow or away is waited for, and how often it is asked again.

use crate::base::seed::{self, Rng};
use chrono::{DateTime, Utc};
use rand::Rng as _;
use std::time::Duration;

/// Limits of waiting. Tests shorten them; nobody else has to.
#[derive(Debug, Clone)]
pub struct Patience {
    /// How often one thing is asked for, the first time included.
    pub attempts: u32,
    /// The longest wait after the first failure; it doubles with each further one.
    pub base: Duration,
    /// What doubling stops at.
    pub cap: Duration,
    /// The longest wait that a server may ask for. Whoever asks for more is left for the next run.
    pub longest: Duration,
    /// For a connection to stand.
    pub connect: Duration,
    /// For a whole answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: 6,
            base: Duration::from_secs(2),
            cap: Duration::from_secs(60),
            longest: Duration::from_secs(300),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(120),
        }
    }
}

/// Patience and its chance: many callers that failed in one moment must not come back in one moment.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) patience: Patience,
    chance: Rng,
}

impl Waiting {
    /// `seed`: something that differs from process to process.
    pub(super) fn new(patience: Patience, seed: u64) -> Waiting {
        Waiting {
            patience,
            chance: seed::generator(seed, "pull"),
        }
    }

    /// How long to wait after the `failed`-th failure (from 1). `None`: it is not worth it, because that
    /// was the last attempt or the server asks for more than anybody waits.
    pub(super) fn next(&mut self, failed: u32, asked: Option<Duration>) -> Option<Duration> {
        if failed >= self.patience.attempts {
            return None;
        }
        match asked {
            Some(asked) => (asked <= self.patience.longest).then_some(asked),
            // Full jitter: anything between nothing and the limit.
            None => {
                let doubled = self
                    .patience
                    .base
                    .saturating_mul(1_u32 << failed.min(16).saturating_sub(1));
                Some(doubled.min(self.patience.cap).mul_f64(self.chance.random()))
            }
        }
    }
}

/// What `Retry-After` says: seconds, or a moment, which counts from the server's own clock.
pub(super) fn retry_after(text: &str, date: Option<&str>, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = |text: &str| DateTime::parse_from_rfc2822(text.trim()).ok();
    let until = moment(text)?.to_utc();
    let now = date.and_then(moment).map_or(now, |date| date.to_utc());
    Some((until - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_are_drawn_from_the_whole_range() {
        let patience = Patience {
            attempts: 9,
            ..Patience::default()
        };
        let mut longest = [0.0_f64; 8];
        let mut shortest = [f64::MAX; 8];
        for seed in 0..200 {
            let mut waiting = Waiting::new(patience.clone(), seed);
            for failed in 1..=8_u32 {
                let wait = waiting.next(failed, None).unwrap().as_secs_f64();
                let at = failed as usize - 1;
                longest[at] = longest[at].max(wait);
                shortest[at] = shortest[at].min(wait);
            }
            assert_eq!(waiting.next(9, None), None);
        }
        for (at, limit) in [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
            .into_iter()
            .enumerate()
        {
            assert!(
                longest[at] <= limit && longest[at] > limit * 0.9,
                "{at}: {}",
                longest[at]
            );
            assert!(shortest[at] < limit * 0.1, "{at}: {}", shortest[at]);
        }
    }

    #[test]
    fn what_the_server_asks_for_is_kept_unless_it_is_too_much() {
        let mut waiting = Waiting::new(Patience::default(), 1);
        let asked = Some(Duration::from_secs(7));
        assert_eq!(waiting.next(1, asked), asked);
        assert_eq!(waiting.next(1, Some(Duration::from_secs(301))), None);
        assert_eq!(waiting.next(6, asked), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_moment_of_the_servers_clock() {
        let now = "2026-11-01T00:00:00Z".parse().unwrap();
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(retry_after(" 12 ", None, now), seconds(12));
        let later = "Sun, 01 Nov 2026 00:00:30 GMT";
        assert_eq!(retry_after(later, None, now), seconds(30));
        assert_eq!(
            retry_after(later, Some("Sun, 01 Nov 2026 00:00:10 GMT"), now),
            seconds(20)
        );
        assert_eq!(
            retry_after("Sun, 01 Nov 2020 00:00:00 GMT", None, now),
            seconds(0)
        );
        assert_eq!(retry_after("soon", None, now), None);
    }
}
