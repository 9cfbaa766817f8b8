//! A node on which another program has BGP's port, as the network plugin's speaker may.

use std::net::{Ipv4Addr, TcpListener};

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::inside;
use ferrolb_tests::routing::{Instance, Peer, SETTLED, Session};

use crate::rig::{OTHER, OWN, Rig, node_v4, router_v4};
use crate::speaker::Speaker;
use crate::trouble::{VIP, dialled, manifest, net, told, vips};

/// The peer that the node connects to notices nothing; the one that should come in is told of in words, and comes in once it can.
#[test]
fn a_port_that_is_taken_is_the_passive_peers_trouble_alone() {
    let rig = Rig::up("taken", 1, 2);
    let bird = |number: u8, session: Session| {
        let instance = Instance::new(OTHER, router_v4(number), &[session]);
        Peer::start(&rig, &format!("r{number}"), RouterProgram::Bird, instance)
    };
    let active = bird(1, dialled());
    let passive = bird(2, Session::new(router_v4(2), node_v4(1), OWN));
    let taken = inside(&rig, "n1", || Ok(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 179))?)).unwrap();

    let peers = manifest("active", 1, "") + &manifest("passive", 2, "passive: true");
    let speaker = Speaker::start(&rig, "n1", &[("peers.yaml", &peers), ("vips.yaml", &vips(1))]);
    told(&active);
    let says = || speaker.log().contains("port 179 cannot be listened on");
    wait("the speaker says so", SETTLED, says).unwrap();
    let up = |peer: &str| {
        let metrics = speaker.metrics().unwrap();
        metrics.sum("ferrolb_speaker_bgp_session_up", &[&format!("peer=\"{peer}\"")])
    };
    wait("the metrics say that one session is up", SETTLED, || up("active") == 1.0).unwrap();
    assert_eq!(up("passive"), 0.0);

    speaker.write("vips.yaml", &vips(2));
    let remote = active.instance().sessions[0].remote.clone();
    let both = || active.routes(&remote).is_ok_and(|routes| routes.len() == 2);
    wait("the active peer is told of changes", SETTLED, both).unwrap();
    drop(taken);
    told(&passive);
    assert!(passive.has(&passive.instance().sessions[0].remote, net(VIP)));
    let metrics = speaker.metrics().unwrap();
    let began = metrics.sum("ferrolb_speaker_bgp_sessions_established_total", &["peer=\"active\""]);
    assert_eq!(began, 1.0, "the session of the active peer stood all the while");
}
