use ferrolb_sansio::Instant;

/// The next deadline of each of many, and the earliest of all at once: a heap that knows where each stands.
///
/// Memory grows with the greatest place used and never for a change.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// Places, each no later than both at twice its position and one more, two more.
    heap: Vec<usize>,
    of: Vec<Option<Deadline>>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Instant,
    /// Where it stands in the heap.
    position: usize,
}

impl Deadlines {
    /// Sets or takes away the deadline of a place.
    pub(crate) fn set(&mut self, place: usize, at: Option<Instant>) {
        if self.of.len() <= place {
            self.of.resize(place + 1, None);
        }
        match (self.of[place], at) {
            (None, None) => {}
            (None, Some(at)) => {
                let position = self.heap.len();
                self.heap.push(place);
                self.of[place] = Some(Deadline { at, position });
                self.rise(position);
            }
            (Some(Deadline { at: before, .. }), Some(at)) if before == at => {}
            (Some(Deadline { at: before, position }), Some(at)) => {
                self.of[place] = Some(Deadline { at, position });
                if at < before { self.rise(position) } else { self.sink(position) }
            }
            (Some(Deadline { position, .. }), None) => {
                self.of[place] = None;
                let Some(last) = self.heap.pop() else { return };
                if last != place {
                    self.put(last, position);
                    self.rise(position);
                    self.sink(position);
                }
            }
        }
    }

    /// The earliest of all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|place| self.at(*place))
    }

    /// The place with the earliest deadline, if that has come.
    pub(crate) fn due(&self, now: Instant) -> Option<usize> {
        self.heap.first().copied().filter(|place| self.at(*place) <= now)
    }

    fn at(&self, place: usize) -> Instant {
        self.of.get(place).copied().flatten().map_or(Instant::MAX, |deadline| deadline.at)
    }

    fn put(&mut self, place: usize, position: usize) {
        self.heap[position] = place;
        if let Some(deadline) = &mut self.of[place] {
            deadline.position = position;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        let (first, second) = (self.heap[one], self.heap[other]);
        self.put(first, other);
        self.put(second, one);
    }

    fn rise(&mut self, mut position: usize) {
        while position > 0 {
            let above = (position - 1) / 2;
            if self.at(self.heap[above]) <= self.at(self.heap[position]) {
                return;
            }
            self.swap(above, position);
            position = above;
        }
    }

    fn sink(&mut self, mut position: usize) {
        loop {
            let below = (2 * position + 1..(2 * position + 3).min(self.heap.len()))
                .min_by_key(|below| self.at(self.heap[*below]));
            match below {
                Some(below) if self.at(self.heap[below]) < self.at(self.heap[position]) => {
                    self.swap(below, position);
                    position = below;
                }
                Some(_) | None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_sansio::Rng;

    use super::*;

    #[test]
    fn agrees_with_a_list_whatever_is_set() {
        let (mut rng, mut deadlines, mut list) = (Rng::new(3), Deadlines::default(), [None; 40]);
        for _ in 0..20_000 {
            let place = usize::try_from(rng.below(40)).unwrap();
            let at = (rng.below(4) > 0).then(|| Instant::from_nanos(rng.below(1_000)));
            deadlines.set(place, at);
            list[place] = at;
            assert_eq!(deadlines.next(), list.iter().flatten().min().copied());
            let now = Instant::from_nanos(rng.below(500));
            let due = deadlines.due(now);
            assert_eq!(due.is_some(), list.iter().flatten().any(|at| *at <= now));
            assert!(due.is_none_or(|place| list[place] == deadlines.next()));
        }
    }
}
