use std::io;

use ferrolb_bgp::session::{Session, TransportId};
use ferrolb_sansio::Instant;

use super::addresses::around;
use super::peer::PeerAt;
use crate::sys::tcp::{Connection, Received};
use crate::sys::{Poller, Ready};

/// A connection of a session, from the attempt to make it to its end.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) transport: TransportId,
    pub(super) connection: Connection,
    /// What the poller knows it by.
    pub(super) number: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The poller says when it is known how that goes.
    Connecting,
    /// It takes what is sent.
    Open,
    /// It is full; the poller says when it takes more.
    Full,
}

impl Line {
    /// One that is being connected.
    pub(super) fn dialled(
        transport: TransportId,
        connection: Connection,
        number: u64,
        poller: &Poller,
    ) -> io::Result<Self> {
        poller.add(&connection, number, true)?;
        Ok(Self { transport, connection, number, state: State::Connecting })
    }

    /// One that the peer has connected.
    pub(super) fn accepted(
        transport: TransportId,
        connection: Connection,
        number: u64,
        poller: &Poller,
    ) -> io::Result<Self> {
        poller.add(&connection, number, false)?;
        Ok(Self { transport, connection, number, state: State::Open })
    }

    /// Does what can be done with it. The error is the end of it: `None` if the peer has closed it in good order.
    pub(super) fn ready(
        &mut self,
        now: Instant,
        at: &PeerAt<'_>,
        session: &mut Session,
        ready: Ready,
        buffer: &mut [u8],
    ) -> Result<(), Option<String>> {
        if ready.writable {
            self.writable(now, at, session).map_err(|error| Some(words(&error)))?;
        }
        if ready.readable && self.state != State::Connecting {
            self.read(now, session, buffer)?;
        }
        Ok(())
    }

    fn writable(&mut self, now: Instant, at: &PeerAt<'_>, session: &mut Session) -> io::Result<()> {
        let connected = self.state == State::Connecting;
        if connected {
            self.connection.outcome()?;
            let local = self.connection.local()?;
            session.handle_connected(now, self.transport, around(local, at.remote));
        }
        if self.state != State::Open {
            self.state = State::Open;
            at.poller.change(&self.connection, self.number, false)?;
        }
        Ok(())
    }

    /// Reads once: what is left is read in the next turn, after the other peers.
    pub(super) fn read(
        &mut self,
        now: Instant,
        session: &mut Session,
        buffer: &mut [u8],
    ) -> Result<(), Option<String>> {
        match self.connection.receive(buffer) {
            Ok(Received::Octets(count)) => {
                session.handle_received(now, self.transport, buffer.get(..count).unwrap_or_default());
                Ok(())
            }
            Ok(Received::Nothing) => Ok(()),
            Ok(Received::End) => Err(None),
            Err(error) => Err(Some(words(&error))),
        }
    }

    /// Sends what the session has to say, as far as the connection and this turn take it.
    pub(super) fn write(
        &mut self,
        now: Instant,
        session: &mut Session,
        poller: &Poller,
    ) -> Result<(), Option<String>> {
        if self.state != State::Open {
            return Ok(());
        }
        let mut written = 0;
        loop {
            let octets = session.poll_transmit(now, self.transport);
            if octets.is_empty() {
                return Ok(());
            }
            let wanted = octets.len();
            let taken = self.connection.send(octets).map_err(|error| Some(words(&error)))?;
            session.handle_sent(now, self.transport, taken);
            written += taken;
            if taken < wanted || written >= TURN {
                self.state = State::Full;
                let changed = poller.change(&self.connection, self.number, true);
                return changed.map_err(|error| Some(words(&error)));
            }
        }
    }

    pub(super) fn is_connecting(&self) -> bool {
        self.state == State::Connecting
    }

    pub(super) fn is_full(&self) -> bool {
        self.state == State::Full
    }
}

/// An error of the kernel as people read it.
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// Octets written to one peer in a turn, after which the others have theirs.
const TURN: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_in_words() {
        assert_eq!(words(&io::Error::from_raw_os_error(libc::ECONNREFUSED)), "connection refused");
        assert_eq!(words(&io::Error::other("No such Thing")), "no such Thing");
    }
}
