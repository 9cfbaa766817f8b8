use core::time::Duration;

use crate::{Diagnostic, Discriminator, Interval, Packet, State};

/// What the other end said last (RFC 5880 §6.8.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    pub(crate) discriminator: Option<Discriminator>,
    pub(crate) state: State,
    pub(crate) diagnostic: Diagnostic,
    pub(crate) demand: bool,
    pub(crate) independent: bool,
    pub(crate) min_rx: Interval,
    pub(crate) min_tx: Interval,
    pub(crate) multiplier: u8,
}

impl Remote {
    /// An end that was never heard, or not for a detection time.
    pub(crate) const UNHEARD: Self = Self {
        discriminator: None,
        state: State::Down,
        diagnostic: Diagnostic::None,
        demand: false,
        independent: false,
        min_rx: Interval::from_micros(1),
        min_tx: Interval::from_micros(0),
        multiplier: 0,
    };

    pub(crate) fn take(&mut self, packet: &Packet) {
        *self = Self {
            discriminator: Some(packet.mine),
            state: packet.state,
            diagnostic: packet.diagnostic,
            demand: packet.demand,
            independent: packet.independent,
            min_rx: packet.required_min_rx,
            min_tx: packet.desired_min_tx,
            multiplier: packet.multiplier.get(),
        };
    }

    /// The interval at which it sends to an end that receives every `rx` at most.
    pub(crate) fn pace(&self, rx: Interval) -> Duration {
        self.min_tx.max(rx).duration()
    }

    /// How long it may be silent (RFC 5880 §6.8.4).
    pub(crate) fn detection_time(&self, rx: Interval) -> Duration {
        self.pace(rx) * u32::from(self.multiplier)
    }
}
