//! RFC 8654: each side says for itself how long the messages are that it takes.

use ferrolb_bgp::session::{Settings, StateName};
use ferrolb_bgp::wire::{Capability, Open};

use crate::reader::messages;
use crate::rig::{Rig, settings, their_open};

fn their_extended_open() -> Open {
    let mut open = their_open();
    open.capabilities.push(Capability::ExtendedMessage);
    open
}

/// An UPDATE of this length that withdraws prefixes: 0.0.0.0/0 takes one octet.
fn update(length: usize) -> Vec<u8> {
    let withdrawn = length - 23;
    let mut message = [&[0xFF; 16][..], &u16::try_from(length).unwrap().to_be_bytes(), &[2]].concat();
    message.extend_from_slice(&u16::try_from(withdrawn).unwrap().to_be_bytes());
    message.resize(length, 0);
    message
}

/// §4: whoever has said that it takes long messages takes them, whatever the other side has said of itself.
#[test]
fn who_takes_long_messages_takes_them_from_every_peer() {
    for open in [their_open(), their_extended_open()] {
        let mut rig = Rig::with_peer(settings(), &open, StateName::Established);
        for length in [4096, 4097, 65535] {
            rig.receive(|out| out.extend(update(length)));
            assert_eq!(rig.session.state(), StateName::Established, "{length}: {}", rig.last_error());
        }
        assert_eq!(rig.session.counters().received.update, 3);
    }
}

/// §5: whoever has not said so takes none, even if it could.
#[test]
fn who_did_not_say_so_takes_none() {
    let short = Settings { extended_messages: false, ..settings() };
    let mut rig = Rig::with_peer(short, &their_extended_open(), StateName::Established);
    rig.receive(|out| out.extend(update(4096)));
    assert_eq!(rig.session.state(), StateName::Established);
    rig.receive(|out| out.extend(update(4097)));
    assert!(rig.done.last().unwrap().contains("Bad Message Length"), "{:?}", rig.done);
}

/// §4: long messages go to peers only that take them.
#[test]
fn nobody_is_sent_longer_messages_than_it_takes() {
    for (open, limit) in [(their_open(), 4096), (their_extended_open(), 65535)] {
        let mut rig = Rig::with_peer(settings(), &open, StateName::Established);
        rig.written.clear();
        for n in 0..20_000_u16 {
            let [high, low] = n.to_be_bytes();
            let prefix = ipnet::Ipv4Net::from(std::net::Ipv4Addr::new(198, 18, high, low));
            rig.session.routes().set(prefix.into(), Some(ferrolb_bgp::policy::Route::default().into()));
        }
        for _ in 0..100 {
            rig.settle();
        }
        let longest = messages(&rig.written).iter().map(|(_, body)| body.len() + 19).max().unwrap();
        assert!(longest <= limit && longest > limit - 5, "{longest} of {limit} octets");
    }
}
