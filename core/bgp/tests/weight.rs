//! What routes weigh. A binary of its own, since memory is counted by process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::sync::Arc;

use ferrolb_bgp::policy::{Addresses, Route};
use ferrolb_bgp::session::{Action, PeerAs, Restart, Session, Settings, StateName};
use ferrolb_bgp::wire::{Capability, Open, keepalive};
use ferrolb_bgp::{Asn, Family, Prefix, RouterId};
use ferrolb_sansio::{Instant, Rng};

const VIPS: u32 = 10_000;
const PEERS: u32 = 4;
/// Of the 15 MiB that a speaker may have with these.
const MOST_KIB: u64 = 3 * 1024;

#[test]
fn ten_thousand_vips_for_four_peers_weigh_little() {
    let before = resident();
    let shared = Arc::new(Route::default());
    let sessions: Vec<_> = (0..PEERS).map(|_| told(&shared)).collect();
    let grown = resident().saturating_sub(before);
    println!("{VIPS} VIPs for {} peers: {grown} KiB", sessions.len());
    assert!(grown < MOST_KIB, "{grown} KiB");
}

/// A session that is up, and has told all of them.
fn told(route: &Arc<Route>) -> Session {
    let (now, asn) = (Instant::from_millis(1_000), Asn(64513));
    let id = |last| RouterId::new([192, 0, 2, last].into()).unwrap();
    let settings = Settings::new(Asn(64512), PeerAs::Number(asn), id(1));
    let mut session = Session::new(now, settings, Restart::default(), Rng::new(1));
    session.start(now);
    let Some(Action::Connect(transport)) = session.poll_action() else { panic!("it dials") };
    let addresses = Addresses { local: [192, 0, 2, 1].into(), ..Addresses::default() };
    session.handle_connected(now, transport, addresses);
    let mut theirs = Vec::new();
    let capabilities = vec![Capability::Multiprotocol(Family::Ipv4Unicast.codes())];
    Open { asn, hold_time: 90, identifier: id(2), capabilities }.encode(&mut theirs).unwrap();
    keepalive(&mut theirs);
    session.handle_received(now, transport, &theirs);
    assert_eq!(session.state(), StateName::Established);
    for n in 0..VIPS {
        let prefix = Prefix::new((0x0A00_0000 + n).to_be_bytes().into(), 32).unwrap();
        session.routes().set(prefix, Some(Arc::clone(route)));
    }
    loop {
        let octets = session.poll_transmit(now, transport).len();
        if octets == 0 {
            break;
        }
        session.handle_sent(now, transport, octets);
    }
    assert_eq!(session.rib_out().told(Family::Ipv4Unicast), VIPS as usize);
    session
}

/// KiB that this process occupies.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
