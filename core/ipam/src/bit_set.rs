/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitSet(Vec<u64>);

impl BitSet {
    /// Returns whether that is news.
    pub(crate) fn set(&mut self, number: usize, is_in: bool) -> bool {
        let (word, bit) = (number / 64, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let is_news = (self.0[word] & bit != 0) != is_in;
        if is_news {
            self.0[word] ^= bit;
        }
        is_news
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            let mut rest = *bits;
            std::iter::from_fn(move || {
                let lowest = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    word * 64 + lowest
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order() {
        let mut set = BitSet::default();
        for number in [200, 0, 63, 64, 5] {
            assert!(set.set(number, true) && !set.set(number, true));
        }
        assert!(set.set(5, false) && !set.set(1000, false));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 200]);
    }
}
