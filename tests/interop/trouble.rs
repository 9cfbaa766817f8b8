//! Peers that die, return, tell too much, tell nonsense or stand still, beside our speaker.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::Result;
use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::inside;
use ferrolb_tests::routing::{HOLD_TIME, Instance, Peer, Route, SETTLED, Session};
use ipnet::IpNet;

use crate::rig::{OTHER, OWN, Rig, node_v4, router_v4};
use crate::speaker::Speaker;

pub(crate) const VIP: &str = "203.0.113.7";
/// As many as the internet had IPv6 routes in 2024.
const MANY: u32 = 200_000;
/// What the speaker may keep of a peer that told so many, or hears nothing, in KiB: counters and buffers.
pub(crate) const FLAT: u64 = 1024;

#[test]
fn bird_and_our_speaker_find_each_other_dead_by_bfd() {
    dead_by_bfd(RouterProgram::Bird);
}

#[test]
fn frr_and_our_speaker_find_each_other_dead_by_bfd() {
    dead_by_bfd(RouterProgram::Frr);
}

/// Each end stands still once; the other ends the session long before the hold time.
fn dead_by_bfd(program: RouterProgram) {
    let rig = Rig::up(&format!("bfd-{}", program.name()), 1, 1);
    let session = Session { bfd: true, ..dialled() };
    let (peer, speaker) = start(&rig, program, session, "bfdProfile: usual");
    let remote = peer.instance().sessions[0].remote.clone();
    let bfd_comes_up = || {
        let up = || peer.bfd_is_up(&remote) && speaker_counts(&speaker, "bfd_session_up") == 1.0;
        wait("BFD is up", SETTLED, up).unwrap();
    };
    bfd_comes_up();

    let before_hold_time = Duration::from_secs(u64::from(HOLD_TIME)) / 2;
    let silent = Instant::now();
    peer.router.freeze().unwrap();
    wait("the speaker ends the session", SETTLED, || !speaker_is_up(&speaker)).unwrap();
    assert!(silent.elapsed() < before_hold_time, "it took {:?}", silent.elapsed());
    peer.router.thaw().unwrap();
    told(&peer);
    bfd_comes_up();

    let silent = Instant::now();
    speaker.freeze();
    wait("the router ends the session", SETTLED, || !peer.is_established(&remote)).unwrap();
    assert!(silent.elapsed() < before_hold_time, "it took {:?}", silent.elapsed());
    speaker.thaw();
    told(&peer);
}

#[test]
fn a_router_that_is_killed_and_returns_is_told_again() {
    let rig = Rig::up("returns", 1, 1);
    let (mut peer, speaker) = start(&rig, RouterProgram::Bird, dialled(), "");
    peer.router.kill().unwrap();
    wait("the speaker notices", SETTLED, || !speaker_is_up(&speaker)).unwrap();
    peer.router.start_again().unwrap();
    told(&peer);
}

#[test]
fn two_hundred_thousand_routes_of_a_peer_leave_nothing_behind() {
    let rig = Rig::up("many", 1, 1);
    let first = u32::from(Ipv4Addr::new(100, 64, 0, 0));
    let routes: Vec<(IpNet, Route)> = (0..MANY)
        .map(|number| {
            let address = IpAddr::V4(Ipv4Addr::from(first + number));
            (IpNet::from(address), Route::to(router_v4(1).into()))
        })
        .collect();
    let (mut peer, speaker) = start(&rig, RouterProgram::Bird, dialled(), "");
    let before = resident(&rig);
    peer.reconfigure(Instance::new(OTHER, router_v4(1), &[dialled()]).announcing(&routes));
    wait("the speaker has heard all", SETTLED, || {
        speaker_counts(&speaker, "bgp_prefixes_received_total") >= f64::from(MANY)
    })
    .unwrap();
    let grown = resident(&rig).saturating_sub(before);
    assert!(grown < FLAT, "the speaker holds {grown} KiB more than before");
    told(&peer);
}

#[test]
fn a_peer_that_talks_nonsense_or_stands_still_disturbs_no_other() {
    let rig = Rig::up("nonsense", 1, 3);
    let session = |number: u8| Session { passive: true, ..Session::new(router_v4(number), node_v4(1), OWN) };
    let bird = |number: u8| {
        let instance = Instance::new(OTHER, router_v4(number), &[session(number)]);
        Peer::start(&rig, &format!("r{number}"), RouterProgram::Bird, instance)
    };
    let (well, still) = (bird(1), bird(2));
    let listener = inside(&rig, "r3", || Ok(TcpListener::bind((router_v4(3), 179))?)).unwrap();
    let peers: String = (1..=3).map(|number| manifest(&format!("r{number}"), number, "")).collect();
    let speaker = Speaker::start(&rig, "n1", &[("peers.yaml", &peers), ("vips.yaml", &vips(1))]);
    told(&well);
    told(&still);
    let steady = speaker_counts(&speaker, "bgp_sessions_established_total");

    for nonsense in [&[0_u8; 64][..], &[0xff; 19], &[0xff; 4096], b"GET / HTTP/1.1\r\n\r\n"] {
        listener.set_nonblocking(false).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(nonsense).unwrap();
        stream.set_read_timeout(Some(SETTLED)).unwrap();
        // It says what is wrong with that, or only closes; either ends here.
        let _: Result<usize, _> = stream.read_to_end(&mut Vec::new());
    }
    still.router.freeze().unwrap();
    speaker.write("vips.yaml", &vips(5_000));
    let remote = well.instance().sessions[0].remote.clone();
    wait("the router that goes on has all", SETTLED, || {
        well.routes(&remote).is_ok_and(|routes| routes.len() == 5_000)
    })
    .unwrap();
    assert!(well.is_established(&remote));
    wait("who is silent is given up", SETTLED, || speaker_counts(&speaker, "bgp_session_up") == 1.0).unwrap();
    still.router.thaw().unwrap();
    let remote = still.instance().sessions[0].remote.clone();
    wait("it is told once it goes on", SETTLED, || {
        still.routes(&remote).is_ok_and(|routes| routes.len() == 5_000)
    })
    .unwrap();
    let again = speaker_counts(&speaker, "bgp_sessions_established_total") - steady;
    assert!(again <= 1.0, "sessions of others were begun anew: {again}");
}

/// The router's end of a session that our speaker connects to.
pub(crate) fn dialled() -> Session {
    Session { passive: true, ..Session::new(router_v4(1), node_v4(1), OWN) }
}

/// One router and our speaker, which has told it the VIP.
pub(crate) fn start(rig: &Rig, program: RouterProgram, session: Session, more: &str) -> (Peer, Speaker) {
    let peer = Peer::start(rig, "r1", program, Instance::new(OTHER, router_v4(1), &[session]));
    let profile =
        "---\napiVersion: ferrolb.io/v1beta1\nkind: BFDProfile\nmetadata: {name: usual}\nspec: {}\n";
    let peers = manifest("r1", 1, more) + profile;
    let speaker = Speaker::start(rig, "n1", &[("peers.yaml", &peers), ("vips.yaml", &vips(1))]);
    told(&peer);
    (peer, speaker)
}

pub(crate) fn told(peer: &Peer) {
    let remote = &peer.instance().sessions[0].remote;
    let what = format!("{:?} is told the VIP", peer.router.program());
    wait(&what, SETTLED, || peer.is_established(remote) && peer.has(remote, net(VIP))).unwrap();
}

pub(crate) fn manifest(name: &str, number: u8, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let address = router_v4(number);
    format!(
        "---\napiVersion: ferrolb.io/v1beta1\nkind: BGPPeer\nmetadata: {{name: {name}}}\n\
         spec: {{myASN: {OWN}, peerASN: {OTHER}, peerAddress: {address}, connectTime: 1s{more}}}\n"
    )
}

/// So many VIPs, of which the first is told by itself.
pub(crate) fn vips(count: usize) -> String {
    let all: Vec<String> = std::iter::once(VIP.to_owned()).chain(far(count - 1)).collect();
    told_of(&all)
}

/// These VIPs, and an advertisement that asks for no attributes.
pub(crate) fn told_of(vips: &[String]) -> String {
    "apiVersion: ferrolb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: all}\nspec: {}\n".to_owned()
        + &slices("vips", vips)
}

/// So many addresses in 198.18.0.0/15.
pub(crate) fn far(count: usize) -> Vec<String> {
    let first = u32::from(Ipv4Addr::new(198, 18, 0, 1));
    (first..).take(count).map(|address| Ipv4Addr::from(address).to_string()).collect()
}

/// AnnouncementSlices of these, told by the advertisement `all`.
pub(crate) fn slices(name: &str, vips: &[String]) -> String {
    let mut text = String::new();
    for (number, some) in vips.chunks(64).enumerate() {
        let vips: Vec<String> = some
            .iter()
            .map(|ip| format!("{{ip: '{ip}', bgp: {{advertisements: [{{name: all}}]}}}}"))
            .collect();
        text += &format!(
            "---\napiVersion: ferrolb.io/v1beta1\nkind: AnnouncementSlice\nmetadata: {{name: {name}-{number}}}\n\
             spec: {{vips: [{}]}}\n",
            vips.join(", ")
        );
    }
    text
}

pub(crate) fn speaker_counts(speaker: &Speaker, name: &str) -> f64 {
    speaker.metrics().map_or(0.0, |metrics| metrics.sum(&format!("ferrolb_speaker_{name}"), &[]))
}

fn speaker_is_up(speaker: &Speaker) -> bool {
    speaker_counts(speaker, "bgp_session_up") > 0.0
}

/// The speaker's anonymous memory, in KiB.
pub(crate) fn resident(rig: &Rig) -> u64 {
    let pids = rig.space("n1").unwrap().pids_of("ferrolb-speaker").unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", pids[0])).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

pub(crate) fn net(address: &str) -> IpNet {
    address.parse::<IpAddr>().unwrap().into()
}
