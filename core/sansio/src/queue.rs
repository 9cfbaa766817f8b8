use std::collections::VecDeque;

/// A first-in first-out queue that never grows beyond its limit and counts what it had to drop.
///
/// Memory is taken once, at construction.
#[derive(Clone, Debug)]
pub struct BoundedQueue<T> {
    items: VecDeque<T>,
    limit: usize,
    dropped: u64,
}

impl<T> BoundedQueue<T> {
    /// An empty queue of at most `limit` items.
    pub fn new(limit: usize) -> Self {
        Self { items: VecDeque::with_capacity(limit), limit, dropped: 0 }
    }

    /// Appends `item`, or drops and counts it when the queue is full. Returns whether it was kept.
    pub fn push(&mut self, item: T) -> bool {
        let kept = self.items.len() < self.limit;
        if kept {
            self.items.push_back(item);
        } else {
            self.dropped += 1;
        }
        kept
    }

    /// Takes the oldest item.
    pub fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    /// Forgets the items that do not meet `keep`; they do not count as dropped.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.items.retain(keep);
    }

    /// Forgets all items; they do not count as dropped.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// How many items were dropped since construction.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_oldest_and_counts_the_rest() {
        let mut queue = BoundedQueue::new(2);
        assert!(queue.push(1) && queue.push(2));
        assert!(!queue.push(3));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), Some(2), None));
        assert_eq!(queue.dropped(), 1);
    }
}
