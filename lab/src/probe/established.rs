//! The third witness: one TCP connection that stays, a byte each way a millisecond.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Result;

use super::event::{Counts, Event, Witness, micros};
use super::{Desk, Pace, monotonic_ns};

const PERIOD: Duration = Duration::from_millis(1);
const CONNECT_WITHIN: Duration = Duration::from_millis(500);
/// An answer that takes longer makes a gap.
const LATE_NS: u64 = 20_000_000;
/// How often to look whether the prober ends.
const GLANCE: Duration = Duration::from_millis(200);

pub(super) fn watch(to: SocketAddr, desk: &Desk) -> Result<()> {
    let mut exchange = Exchange::default();
    let mut pace = Pace::new(PERIOD);
    while !desk.stopped() {
        match exchange.connect(to, desk) {
            Ok(mut stream) => {
                if let Err(error) = exchange.go_on(&mut stream, &mut pace, desk) {
                    desk.tell(Event::Broken { at: monotonic_ns(), error: error.to_string() });
                }
            }
            Err(_) => pace.wait(),
        }
    }
    desk.tell(Event::Ended {
        witness: Witness::Established,
        counts: Counts::of(exchange.sent, exchange.latencies),
    });
    Ok(())
}

#[derive(Debug, Default)]
struct Exchange {
    sent: u64,
    latencies: Vec<u32>,
    server: Option<String>,
}

impl Exchange {
    fn connect(&mut self, to: SocketAddr, desk: &Desk) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&to, CONNECT_WITHIN)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(GLANCE))?;
        let mut name = String::new();
        // The server sends nothing more until it is asked, so the reader holds nothing back.
        BufReader::new(&stream).read_line(&mut name)?;
        let name = name.trim_end().to_owned();
        if self.server.as_ref() != Some(&name) {
            desk.tell(Event::Server {
                witness: Witness::Established,
                at: monotonic_ns(),
                name: name.clone(),
            });
            self.server = Some(name);
        }
        Ok(stream)
    }

    /// Until the connection breaks (an error) or the prober ends.
    fn go_on(&mut self, stream: &mut TcpStream, pace: &mut Pace, desk: &Desk) -> std::io::Result<()> {
        while !desk.stopped() {
            let from = monotonic_ns();
            self.sent += 1;
            stream.write_all(&[0])?;
            let answered = read_byte(stream, desk)?;
            let to = monotonic_ns();
            if answered {
                self.latencies.push(micros(to - from));
            }
            if to - from > LATE_NS || !answered {
                let lost = u64::from(!answered);
                desk.tell(Event::Gap {
                    witness: Witness::Established,
                    from,
                    to: answered.then_some(to),
                    lost,
                });
            }
            pace.wait();
        }
        Ok(())
    }
}

/// Waits for one byte as long as the prober runs; whether it came.
fn read_byte(stream: &mut TcpStream, desk: &Desk) -> std::io::Result<bool> {
    loop {
        match stream.read(&mut [0]) {
            Ok(0) => {
                return Err(std::io::Error::new(
                    ErrorKind::UnexpectedEof,
                    "the server closed the connection",
                ));
            }
            Ok(_) => return Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if desk.stopped() {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
}
