//! UPDATEs that are wrong, on a session of a real router's that stands (RFC 7606).

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{Instance, Peer, SETTLED};

use crate::rig::{OTHER, Rig, router_v4};
use crate::speaker::Speaker;
use crate::trouble::{dialled, manifest, speaker_counts};

/// What ExaBGP says of a route beside what is right: type, flags and value of an attribute. What is asked for by that, and the
/// words of the first of its kind.
const WRONG: [(&str, &str, Option<&str>); 4] = [
    (
        "0x07 0xc0 0x0102",
        "discard",
        Some("AGGREGATOR has 2 octets, which it cannot have: an attribute was left out"),
    ),
    (
        "0x08 0xc0 0x010203",
        "withdraw",
        Some("COMMUNITIES has 3 octets, which it cannot have: its routes count as withdrawn"),
    ),
    ("0x01 0x40 0x09", "withdraw", None),
    ("0x06 0x40 0x01", "discard", None),
];

/// Each is counted by what is done about it, the session goes on, and so does what the router tells after it.
#[test]
fn a_wrong_update_of_a_router_is_counted_and_the_session_goes_on() {
    let rig = Rig::up("faults", 1, 1);
    let instance = Instance::new(OTHER, router_v4(1), &[dialled()]);
    let exabgp = Peer::start(&rig, "r1", RouterProgram::ExaBgp, instance);
    let speaker = Speaker::start(&rig, "n1", &[("peers.yaml", &manifest("r1", 1, ""))]);
    let remote = exabgp.instance().sessions[0].remote.clone();
    wait("the session is up", SETTLED, || exabgp.is_established(&remote)).unwrap();

    let tell = |number: usize, more: &str| {
        let route = format!("announce route 198.18.0.{number}/32 next-hop {}{more}", router_v4(1));
        let said = exabgp.router.control(&[&route]).unwrap();
        assert!(!said.contains("error"), "{route}: {said}");
    };
    let counted = |action: &str| {
        let metrics = speaker.metrics().unwrap();
        metrics.sum("ferrolb_speaker_bgp_faults_total", &[&format!("action=\"{action}\"")])
    };
    let heard = || speaker_counts(&speaker, "bgp_prefixes_received_total");
    for (number, (attribute, action, words)) in WRONG.into_iter().enumerate() {
        let (before, others) = (counted(action), speaker_counts(&speaker, "bgp_faults_total"));
        tell(number, &format!(" attribute [ {attribute} ]"));
        wait(&format!("{attribute}: it counts"), SETTLED, || counted(action) == before + 1.0).unwrap();
        assert_eq!(
            speaker_counts(&speaker, "bgp_faults_total"),
            others + 1.0,
            "{attribute}: by nothing else"
        );
        if let Some(words) = words {
            assert!(speaker.log().contains(words), "{words:?} is not in the log");
        }
        let before = heard();
        tell(100 + number, "");
        wait("the next route is heard", SETTLED, || heard() == before + 1.0).unwrap();
    }
    assert!(exabgp.is_established(&remote));
    assert_eq!(
        speaker_counts(&speaker, "bgp_sessions_established_total"),
        1.0,
        "the session stood all the while"
    );
}
