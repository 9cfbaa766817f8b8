use ferrolb_sansio::Instant;

use super::Session;
use super::event::TransportId;

/// How many octets are made ready at a time. What is beyond that can still change without being sent twice.
const READY: usize = 64 * 1024;

impl Session {
    /// What to write to a transport; empty if there is nothing. Say with `handle_sent` how much of it was taken.
    pub fn poll_transmit(&mut self, now: Instant, transport: TransportId) -> &[u8] {
        let Some(side) = self.links.side(transport) else { return &[] };
        let Some(link) = self.links.get_mut(side) else { return &[] };
        if link.is_established() && link.outbox.waiting().len() < READY / 2 {
            link.outbox.compact();
            let filled = link.outbox.write(|out| self.routes.fill(out, READY));
            self.counters.sent.update += filled.updates;
            self.counters.sent.refresh += filled.refreshes;
            if filled.updates > 0 {
                // An UPDATE is a sign of life too (RFC 4271 §8.2.2).
                link.restart_keepalive(now, self.settings.keepalive, &mut self.rng);
            }
            link.watch_sending(now, false);
        }
        link.outbox.waiting()
    }

    /// A transport took so many octets of what `poll_transmit` gave.
    pub fn handle_sent(&mut self, now: Instant, transport: TransportId, count: usize) {
        if let Some(side) = self.links.side(transport)
            && let Some(link) = self.links.get_mut(side)
        {
            link.outbox.sent(count);
            link.watch_sending(now, count > 0);
        }
        self.advance_leaving(now);
        self.tell_state(now);
    }
}
