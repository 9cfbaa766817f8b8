//! Two transports of one peer (RFC 4271 §6.8).

use ferrolb_bgp::session::{StateName, TransportId};
use ferrolb_bgp::wire::{Open, keepalive};
use ferrolb_bgp::{Asn, RouterId};

use crate::rig::{Rig, id, settings, their_open};

const DIALLED: TransportId = TransportId(1);
const ACCEPTED: TransportId = TransportId(2);

/// Both transports in OpenSent.
fn collided() -> Rig {
    let mut rig = Rig::started(settings());
    rig.connect();
    rig.accept();
    assert_eq!(rig.transport, ACCEPTED);
    rig.done.clear();
    rig
}

fn peer(identifier: RouterId, asn: Asn) -> Open {
    let mut open = Open { identifier, asn, ..their_open() };
    open.capabilities.pop();
    open
}

fn kept(rig: &mut Rig) -> TransportId {
    for transport in [DIALLED, ACCEPTED] {
        rig.transport = transport;
        rig.receive(keepalive);
    }
    assert_eq!(rig.session.state(), StateName::Established);
    let closed = rig.done.iter().filter(|done| done.contains("Connection Collision Resolution")).count();
    assert_eq!(closed, 1, "the loser is told: {:?}", rig.done);
    [DIALLED, ACCEPTED]
        .into_iter()
        .find(|transport| {
            rig.session.handle_closed(rig.now, *transport, None);
            rig.session.state() != StateName::Established
        })
        .unwrap()
}

/// Identifiers are unsigned numbers, and equal ones leave it to the AS (RFC 6286 §2.3).
#[test]
fn the_transport_of_the_greater_speaker_is_kept_whichever_open_comes_first() {
    let high = RouterId::new([223, 255, 255, 1].into()).unwrap();
    for (identifier, asn, expected) in [
        (id(7), Asn(64513), ACCEPTED),
        (high, Asn(64513), ACCEPTED),
        (id(3), Asn(64513), DIALLED),
        (id(5), Asn(64513), ACCEPTED),
    ] {
        for order in [[DIALLED, ACCEPTED], [ACCEPTED, DIALLED]] {
            let mut rig = collided();
            for transport in order {
                rig.transport = transport;
                rig.open(&peer(identifier, asn));
            }
            assert_eq!(kept(&mut rig), expected, "{identifier} {asn} {order:?}");
        }
    }
}

#[test]
fn a_session_that_is_up_is_kept_and_asks_whether_the_peer_remembers() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    let transport = rig.transport;
    rig.accept();
    assert!(rig.done[0].starts_with("refuses it with"), "{:?}", rig.done);
    assert_eq!(rig.done[1..], ["sends KEEPALIVE"], "a peer that forgot answers with a reset");
    assert_eq!((rig.session.state(), rig.transport), (StateName::Established, transport));
}

/// RFC 4724 §4.2.
#[test]
fn a_peer_that_restarts_gracefully_replaces_its_old_session() {
    let mut open = their_open();
    open.capabilities.push(ferrolb_bgp::wire::Capability::GracefulRestart(
        ferrolb_bgp::wire::GracefulRestart {
            restarting: false,
            notification: true,
            time: 60,
            families: vec![],
        },
    ));
    let mut rig = Rig::with_peer(settings(), &open, StateName::Established);
    rig.accept();
    assert_eq!(rig.session.state(), StateName::OpenSent);
    assert_eq!(rig.done, ["takes it", "closes it", "sends OPEN"]);
    rig.open(&open);
    rig.receive(keepalive);
    assert_eq!(rig.session.state(), StateName::Established);
    assert_eq!(rig.session.last_error(), None);
}

#[test]
fn a_peer_that_connects_again_before_the_session_is_up_has_given_up_the_first() {
    let mut rig = Rig::started(settings());
    rig.accept();
    rig.accept();
    rig.open(&their_open());
    rig.receive(keepalive);
    assert_eq!(rig.session.state(), StateName::Established);
}
