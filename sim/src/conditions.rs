use core::time::Duration;

use crate::Port;

/// What is wrong with the network at the moment. Set it anew whenever a fault begins or ends.
#[derive(Clone, Debug)]
pub struct Conditions {
    ports: usize,
    /// `from · ports + to`: frames from there do not get there.
    blocked: Vec<bool>,
    whole: bool,
    /// Of a thousand frames, how many are lost on their way to each receiver.
    pub loss_per_mille: u64,
    /// Least time on the way.
    pub delay: Duration,
    /// Random time on the way, added to the least; more than the gap between two frames reorders them.
    pub jitter: Duration,
}

impl Conditions {
    /// Everything works: 50 to 450 µs on the way, nothing lost.
    pub fn fair(ports: usize) -> Self {
        Self {
            ports,
            blocked: vec![false; ports * ports],
            whole: true,
            loss_per_mille: 0,
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

    /// Whether frames from `from` get to `to`.
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
