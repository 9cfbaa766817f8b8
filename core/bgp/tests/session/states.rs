//! states.md is what the code does in every state with every event. `UPDATE=1` writes it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use ferrolb_bgp::session::{Event, StateName, Stop};
use ferrolb_bgp::wire::{Notification, RefreshKind, RouteRefresh, keepalive};
use ferrolb_bgp::{Asn, Family};

use crate::rig::{Rig, id, settings, their_open};

#[test]
fn the_page_says_what_the_code_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/session/states.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, page()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page(),
        "tests/session/states.md differs from the code: UPDATE=1 writes it; look at the difference and commit it"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# Every state with every event\n\
         <!-- Written by `UPDATE=1 cargo test -p ferrolb-bgp --test session states` from the code; do not edit. -->\n\
         RFC 4271 §8.2.2 as it is here, for a peer that is both dialled and listened for. One prefix should be told.\n\
         Events of a transport are those of the one that was opened last. Where a transport fails the RFC goes through Idle and\n\
         starts again by itself; here that is Active at once, so that the peer can connect meanwhile.\n",
    );
    for (title, rig) in states() {
        write!(page, "\n## {title}\n\n| event | state | what is done |\n|---|---|---|\n").unwrap();
        for (event, play) in EVENTS {
            let mut rig = rig();
            rig.done.clear();
            play(&mut rig);
            rig.settle();
            writeln!(page, "| {event} | {} | {} |", rig.session.state(), outcome(&rig)).unwrap();
        }
    }
    page
}

type Play = fn(&mut Rig);
type Made = Box<dyn Fn() -> Rig>;

fn states() -> Vec<(String, Made)> {
    let mut states: Vec<(String, Made)> = Vec::new();
    for state in StateName::ALL {
        let title = if state == StateName::Idle { "Idle, stopped".into() } else { state.to_string() };
        states.push((title, Box::new(move || Rig::brought_to(settings(), state))));
        if state == StateName::Idle {
            states.push(("Idle, resting after a refusal".into(), Box::new(resting)));
        }
    }
    states
}

fn resting() -> Rig {
    let mut rig = Rig::brought_to(settings(), StateName::OpenSent);
    notification(&mut rig);
    rig.events.clear();
    rig
}

fn notification(rig: &mut Rig) {
    rig.receive(|out| Notification::administrative_shutdown("maintenance").encode(out));
}

const EVENTS: [(&str, Play); 24] = [
    ("start", |rig| rig.session.start(rig.now)),
    ("stop to restart", |rig| rig.session.stop(rig.now, Stop::Restart { text: "upgrade".into() })),
    ("stop to leave", |rig| {
        let (wait, text) = (Duration::ZERO, "drained".into());
        rig.session.stop(rig.now, Stop::Leave { wait, text });
    }),
    ("the peer is removed", |rig| rig.session.stop(rig.now, Stop::Remove)),
    ("the first timer expires", |rig| {
        if let Some(next) = rig.session.poll_timeout() {
            rig.pass(next.since(rig.now));
        }
    }),
    ("nothing is heard for long", |rig| {
        let (state, end) = (rig.session.state(), rig.now + Duration::from_secs(300));
        while rig.session.state() == state
            && let Some(next) = rig.session.poll_timeout().filter(|next| *next <= end)
        {
            rig.done.clear();
            rig.pass(next.since(rig.now));
        }
    }),
    ("the transport takes nothing for long", |rig| {
        rig.reading = false;
        for second in 0..600 {
            if rig.session.state() != StateName::Established {
                break;
            }
            if second % 15 == 0 {
                rig.receive(keepalive);
            }
            rig.pass(Duration::from_secs(1));
        }
        rig.reading = true;
    }),
    ("the transport is connected", Rig::connect),
    ("the transport fails", |rig| rig.close(Some("connection reset"))),
    ("the peer closes the transport", |rig| rig.close(None)),
    ("the peer connects", Rig::accept),
    ("OPEN", |rig| rig.open(&their_open())),
    ("OPEN of another AS", |rig| {
        rig.open(&ferrolb_bgp::wire::Open { asn: Asn(64514), capabilities: vec![], ..their_open() });
    }),
    ("OPEN of this very speaker", |rig| {
        let asn = rig.session.settings().local_as;
        rig.session.reconfigure(
            rig.now,
            ferrolb_bgp::session::Settings { peer_as: ferrolb_bgp::session::PeerAs::Any, ..settings() },
        );
        rig.open(&ferrolb_bgp::wire::Open { asn, identifier: id(5), capabilities: vec![], ..their_open() });
    }),
    ("OPEN with a hold time of 2 s", |rig| {
        rig.open(&ferrolb_bgp::wire::Open { hold_time: 2, ..their_open() });
    }),
    ("KEEPALIVE", |rig| rig.receive(keepalive)),
    ("UPDATE", |rig| rig.receive(|out| message(out, 2, &[0, 0, 0, 0]))),
    ("UPDATE whose lengths are wrong", |rig| rig.receive(|out| message(out, 2, &[0, 9, 0, 0]))),
    ("NOTIFICATION", notification),
    ("ROUTE-REFRESH", |rig| {
        let family = Family::Ipv4Unicast.codes();
        rig.receive(|out| RouteRefresh { family, kind: RefreshKind::Request }.encode(out));
    }),
    ("ROUTE-REFRESH of a family that nobody has", |rig| {
        let family = ferrolb_bgp::AfiSafi { afi: 25, safi: 65 };
        rig.receive(|out| RouteRefresh { family, kind: RefreshKind::Request }.encode(out));
    }),
    ("a message of no kind", |rig| rig.receive(|out| message(out, 77, &[]))),
    ("octets that are not BGP", |rig| rig.receive(|out| out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n"))),
    ("BFD down", |rig| rig.session.handle_bfd_down(rig.now)),
];

fn message(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.extend_from_slice(&[0xFF; 16]);
    out.extend_from_slice(&u16::try_from(19 + body.len()).unwrap().to_be_bytes());
    out.push(kind);
    out.extend_from_slice(body);
}

fn outcome(rig: &Rig) -> String {
    let mut done = rig.done.clone();
    for event in &rig.events {
        match event {
            Event::Stopped => done.push("is stopped".into()),
            Event::State { .. } | Event::Ended { .. } | Event::Fault(_) => {}
        }
    }
    if let Some(at) = rig.session.next_attempt() {
        let wait = at.since(rig.now);
        done.push(match (wait.as_millis(), rig.session.state()) {
            (..1_000, _) => "tries again within a second".into(),
            (_, StateName::Idle) => format!("rests for {} s", wait.as_secs()),
            _ => "tries again within the connect time".into(),
        });
    }
    if done.is_empty() { "–".into() } else { done.join(", ") }
}
