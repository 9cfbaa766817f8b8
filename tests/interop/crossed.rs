//! Our own speaker beside each program, the other way round than in `ours`: it waits over IPv4 and connects over IPv6, both with
//! MD5, and over IPv6 it tells of IPv4 VIPs too, once the node has no IPv4 address by an IPv6 next hop (RFC 8950).

use std::net::IpAddr;

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{Instance, Peer, Route, SETTLED, Session};

use crate::ours::{NODE_LINK_LOCAL, NODE_V6, plain, secret};
use crate::rig::{OTHER, OWN, Rig, node_v4, router_v4, router_v6};
use crate::speaker::Speaker;
use crate::trouble::{net, told_of};

const PASSWORD: &str = "correct-horse";
const V4: &str = "203.0.113.7";
const V6: &str = "2001:db8:ffff::7";

#[test]
fn bird_hears_our_speaker_the_other_way_round() {
    crossed(RouterProgram::Bird);
}

#[test]
fn frr_hears_our_speaker_the_other_way_round() {
    crossed(RouterProgram::Frr);
}

#[test]
fn gobgp_hears_our_speaker_the_other_way_round() {
    crossed(RouterProgram::GoBgp);
}

/// OpenBGPD 7.7 answers no connection with MD5 on Linux, so that it connects in both, and has no RFC 8950.
#[test]
fn openbgpd_hears_our_speaker_over_ipv6_with_md5() {
    crossed(RouterProgram::OpenBgpd);
}

#[test]
fn exabgp_hears_our_speaker_the_other_way_round() {
    crossed(RouterProgram::ExaBgp);
}

fn crossed(program: RouterProgram) {
    let rig = Rig::up(&format!("crossed-{}", program.name()), 1, 1);
    let is_full = program != RouterProgram::OpenBgpd;
    let protected = |session: Session| Session { password: Some(PASSWORD.into()), ..session };
    let v4 = protected(Session::new(router_v4(1), node_v4(1), OWN));
    let v6 = Session {
        passive: is_full,
        extended_next_hop: is_full,
        ..protected(Session::new(router_v6(1), NODE_V6, OWN))
    };
    let remotes = [v4.remote.clone(), v6.remote.clone()];
    let mut peer = Peer::start(&rig, "r1", program, Instance::new(OTHER, router_v4(1), &[v4, v6]));
    let vips = told_of(&[V4, V6].map(str::to_owned));
    let manifests = [("secret.yaml", secret(PASSWORD)), ("peers.yaml", peers(is_full)), ("vips.yaml", vips)];
    let manifests = manifests.each_ref().map(|(name, text)| (*name, text.as_str()));
    let speaker = Speaker::start(&rig, "n1", &manifests);

    let by = |next_hop: IpAddr| Route { next_hop, ..plain(program) };
    // Of a next hop that is told with its link-local address (RFC 2545) ExaBGP shows that.
    let near = if program == RouterProgram::ExaBgp { NODE_LINK_LOCAL } else { NODE_V6 };
    let v6_vip = (net(V6), by(near.into()));
    let v4_vip = |next_hop| (net(V4), by(next_hop));
    let told = |peer: &Peer| {
        let v4_vip = v4_vip(node_v4(1).into());
        peer.hears(&remotes[0], std::slice::from_ref(&v4_vip));
        let both = [v6_vip.clone(), v4_vip];
        peer.hears(&remotes[1], if is_full { &both } else { &both[..1] });
    };
    told(&peer);

    // It returns, and finds whom it left.
    peer.router.stop().unwrap();
    let up = || speaker.metrics().is_ok_and(|known| known.sum("ferrolb_speaker_bgp_session_up", &[]) == 0.0);
    wait("the sessions are over", SETTLED, up).unwrap();
    peer.router.start_again().unwrap();
    told(&peer);

    if is_full {
        rig.space("n1").unwrap().check(["ip", "-4", "address", "flush", "dev", "eth0"]).unwrap();
        peer.hears(&remotes[1], &[v6_vip, v4_vip(near.into())]);
    }
}

fn peers(is_full: bool) -> String {
    format!(
        "\
apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {{name: v4}}
spec: {{myASN: {OWN}, peerASN: {OTHER}, peerAddress: {}, passive: true, passwordSecret: {{name: word}}}}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {{name: v6}}
spec:
  {{myASN: {OWN}, peerASN: {OTHER}, peerAddress: '{}', passive: {}, passwordSecret: {{name: word}}, dualStackAddressFamily: {is_full}}}
",
        router_v4(1),
        router_v6(1),
        !is_full
    )
}
