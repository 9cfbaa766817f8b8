use super::cursor::Cursor;
use crate::{Family, Prefix};

/// The longest prefix on the wire, in octets with its length, of IPv4 and of IPv6.
pub(super) const MAX_PREFIX_V4: usize = 5;
pub(super) const MAX_PREFIX_V6: usize = 17;

/// Appends a prefix: its length in bits, then as many octets as hold these (RFC 4271 §4.3, RFC 4760 §5).
pub(super) fn append(out: &mut Vec<u8>, prefix: &Prefix) {
    let bits = prefix.prefix_len();
    out.push(bits);
    let octets = usize::from(bits.div_ceil(8));
    match prefix {
        Prefix::V4(prefix) => out.extend_from_slice(&prefix.network().octets()[..octets]),
        Prefix::V6(prefix) => out.extend_from_slice(&prefix.network().octets()[..octets]),
    }
}

/// Counts the prefixes of a field, of one family; none if the field is not made of whole prefixes
/// (RFC 7606 §5.3). Bits beyond a prefix's length mean nothing (RFC 4271 §4.3).
pub(super) fn count(field: &[u8], family: Family) -> Option<u32> {
    let most_bits = match family {
        Family::Ipv4Unicast => 32,
        Family::Ipv6Unicast => 128,
    };
    let mut cursor = Cursor(field);
    let mut count = 0;
    while let Some(bits) = cursor.u8() {
        if bits > most_bits {
            return None;
        }
        cursor.take(bits.div_ceil(8).into())?;
        count += 1;
    }
    Some(count)
}
