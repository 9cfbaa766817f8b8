//! Which edits of a peer make its session begin again.

use std::time::Duration;

use ferrolb_bgp::policy::NextHopSettings;
use ferrolb_bgp::session::{Effect, GracefulSettings, Opening, PeerAs, Settings, StateName};
use ferrolb_bgp::{Asn, Family};

use crate::rig::{Rig, THEIRS, id, settings};

type Edit = fn(&mut Settings);

const EDITS: [(&str, Effect, Edit); 18] = [
    ("nothing", Effect::Unchanged, |_| {}),
    ("own AS", Effect::Reset, |s| s.local_as = Asn(64999)),
    ("own identifier", Effect::Reset, |s| s.identifier = id(9)),
    ("peer's AS, another", Effect::Reset, |s| s.peer_as = PeerAs::Number(Asn(64999))),
    ("peer's AS, which it is in anyway", Effect::InPlace, |s| s.peer_as = PeerAs::External),
    ("peer's AS, which it is not in", Effect::Reset, |s| s.peer_as = PeerAs::Internal),
    ("hold time below the peer's", Effect::Reset, |s| s.hold_time = Duration::from_secs(30)),
    ("hold time above the peer's", Effect::InPlace, |s| s.hold_time = Duration::from_secs(180)),
    ("keepalive time", Effect::InPlace, |s| s.keepalive = Some(Duration::from_secs(5))),
    ("connect time", Effect::InPlace, |s| s.connect_time = Duration::from_secs(60)),
    ("who begins", Effect::InPlace, |s| s.opening = Opening::Passive),
    ("families", Effect::Reset, |s| s.families = [Family::Ipv4Unicast].into_iter().collect()),
    ("demanded families that are there", Effect::InPlace, |s| s.demanded = s.families),
    ("extended messages", Effect::Reset, |s| s.extended_messages = false),
    ("IPv4 over IPv6", Effect::Reset, |s| s.extended_next_hop = true),
    ("graceful restart", Effect::Reset, |s| {
        s.graceful_restart = Some(GracefulSettings { restart_time: Duration::from_secs(15) });
    }),
    ("next hop", Effect::InPlace, |s| {
        s.next_hops = NextHopSettings { ipv4: Some([192, 0, 2, 77].into()), ipv6: None };
    }),
    ("next hop and own AS", Effect::Reset, |s| {
        s.next_hops = NextHopSettings { ipv4: Some([192, 0, 2, 77].into()), ipv6: None };
        s.local_as = Asn(64999);
    }),
];

#[test]
fn an_edit_resets_only_what_was_agreed_on() {
    for (what, expected, edit) in EDITS {
        let mut rig = Rig::brought_to(settings(), StateName::Established);
        let mut changed = settings();
        edit(&mut changed);
        let effect = rig.session.reconfigure(rig.now, changed);
        rig.settle();
        assert_eq!(effect, expected, "{what}");
        let up = rig.session.state() == StateName::Established;
        assert_eq!(up, expected != Effect::Reset, "{what}");
        if !up {
            assert!(rig.done[0].contains("Other Configuration Change"), "{what}: {:?}", rig.done);
            assert!(rig.wait() < Duration::from_secs(1), "{what}: it begins again at once");
        }
    }
}

#[test]
fn a_next_hop_is_told_at_once_and_nothing_else_is() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    let next_hops = NextHopSettings { ipv4: Some([192, 0, 2, 77].into()), ipv6: None };
    rig.session.reconfigure(rig.now, Settings { next_hops, ..settings() });
    rig.settle();
    assert_eq!(rig.done, ["sends UPDATE"]);
}

#[test]
fn an_edit_ends_the_rest_after_a_refusal() {
    let mut rig = rests_after_a_refusal();
    rig.session.reconfigure(rig.now, Settings { peer_as: PeerAs::Number(THEIRS), ..settings() });
    assert_eq!(rig.session.state(), StateName::Connect);
}

/// Another password is nothing that the session knows of; who signs segments otherwise now says that it is worth a try.
#[test]
fn a_try_at_once_can_be_asked_for() {
    let mut rig = rests_after_a_refusal();
    rig.session.retry_now(rig.now);
    assert_eq!(rig.session.state(), StateName::Connect);
    for (state, why) in [(StateName::Established, "what is well goes on"), (StateName::Idle, "never started")]
    {
        let mut rig = Rig::brought_to(settings(), state);
        rig.session.retry_now(rig.now);
        rig.settle();
        assert_eq!((rig.session.state(), rig.done.len()), (state, 0), "{why}");
    }
}

fn rests_after_a_refusal() -> Rig {
    let mut rig =
        Rig::brought_to(Settings { peer_as: PeerAs::Number(Asn(1)), ..settings() }, StateName::OpenSent);
    rig.open(&crate::rig::their_open());
    assert_eq!(rig.session.state(), StateName::Idle);
    rig
}
