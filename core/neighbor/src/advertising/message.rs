use core::time::Duration;
use std::net::Ipv6Addr;

use crate::Mac;

/// What a router or one who looks for it says (RFC 4861 §4.1, §4.2), cut down to what matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RouterMessage {
    /// Somebody asks which routers there are.
    Solicitation,
    /// A router says that it is there, and for how long hosts may use it by default; zero: not at all.
    Advertisement { lifetime: Duration },
}

/// Checks an ICMPv6 message as RFC 4861 §6.1.1 and §6.1.2 ask; its checksum is the caller's to check. `None`: it is not valid,
/// or of another type.
pub(super) fn read(source: Ipv6Addr, hop_limit: u8, message: &[u8]) -> Option<RouterMessage> {
    let (&[kind, code, _, _], body) = message.split_first_chunk()?;
    if hop_limit != HOP_LIMIT || code != 0 {
        return None;
    }
    match kind {
        SOLICITATION => {
            let (_reserved, options) = body.split_first_chunk::<4>()?;
            // Who has no address yet cannot say where it is.
            let plausible = !(source.is_multicast() || names_link_layer(options)? && source.is_unspecified());
            plausible.then_some(RouterMessage::Solicitation)
        }
        ADVERTISEMENT => {
            let (&[_hop_limit, _flags, high, low], rest) = body.split_first_chunk()?;
            let (_timers, options) = rest.split_first_chunk::<8>()?;
            names_link_layer(options)?;
            let lifetime = Duration::from_secs(u16::from_be_bytes([high, low]).into());
            source.is_unicast_link_local().then_some(RouterMessage::Advertisement { lifetime })
        }
        _ => None,
    }
}

/// Writes the advertisement of this node, with a checksum of zero.
///
/// Its router lifetime is zero: hosts do not take the node for a default router (RFC 4861 §6.3.4). FRR, which learns its
/// unnumbered peers from advertisements, looks at the source alone, and itself advertises 30 s: hosts on a network with several
/// stations would then send to the node what it does not forward. Everything else is unspecified, so that hosts change
/// nothing, and FRR, which compares hop limits, has nothing to complain of.
pub(super) fn write_advertisement(message: &mut Vec<u8>, mac: Mac) {
    message.clear();
    message.extend([ADVERTISEMENT, 0, 0, 0]);
    // Hop limit, flags, router lifetime, reachable time, retransmission timer.
    message.extend([0; 12]);
    write_link_layer(message, mac);
}

/// Writes the question which routers there are, with a checksum of zero.
pub(super) fn write_solicitation(message: &mut Vec<u8>, mac: Mac) {
    message.clear();
    message.extend([SOLICITATION, 0, 0, 0, 0, 0, 0, 0]);
    write_link_layer(message, mac);
}

/// RFC 4861 §4.6.1: the length counts units of eight octets.
fn write_link_layer(message: &mut Vec<u8>, mac: Mac) {
    message.extend([SOURCE_LINK_LAYER, 1]);
    message.extend(mac.0);
}

/// Whether one of the options says where the sender is; `None` if they have not all a length greater than zero, or do not end
/// where the message does.
fn names_link_layer(mut options: &[u8]) -> Option<bool> {
    let mut found = false;
    while let Some((&kind, after)) = options.split_first() {
        let units = usize::from(*after.first()?);
        if units == 0 {
            return None;
        }
        options = options.get(8 * units..)?;
        found |= kind == SOURCE_LINK_LAYER;
    }
    Some(found)
}

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
const SOURCE_LINK_LAYER: u8 = 1;
/// What no message has that a router forwarded.
const HOP_LIMIT: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn advertisement(lifetime: [u8; 2], options: &[u8]) -> Vec<u8> {
        let fixed = [134, 0, 0, 0, 64, 0, lifetime[0], lifetime[1], 0, 0, 0, 0, 0, 0, 0, 0];
        [&fixed[..], options].concat()
    }

    fn lifetime(source: Ipv6Addr, hop_limit: u8, message: &[u8]) -> Option<u64> {
        match read(source, hop_limit, message)? {
            RouterMessage::Advertisement { lifetime } => Some(lifetime.as_secs()),
            RouterMessage::Solicitation => panic!("that is no solicitation"),
        }
    }

    /// RFC 4861 §6.1.2.
    #[test]
    fn an_advertisement_is_valid_from_a_neighbour_s_link_local_address_only() {
        let message = advertisement([0, 30], &[1, 1, 2, 0, 0, 0, 0, 9]);
        assert_eq!(lifetime(ROUTER, 255, &message), Some(30));
        assert_eq!(lifetime(ROUTER, 254, &message), None, "it was forwarded");
        assert_eq!(lifetime("2001:db8::1".parse().unwrap(), 255, &message), None);
        assert_eq!(lifetime(Ipv6Addr::UNSPECIFIED, 255, &message), None);
        let mut code = message.clone();
        code[1] = 1;
        assert_eq!(lifetime(ROUTER, 255, &code), None);
        for end in 0..16 {
            assert_eq!(read(ROUTER, 255, &message[..end]), None, "{end} octets");
        }
    }

    /// RFC 4861 §6.1.1 and §6.1.2: all options have a length that is greater than zero.
    #[test]
    fn options_that_do_not_add_up_make_a_message_invalid() {
        for broken in [&[1, 0, 0, 0, 0, 0, 0, 0][..], &[1, 2, 0, 0, 0, 0, 0, 0], &[1], &[1, 1, 0, 0]] {
            assert_eq!(lifetime(ROUTER, 255, &advertisement([0, 30], broken)), None, "{broken:?}");
            assert_eq!(read(ROUTER, 255, &[&[133, 0, 0, 0, 0, 0, 0, 0], broken].concat()), None);
        }
        let unknown = [200, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(lifetime(ROUTER, 255, &advertisement([0, 0], &unknown)), Some(0));
    }

    /// RFC 4861 §6.1.1.
    #[test]
    fn a_solicitation_without_a_source_names_no_link_layer_address() {
        let mut message = Vec::new();
        write_solicitation(&mut message, MAC);
        assert_eq!(read(ROUTER, 255, &message), Some(RouterMessage::Solicitation));
        assert_eq!(read(Ipv6Addr::UNSPECIFIED, 255, &message), None);
        assert_eq!(read(Ipv6Addr::UNSPECIFIED, 255, &message[..8]), Some(RouterMessage::Solicitation));
        assert_eq!(read(ROUTER, 64, &message), None);
    }

    /// RFC 4861 §4.2, octet by octet.
    #[test]
    fn what_this_node_says_makes_no_router_of_it() {
        let mut message = Vec::new();
        write_advertisement(&mut message, MAC);
        let expected = [134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1];
        assert_eq!(message, expected);
        assert_eq!(lifetime(ROUTER, 255, &message), Some(0));
    }
}
