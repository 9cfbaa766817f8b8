//! Percentiles of what was measured.

/// Measured values in any order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Each of them.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.0.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest value that `share` percent of all are not above (nearest rank); 0 of none.
    pub fn percentile(&self, share: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * share).div_ceil(100).max(1) - 1;
        sorted.get(rank).copied().unwrap_or(0.0)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The smallest.
    pub fn min(&self) -> f64 {
        self.percentile(0)
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.percentile(100)
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let samples: Samples = (1..=100).rev().map(f64::from).collect();
        assert_eq!([0, 50, 99, 100].map(|share| samples.percentile(share)), [1.0, 50.0, 99.0, 100.0]);
        assert_eq!((samples.min(), samples.median(), samples.max()), (1.0, 50.0, 100.0));
        let few: Samples = [3.0, 1.0].into_iter().collect();
        assert_eq!((few.median(), few.percentile(99)), (1.0, 3.0));
        assert_eq!(Samples::default().max(), 0.0);
    }
}
