use core::time::Duration;

use crate::Port;

/// What is wrong with the network at the moment. Set it anew whenever a fault begins or ends.
#[derive(Clone, Debug)]
pub struct Conditions {
    ports: usize,
    /// `from · ports + to`: frames from there do not get there.
    blocked: Vec<bool>,
    whole: bool,
    /// The same places: of a thousand frames, how many are lost on this way only. Empty if none are.
    thinned: Vec<u16>,
    /// Of a thousand frames, how many are lost on their way to each receiver.
    pub loss_per_mille: u64,
    /// Storm control: how many frames to groups, and to all, a port may send in [`Self::STORM_WINDOW`]; the switch drops the
    /// others.
    pub storm_limit: Option<u32>,
    /// Least time on the way.
    pub delay: Duration,
    /// Random time on the way, added to the least; more than the gap between two frames reorders them.
    pub jitter: Duration,
}

impl Conditions {
    /// The time over which storm control counts.
    pub const STORM_WINDOW: Duration = Duration::from_millis(100);

    /// Everything works: 50 to 450 µs on the way, nothing lost.
    pub fn fair(ports: usize) -> Self {
        Self {
            ports,
            blocked: vec![false; ports * ports],
            whole: true,
            thinned: Vec::new(),
            loss_per_mille: 0,
            storm_limit: None,
            delay: Duration::from_micros(50),
            jitter: Duration::from_micros(400),
        }
    }

    /// Frames from `from` do not get to `to`; the other way is not touched.
    pub fn block(&mut self, from: Port, to: Port) {
        self.blocked[from.0 * self.ports + to.0] = true;
        self.whole = false;
    }

    /// Frames get neither from `one` to `other` nor back.
    pub fn cut(&mut self, one: Port, other: Port) {
        self.block(one, other);
        self.block(other, one);
    }

    /// Nothing gets in or out of `port`.
    pub fn isolate(&mut self, port: Port) {
        (0..self.ports).for_each(|other| self.cut(port, Port(other)));
    }

    /// Of a thousand frames from `from`, so many do not get to `to`; the other way is not touched.
    pub fn thin(&mut self, from: Port, to: Port, per_mille: u16) {
        if self.thinned.is_empty() {
            self.thinned = vec![0; self.blocked.len()];
        }
        let way = &mut self.thinned[from.0 * self.ports + to.0];
        *way = per_mille.max(*way);
    }

    /// Of a thousand frames from `from`, how many are lost on the way to `to`.
    pub fn loss(&self, from: Port, to: Port) -> u64 {
        let thinned = self.thinned.get(from.0 * self.ports + to.0).copied().unwrap_or(0);
        self.loss_per_mille.max(thinned.into())
    }

    /// Whether some frames are lost by chance, or because there are too many.
    pub fn loses(&self) -> bool {
        self.loss_per_mille > 0 || !self.thinned.is_empty() || self.storm_limit.is_some()
    }

    /// Whether every host's frames get to every other, but for loss.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether frames from `from` get to `to`, but for loss.
    #[inline]
    pub fn passes(&self, from: Port, to: Port) -> bool {
        !self.blocked[from.0 * self.ports + to.0]
    }
}
