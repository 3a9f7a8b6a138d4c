//! Reduces many measurements to percentiles.

use std::time::Duration;

/// Measured times.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    /// Adds a measurement.
    pub(super) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The percentile of the times, in milliseconds: 0.5 is the median, 0.99 the delays that users notice.
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let nearest = (sorted.len() as f64 * share).ceil() as usize;
        let at = nearest.clamp(1, sorted.len().max(1)) - 1;
        sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_times() {
        let mut times = Times::default();
        assert_eq!(times.percentile(0.5), 0.0);
        (1..=100).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        assert_eq!((times.percentile(0.5), times.percentile(0.99)), (50.0, 99.0));
        assert_eq!(times.percentile(1.0), 100.0);
    }
}
