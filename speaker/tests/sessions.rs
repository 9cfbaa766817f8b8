//! The BGP thread, as the async side knows it, and a router on the loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use ferrolb_bgp::session::{GracefulSettings, PeerAs, Restart, Settings, Stop};
use ferrolb_bgp::wire::{Framer, GracefulRestart, Message, Negotiated, decode};
use ferrolb_bgp::{Asn, RouterId};
use ferrolb_speaker::sessions::{Command, PeerSetup, Remote, Sessions};
use ferrolb_speaker::sys::tcp::Hops;

const RESTART_TIME: Duration = Duration::from_secs(1);

/// A peer that listens on the loopback.
fn setup(listener: &TcpListener) -> PeerSetup {
    let local = RouterId::new(Ipv4Addr::new(192, 0, 2, 11)).unwrap();
    let graceful = GracefulSettings { restart_time: RESTART_TIME };
    PeerSetup {
        name: format!("port {}", listener.local_addr().unwrap().port()).into(),
        remote: Remote { address: IpAddr::from(Ipv4Addr::LOCALHOST), link: None },
        port: listener.local_addr().unwrap().port(),
        source: None,
        password: None,
        hops: Hops::One,
        settings: Settings {
            graceful_restart: Some(graceful),
            connect_time: Settings::LEAST_CONNECT_TIME,
            ..Settings::new(Asn(64500), PeerAs::Number(Asn(64501)), local)
        },
    }
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// What the next OPEN says of restarts.
fn heard(listener: &TcpListener) -> GracefulRestart {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let (mut framer, mut octets) = (Framer::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut octets).unwrap();
        assert!(length > 0, "it ended before its OPEN");
        if let Some(frame) = framer.next(&mut &octets[..length]).unwrap() {
            let Message::Open(open) = decode(frame, &Negotiated::default()).unwrap() else {
                panic!("no OPEN")
            };
            return open.graceful_restart().unwrap().clone();
        }
    }
}

/// RFC 4724 §3 has R and F speak of a restart from which the peer waits for routes.
#[tokio::test]
async fn a_peer_that_is_added_later_hears_nothing_of_the_restart() {
    let restart = Restart { restarted: true, forwarding: true };
    let (sessions, _outputs) = Sessions::start(restart, 1).unwrap();
    let (early, late) = (listener(), listener());
    sessions.send(Command::Peer(Box::new(setup(&early)))).await.unwrap();
    let said = heard(&early);
    assert!(said.restarting && said.families.iter().all(|family| family.forwarding), "{said:?}");

    sessions.send(Command::Complete).await.unwrap();
    let complete = Instant::now();
    tokio::time::sleep(RESTART_TIME + Duration::from_millis(100)).await;
    sessions.send(Command::Peer(Box::new(setup(&late)))).await.unwrap();
    let said = heard(&late);
    assert!(!said.restarting && !said.families.iter().any(|family| family.forwarding), "{said:?}");
    // Nor does, soon, one that was there before and never came up.
    while heard(&early).restarting {
        assert!(complete.elapsed() < Duration::from_secs(15));
    }
    sessions.stop(Stop::Remove).await;
}
