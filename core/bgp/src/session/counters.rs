use crate::wire::{Action, Fault, Kind, Update};

/// What has happened since the session was configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Messages sent.
    pub sent: Messages,
    /// Messages received whole.
    pub received: Messages,
    /// Prefixes that the peer announced; none is kept.
    pub announced: u64,
    /// Prefixes that the peer withdrew.
    pub withdrawn: u64,
    /// UPDATEs of which an attribute was ignored (RFC 7606: attribute discard).
    pub discarded: u64,
    /// UPDATEs whose routes counted as withdrawn (RFC 7606: treat as withdraw).
    pub treated_as_withdrawn: u64,
    /// UPDATEs that ended the session.
    pub resets: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// How often the session came up.
    pub established: u64,
    /// Prefixes that the peer announced since the session last came up: IPv4, IPv6. One that is announced again counts again,
    /// for none is kept that could be compared.
    pub announced_now: [u64; 2],
}

/// A number for each kind of message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Messages {
    /// OPEN.
    pub open: u64,
    /// UPDATE.
    pub update: u64,
    /// NOTIFICATION.
    pub notification: u64,
    /// KEEPALIVE.
    pub keepalive: u64,
    /// ROUTE-REFRESH.
    pub refresh: u64,
}

impl Messages {
    pub(super) fn count(&mut self, kind: Kind) {
        *match kind {
            Kind::Open => &mut self.open,
            Kind::Update => &mut self.update,
            Kind::Notification => &mut self.notification,
            Kind::Keepalive => &mut self.keepalive,
            Kind::RouteRefresh => &mut self.refresh,
        } += 1;
    }
}

impl Counters {
    pub(super) fn count_routes(&mut self, update: &Update) {
        let announced = [update.announced.ipv4, update.announced.ipv6].map(u64::from);
        self.announced += announced.iter().sum::<u64>();
        self.announced_now.iter_mut().zip(announced).for_each(|(all, more)| *all += more);
        self.withdrawn += u64::from(update.withdrawn.ipv4) + u64::from(update.withdrawn.ipv6);
    }

    pub(super) fn count_fault(&mut self, fault: &Fault) {
        *match fault.action {
            Action::Discard => &mut self.discarded,
            Action::Withdraw => &mut self.treated_as_withdrawn,
            Action::Reset => &mut self.resets,
        } += 1;
    }
}
