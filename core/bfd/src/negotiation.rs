use crate::Interval;

/// How fast this end sends and wants to receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pair {
    /// bfd.DesiredMinTxInterval.
    pub(crate) tx: Interval,
    /// bfd.RequiredMinRxInterval.
    pub(crate) rx: Interval,
}

/// The own intervals: what is wanted, what the peer is told, and what counts until the peer has answered
/// (RFC 5880 §6.5, §6.8.3).
#[derive(Clone, Debug)]
pub(crate) struct Negotiation {
    wanted: Pair,
    told: Pair,
    in_force: Pair,
    poll: Poll,
    /// Another sequence is to follow although no interval is another.
    again: bool,
}

/// How far a poll sequence is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Poll {
    Idle,
    /// The next packet has the P bit.
    Begins,
    /// Packets with the P bit were sent, and none with the F bit was heard.
    Sent,
    /// It has ended. The next must wait for a packet without the F bit, or it could take a late answer for its own
    /// (RFC 5880 §6.8.3, the third choice).
    Settles,
}

impl Negotiation {
    /// Before anything was sent.
    pub(crate) fn new(pair: Pair) -> Self {
        Self { wanted: pair, told: pair, in_force: pair, poll: Poll::Idle, again: false }
    }

    /// What packets say.
    pub(crate) fn told(&self) -> Pair {
        self.told
    }

    /// What the own timers go by.
    pub(crate) fn in_force(&self) -> Pair {
        self.in_force
    }

    /// Whether packets have the P bit.
    pub(crate) fn polls(&self) -> bool {
        match self.poll {
            Poll::Begins | Poll::Sent => true,
            Poll::Idle | Poll::Settles => false,
        }
    }

    /// Other intervals are wanted. `up`: whether the session is.
    pub(crate) fn want(&mut self, wanted: Pair, up: bool) {
        self.wanted = wanted;
        self.advance(up);
    }

    /// The session is about to be switched off: its last packets say that it is slow, and leave as fast as before until the
    /// peer has answered, because the increase is told while the session is up (RFC 5880 §6.8.3).
    pub(crate) fn want_before_the_end(&mut self, wanted: Pair) {
        (self.wanted, self.told, self.poll) = (wanted, wanted, Poll::Begins);
    }

    /// The peer must answer what it is told next (RFC 5880 §6.6).
    pub(crate) fn want_answer(&mut self, up: bool) {
        self.again = true;
        self.advance(up);
    }

    /// A packet with the P bit was sent.
    pub(crate) fn sent_poll(&mut self) {
        if self.poll == Poll::Begins {
            self.poll = Poll::Sent;
        }
    }

    /// A packet with the F bit was heard.
    pub(crate) fn heard_final(&mut self) {
        if self.poll == Poll::Sent {
            (self.in_force, self.poll) = (self.told, Poll::Settles);
        }
    }

    /// A packet without the F bit was heard.
    pub(crate) fn heard_other(&mut self, up: bool) {
        if self.poll == Poll::Settles {
            self.poll = Poll::Idle;
            self.advance(up);
        }
    }

    /// Begins a sequence if there is something to tell and none is under way. A session that is not up need not wait: all
    /// its changes take effect at once, whichever packet is answered.
    fn advance(&mut self, up: bool) {
        if self.wanted == self.told && !self.again {
            return;
        }
        match self.poll {
            Poll::Sent | Poll::Settles if up => return,
            Poll::Idle | Poll::Begins | Poll::Sent | Poll::Settles => {}
        }
        let wanted = self.wanted;
        (self.told, self.poll, self.again) = (wanted, Poll::Begins, false);
        // RFC 5880 §6.8.3: sending slower, and counting on receiving faster, wait for the answer. All else does not.
        if !up || wanted.tx < self.in_force.tx {
            self.in_force.tx = wanted.tx;
        }
        if !up || wanted.rx > self.in_force.rx {
            self.in_force.rx = wanted.rx;
        }
    }
}
