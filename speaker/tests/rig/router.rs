//! A router written by hand.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// For whatever the speaker should do soon.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const OPEN: u8 = 1;
pub const UPDATE: u8 = 2;
pub const NOTIFICATION: u8 = 3;
pub const KEEPALIVE: u8 = 4;

/// The router's end of a session (RFC 4271 §4).
pub struct Router(TcpStream);

impl Router {
    /// Waits for the speaker, and brings the session up as AS 64501, 192.0.2.100, hold time 90 s, without capabilities but
    /// IPv4 unicast.
    pub fn accept(listener: &TcpListener) -> Self {
        let (stream, from) = listener.accept().unwrap();
        assert_eq!(from.ip().to_string(), "192.0.2.11");
        let mut router = Self::over(stream);
        let (kind, open) = router.read();
        assert_eq!((kind, open[0], &open[1..3]), (OPEN, 4, &64500_u16.to_be_bytes()[..]));
        assert_eq!(&open[5..9], [192, 0, 2, 11], "its own address is its identifier");
        let (asn, hold) = (64501_u16.to_be_bytes(), 90_u16.to_be_bytes());
        let capability = [2, 6, 1, 4, 0, 1, 0, 1];
        router.write(OPEN, &[&[4], &asn[..], &hold[..], &[192, 0, 2, 100, 8], &capability[..]].concat());
        router.write(KEEPALIVE, &[]);
        assert_eq!(router.read().0, KEEPALIVE);
        router
    }

    /// One that has said nothing yet.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub fn write(&mut self, kind: u8, body: &[u8]) {
        let length = u16::try_from(19 + body.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&[0xff; 16], &length[..], &[kind], body].concat()).unwrap();
    }

    pub fn read(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 19];
        self.0.read_exact(&mut header).unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([header[16], header[17]])) - 19];
        self.0.read_exact(&mut body).unwrap();
        (header[18], body)
    }

    /// The next UPDATE: host routes withdrawn, attributes, host routes announced.
    pub fn update(&mut self) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        loop {
            let (kind, body) = self.read();
            if kind == KEEPALIVE {
                continue;
            }
            assert_eq!(kind, UPDATE, "{body:?}");
            let withdrawn = usize::from(u16::from_be_bytes([body[0], body[1]]));
            let rest = &body[2 + withdrawn..];
            let attributes = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            let (attributes, announced) = rest[2..].split_at(attributes);
            return (body[2..2 + withdrawn].to_vec(), attributes.to_vec(), announced.to_vec());
        }
    }
}
