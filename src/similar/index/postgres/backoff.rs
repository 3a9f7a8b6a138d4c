//! When a server that could not be reached is asked again: ever later, and not by everybody at once.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// How often it failed in a row, and until when it is left alone.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// How long it is left alone yet.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.until?.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// It failed. `spread` tells those apart who would ask at the same time.
    pub(super) fn failed(&mut self, now: Instant, spread: u32) {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        // Between three quarters and five quarters of it.
        let part = 0.75 + f64::from(spread.wrapping_mul(2_654_435_761) >> 16 & 0xff) / 512.0;
        self.until = Some(now + doubled.mul_f64(part));
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        *self = Backoff::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_ever_longer_up_to_a_bound_until_it_goes_well() {
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
    fn two_processes_do_not_come_at_the_same_time() {
        let (mut one, mut other, now) = (Backoff::default(), Backoff::default(), Instant::now());
        one.failed(now, 4711);
        other.failed(now, 4712);
        assert_ne!(one.left(now), other.left(now));
    }
}
