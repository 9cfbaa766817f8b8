//! BGP: everything that is read from a peer.

use ferrolb_bgp::Family;
use ferrolb_bgp::wire::{Action, Framer, Kind, Message, Negotiated, decode};

/// A stream, of which the first two octets say what was agreed on and in which pieces it arrives: the messages do not depend
/// on the pieces, and no more is kept than one of them.
pub fn messages(bytes: &[u8]) {
    let [agreed, size, stream @ ..] = bytes else { return };
    let negotiated = negotiated(*agreed);
    let cut = |size: usize| {
        let (mut framer, mut messages) = (framer(&negotiated), Vec::new());
        for mut piece in stream.chunks(size) {
            loop {
                match framer.next(&mut piece) {
                    Ok(Some(frame)) => messages.push(decode(frame, &negotiated)),
                    Ok(None) => break,
                    Err(error) => return (messages, Some(error)),
                }
            }
            assert!(framer.pending() <= negotiated.message_limit());
        }
        (messages, None)
    };
    let whole = cut(stream.len().max(1));
    assert_eq!(whole, cut(usize::from(*size).max(1)));
    let (messages, error) = whole;
    if let Some(error) = error {
        assert!(error.notification().data.len() <= 2);
    }
    for message in messages {
        if let Err(error) = message {
            assert!(error.notification().data.len() <= negotiated.message_limit());
        }
    }
}

/// The body of an OPEN: what is accepted can be written, and reads as the same.
pub fn open(bytes: &[u8]) {
    let Some(Message::Open(open)) = read(Kind::Open, bytes, &Negotiated::default()) else { return };
    assert!(open.asn.0 != 0 && !matches!(open.hold_time, 1 | 2));
    assert!(open.capabilities.len() <= bytes.len() / 2);
    assert!(Negotiated::between(&open, &open).internal);
    let mut out = Vec::new();
    if open.encode(&mut out).is_ok() {
        assert_eq!(read_message(&out, &Negotiated::default()), Some(Message::Open(open)));
    }
}

/// What was agreed on, and the body of an UPDATE: no more prefixes than octets, a NOTIFICATION exactly for a reset, and no
/// family that was not agreed on.
pub fn update(bytes: &[u8]) {
    let [agreed, body @ ..] = bytes else { return };
    let negotiated = negotiated(*agreed);
    let Some(Message::Update(update)) = read(Kind::Update, body, &negotiated) else { return };
    let prefixes = u64::from(update.announced.total()) + u64::from(update.withdrawn.total());
    assert!(prefixes <= body.len() as u64);
    for (family, counts) in [
        (Family::Ipv4Unicast, update.announced.ipv4 + update.withdrawn.ipv4),
        (Family::Ipv6Unicast, update.announced.ipv6 + update.withdrawn.ipv6),
    ] {
        assert!(counts == 0 || negotiated.families.contains(family));
    }
    if let Some(end) = update.end_of_rib {
        assert!(update.fault.is_none() && prefixes == 0 && negotiated.families.contains(end));
    }
    if let Some(fault) = update.fault {
        assert!(!fault.to_string().is_empty());
        let notification = fault.notification();
        assert_eq!(notification.is_some(), fault.action == Action::Reset);
        assert!(notification.is_none_or(|notification| notification.data.len() <= body.len()));
    }
}

/// The body of a NOTIFICATION: any is read, none steers a terminal.
pub fn notification(bytes: &[u8]) {
    let Some(Message::Notification(heard)) = read(Kind::Notification, bytes, &Negotiated::default()) else {
        assert!(bytes.len() < 2 || bytes.len() > 4096 - 19);
        return;
    };
    let said = heard.to_string();
    assert!(!said.is_empty() && !said.chars().any(char::is_control));
    assert!(heard.text().is_none_or(|text| !text.chars().any(char::is_control)));
    assert!(heard.inside_hard_reset().is_none_or(|inner| inner.data.len() + 2 == heard.data.len()));
    let mut out = Vec::new();
    heard.encode(&mut out);
    assert_eq!(read_message(&out, &Negotiated::default()), Some(Message::Notification(heard)));
}

fn negotiated(bits: u8) -> Negotiated {
    let bit = |place: u8| bits & 1 << place != 0;
    Negotiated {
        internal: bit(0),
        families: [(Family::Ipv4Unicast, bit(1)), (Family::Ipv6Unicast, bit(2))]
            .into_iter()
            .filter_map(|(family, agreed)| agreed.then_some(family))
            .collect(),
        four_octet_asns: bit(3),
        extended_messages: bit(4),
        extended_next_hop: bit(5),
        route_refresh: bit(6),
        enhanced_route_refresh: bit(7),
    }
}

fn framer(negotiated: &Negotiated) -> Framer {
    let mut framer = Framer::new();
    if negotiated.extended_messages {
        framer.extend();
    }
    framer
}

/// Puts a header before a body, and reads that.
fn read(kind: Kind, body: &[u8], negotiated: &Negotiated) -> Option<Message> {
    let length = u16::try_from(body.len() + 19).ok()?;
    let mut message = vec![0xFF; 16];
    message.extend_from_slice(&length.to_be_bytes());
    message.push(kind.code());
    message.extend_from_slice(body);
    read_message(&message, negotiated)
}

fn read_message(mut message: &[u8], negotiated: &Negotiated) -> Option<Message> {
    let mut framer = framer(negotiated);
    let frame = framer.next(&mut message).ok()??;
    decode(frame, negotiated).ok()
}
