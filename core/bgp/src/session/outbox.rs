use crate::wire::{MAX_LEN, Notification};

/// Octets that wait for the transport to take them.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    /// How many of them the transport has taken.
    sent: usize,
    /// Where the first message begins that it has not taken whole.
    message: usize,
}

const LENGTH_AT: usize = 16;
/// What an empty outbox may hold on to for the next time.
const KEPT: usize = 16 * MAX_LEN;

impl Outbox {
    pub(crate) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Lets `write` append whole messages.
    pub(crate) fn write<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        write(&mut self.bytes)
    }

    /// Forgets messages that were taken whole.
    pub(crate) fn compact(&mut self) {
        self.bytes.drain(..self.message);
        self.sent -= self.message;
        self.message = 0;
    }

    /// The transport took so many more.
    pub(crate) fn sent(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.bytes.len());
        while let Some(length) = self.length_at(self.message)
            && self.message + length <= self.sent
        {
            self.message += length;
        }
        if self.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
            (self.sent, self.message) = (0, 0);
        }
    }

    /// The last octets of the connection: the rest of a message that is half sent, without which nothing can be understood,
    /// and the NOTIFICATION. What waits in between is of no more use.
    pub(crate) fn last(mut self, notification: Option<&Notification>) -> Vec<u8> {
        let Some(notification) = notification else { return Vec::new() };
        let cut = if self.message < self.sent {
            self.length_at(self.message).map_or(self.sent, |length| self.message + length)
        } else {
            self.sent
        };
        let mut last = self.bytes.drain(self.sent..cut.max(self.sent)).collect();
        notification.encode(&mut last);
        last
    }

    fn length_at(&self, start: usize) -> Option<usize> {
        let [high, low] = *self.bytes.get(start + LENGTH_AT..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_be_bytes([high, low])).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{CeaseCode, ErrorCode, keepalive};

    #[test]
    fn a_half_sent_message_is_finished_before_the_notification_and_the_rest_is_dropped() {
        let notification: Notification = ErrorCode::Cease(CeaseCode::PeerDeconfigured).into();
        for (sent, rest) in [(0, 0), (5, 14), (19, 0), (20, 18), (38, 0), (57, 0)] {
            let mut outbox = Outbox::default();
            (0..3).for_each(|_| outbox.write(keepalive));
            outbox.sent(sent);
            let mut expected = vec![];
            (0..3).for_each(|_| keepalive(&mut expected));
            let mut expected = expected[sent..sent + rest].to_vec();
            notification.encode(&mut expected);
            assert_eq!(outbox.last(Some(&notification)), expected, "{sent} octets were sent");
        }
    }

    #[test]
    fn what_is_taken_in_parts_arrives_whole() {
        let (mut outbox, mut arrived) = (Outbox::default(), Vec::new());
        let mut expected = Vec::new();
        for _ in 0..40 {
            outbox.write(keepalive);
            keepalive(&mut expected);
            let part = outbox.waiting().len().min(13);
            arrived.extend_from_slice(&outbox.waiting()[..part]);
            outbox.sent(part);
            outbox.compact();
        }
        arrived.extend_from_slice(outbox.waiting());
        assert_eq!(arrived, expected);
        assert!(outbox.bytes.len() < 40 * 19, "what was taken is not kept");
    }
}
