//! Exponential backoff with jitter, for reconnects to an unreachable server.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// Number of consecutive failures, and the end of the current pause.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// The remaining pause.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.until?.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// Records a failure. `spread` (a process identifier) gives each process a different pause.
    pub(super) fn failed(&mut self, now: Instant, spread: u32) {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        // A factor between 3/4 and 5/4.
        let part = 0.75 + f64::from(spread.wrapping_mul(2_654_435_761) >> 16 & 0xff) / 512.0;
        self.until = Some(now + doubled.mul_f64(part));
    }

    /// Records a success.
    pub(super) fn reset(&mut self) {
        *self = Backoff::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_until_a_success() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        assert_eq!(backoff.left(now), None);
        let mut waits = Vec::new();
        for _ in 0..12 {
            backoff.failed(now, 7);
            waits.push(backoff.left(now).unwrap());
        }
        assert!(waits[0] >= FIRST.mul_f64(0.75) && waits[0] <= FIRST.mul_f64(1.25));
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(waits[11] <= LONGEST.mul_f64(1.25) && waits[11] >= LONGEST.mul_f64(0.75));
        assert_eq!(backoff.left(now + LONGEST * 2), None);
        backoff.reset();
        assert_eq!(backoff.left(now), None);
    }

    #[test]
    fn two_processes_do_not_reconnect_at_the_same_time() {
        let (mut one, mut other, now) = (Backoff::default(), Backoff::default(), Instant::now());
        one.failed(now, 4711);
        other.failed(now, 4712);
        assert_ne!(one.left(now), other.left(now));
    }
}
