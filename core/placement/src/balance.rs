//! Who should have what, so that nodes have equally many and as little as possible moves.
//!
//! It starts from how things are and shifts VIPs along cycles of nodes for as long as a cycle makes the nodes' loads more alike,
//! or leaves them as alike with fewer VIPs moved. When there is no such cycle there is no better answer at all: it is the
//! minimum-cost flow from VIPs to nodes, where a node's cost grows with the square of its load.

/// A VIP: the node that has it, if that is one of the nodes counted here, and those that may, of which there is at least one.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) at: Option<usize>,
    pub(crate) may: Vec<usize>,
}

/// For each VIP its node. `fixed` says for each node how many VIPs it has beside these.
pub(crate) fn balance(items: &[Item], fixed: &[usize]) -> Vec<usize> {
    let mut state = State { items, on: Vec::new(), load: fixed.iter().map(|load| number(*load)).collect() };
    state.settle();
    state.level();
    while let Some(cycle) = state.improvement() {
        state.shift(&cycle);
    }
    state.on
}

struct State<'a> {
    items: &'a [Item],
    /// For each VIP its node.
    on: Vec<usize>,
    /// For each node how many it has.
    load: Vec<i64>,
}

/// A VIP that could go from one node to another, and by how many moves the whole would be dearer.
type Shift = (i64, usize);

/// Nodes in a circle; `None` stands for "anywhere": who comes before it gets one more, who comes after it one less.
type Cycle = Vec<Option<usize>>;

impl State<'_> {
    /// Every VIP stays where it is, if it may; the others go where there is least.
    fn settle(&mut self) {
        let stays = |item: &Item| item.at.filter(|at| item.may.contains(at));
        for item in self.items {
            stays(item).into_iter().for_each(|at| self.load[at] += 1);
        }
        for item in self.items {
            let node = stays(item).unwrap_or_else(|| {
                let least = self.least(item);
                self.load[least] += 1;
                least
            });
            self.on.push(node);
        }
    }

    /// VIPs go straight to where there is less, which is most of the work at a small part of the cost of cycles.
    fn level(&mut self) {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for (index, item) in self.items.iter().enumerate() {
                let (from, to) = (self.on[index], self.least(item));
                if self.load[from] >= self.load[to] + 2 {
                    self.put(index, to);
                    moved = true;
                }
            }
        }
    }

    fn least(&self, item: &Item) -> usize {
        let least = item.may.iter().copied().min_by_key(|node| (self.load[*node], *node));
        least.expect("a VIP may be on some node")
    }

    fn put(&mut self, index: usize, to: usize) {
        self.load[self.on[index]] -= 1;
        self.load[to] += 1;
        self.on[index] = to;
    }

    fn shift(&mut self, cycle: &Cycle) {
        let next = cycle.iter().cycle().skip(1);
        let pairs: Vec<_> = cycle.iter().copied().zip(next.copied()).take(cycle.len()).collect();
        let shifts = self.shifts();
        for (from, to) in pairs {
            if let (Some(from), Some(to)) = (from, to)
                && let Some((_, index)) = shifts[from][to]
            {
                self.put(index, to);
            }
        }
    }

    /// For each two nodes the VIP that is cheapest to shift.
    fn shifts(&self) -> Vec<Vec<Option<Shift>>> {
        let nodes = self.load.len();
        let mut shifts = vec![vec![None; nodes]; nodes];
        for (index, item) in self.items.iter().enumerate() {
            let from = self.on[index];
            let away = |node| i64::from(item.at.is_some_and(|at| at != node));
            for to in item.may.iter().copied().filter(|to| *to != from) {
                let shift = (away(to) - away(from), index);
                let best: &mut Option<Shift> = &mut shifts[from][to];
                if best.is_none_or(|best| shift < best) {
                    *best = Some(shift);
                }
            }
        }
        shifts
    }

    /// A cycle along which shifting makes it better (Bellman and Ford).
    fn improvement(&self) -> Option<Cycle> {
        let anywhere = self.load.len();
        let edges = self.edges();
        let mut cost = vec![0; anywhere + 1];
        let mut before: Vec<Option<usize>> = vec![None; anywhere + 1];
        let mut last = None;
        for _ in 0..=anywhere {
            last = None;
            for (from, to, dear) in &edges {
                if cost[*from] + dear < cost[*to] {
                    cost[*to] = cost[*from] + dear;
                    before[*to] = Some(*from);
                    last = Some(*to);
                }
            }
            last?;
        }
        // After as many steps back as there are nodes one is on the cycle.
        let back = |node: usize| before[node];
        let start = (0..=anywhere).try_fold(last?, |node, _| back(node))?;
        let mut cycle = vec![start];
        let mut node = back(start)?;
        while node != start {
            cycle.push(node);
            node = back(node)?;
        }
        cycle.reverse();
        Some(cycle.into_iter().map(|node| (node < anywhere).then_some(node)).collect())
    }

    /// From, to, cost. More alike counts before fewer moves.
    fn edges(&self) -> Vec<(usize, usize, i64)> {
        let anywhere = self.load.len();
        let alike = 4 * number(anywhere + 2);
        let shifts = self.shifts();
        let between = shifts.iter().enumerate().flat_map(|(from, row)| {
            row.iter().enumerate().filter_map(move |(to, shift)| shift.map(|(dear, _)| (from, to, dear)))
        });
        let loads = self.load.iter().enumerate();
        let more = loads.clone().map(|(node, load)| (node, anywhere, alike * (2 * load + 1)));
        let less = loads.filter(|(_, load)| **load > 0);
        let less = less.map(|(node, load)| (anywhere, node, -alike * (2 * load - 1)));
        between.chain(more).chain(less).collect()
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use ferrolb_sansio::Rng;

    use super::*;

    fn below(rng: &mut Rng, limit: usize) -> usize {
        usize::try_from(rng.below(u64::try_from(limit).unwrap())).unwrap()
    }

    fn loads(on: &[usize], fixed: &[usize]) -> Vec<usize> {
        let mut loads = fixed.to_vec();
        on.iter().for_each(|node| loads[*node] += 1);
        loads
    }

    /// How unlike loads are, and how many VIPs move.
    fn cost(items: &[Item], on: &[usize], fixed: &[usize]) -> (usize, usize) {
        let squares = loads(on, fixed).iter().map(|load| load * load).sum();
        let moved = items.iter().zip(on).filter(|(item, node)| item.at.is_some_and(|at| at != **node));
        (squares, moved.count())
    }

    /// The least cost of all there are.
    fn least(items: &[Item], fixed: &[usize]) -> (usize, usize) {
        let mut all = vec![Vec::new()];
        for item in items {
            let longer = |on: &Vec<usize>| {
                let on = on.clone();
                item.may.iter().map(move |node| [on.as_slice(), &[*node]].concat()).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(longer).collect();
        }
        all.iter().map(|on| cost(items, on, fixed)).min().unwrap()
    }

    #[test]
    fn no_answer_is_better_whatever_nodes_a_vip_may_be_on() {
        for seed in 0..4_000 {
            let rng = &mut Rng::new(seed);
            let nodes = 1 + below(rng, 4);
            let fixed: Vec<usize> = (0..nodes).map(|_| below(rng, 4) * below(rng, 2)).collect();
            let anybody = rng.below(3) == 0;
            let draw = |rng: &mut Rng| {
                let mut may: Vec<usize> = (0..nodes).filter(|_| anybody || rng.below(2) == 0).collect();
                if may.is_empty() {
                    may.push(below(rng, nodes));
                }
                let at = (rng.below(8) > 0).then(|| below(rng, nodes) * below(rng, 2));
                Item { at, may }
            };
            let items: Vec<Item> = (0..below(rng, 7)).map(|_| draw(rng)).collect();
            let on = balance(&items, &fixed);
            assert!(items.iter().zip(&on).all(|(item, node)| item.may.contains(node)), "seed {seed}");
            assert_eq!(cost(&items, &on, &fixed), least(&items, &fixed), "seed {seed}: {items:?} {fixed:?}");
        }
    }

    #[test]
    fn five_thousand_on_one_of_a_hundred_nodes_are_spread_and_a_second_time_nothing_moves() {
        let item = |at| Item { at: Some(at), may: (0..100).collect() };
        let on = balance(&vec![item(7); 5_000], &[0; 100]);
        assert_eq!(loads(&on, &[0; 100]), [50; 100]);
        assert_eq!(on.iter().filter(|node| **node != 7).count(), 4_950);
        let again: Vec<Item> = on.iter().map(|node| item(*node)).collect();
        assert_eq!(balance(&again, &[0; 100]), on);
    }
}
