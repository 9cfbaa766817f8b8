//! `BFDProfile`.

use std::time::Duration;

use ferrolb_api::BFDProfile;

use crate::Error;

/// How a dead path is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdProfile {
    /// The shortest time between two packets that this side can take.
    pub receive: Duration,
    /// The shortest time between two packets that this side sends.
    pub transmit: Duration,
    /// How many of this side's packets the peer may miss.
    pub multiplier: u8,
    /// Whether the peer speaks first.
    pub passive: bool,
    /// The least TTL of packets of a peer that is more than one hop away.
    pub minimum_ttl: u8,
}

/// Parses a profile.
///
/// # Errors
/// The first field whose number is out of bounds.
pub fn bfd_profile(object: &BFDProfile) -> Result<BfdProfile, Error> {
    let spec = &object.spec;
    Ok(BfdProfile {
        receive: interval("spec.receiveInterval", spec.receive_interval)?,
        transmit: interval("spec.transmitInterval", spec.transmit_interval)?,
        multiplier: octet("spec.detectMultiplier", spec.detect_multiplier, 2, 255)?,
        passive: spec.passive_mode,
        minimum_ttl: octet("spec.minimumTtl", spec.minimum_ttl, 1, 254)?,
    })
}

fn interval(field: &str, milliseconds: i32) -> Result<Duration, Error> {
    match u64::try_from(milliseconds) {
        Ok(milliseconds @ 10..=60_000) => Ok(Duration::from_millis(milliseconds)),
        Ok(_) | Err(_) => Err(Error::new(field, format!("{milliseconds} must be 10 to 60000 milliseconds"))),
    }
}

/// A number of one octet within these bounds.
pub(super) fn octet(field: &str, number: i32, least: u8, greatest: u8) -> Result<u8, Error> {
    let fits = u8::try_from(number).ok().filter(|number| (least..=greatest).contains(number));
    fits.ok_or_else(|| Error::new(field, format!("{number} must be {least} to {greatest}")))
}
