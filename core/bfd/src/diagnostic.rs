use core::fmt;

/// Why a session last changed its state, as packets carry it (RFC 5880 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Diagnostic {
    /// Nothing is said.
    #[default]
    None,
    /// Nothing was heard for the detection time.
    DetectionTimeExpired,
    /// Echoes did not come back.
    EchoFailed,
    /// The other end said that it is down.
    NeighborSignaledDown,
    /// The forwarding plane was reset.
    ForwardingPlaneReset,
    /// The path is known to be down.
    PathDown,
    /// A path this one is joined to is down.
    ConcatenatedPathDown,
    /// Somebody switched the session off.
    AdministrativelyDown,
    /// A path this one is joined to is down, seen from the other end.
    ReverseConcatenatedPathDown,
    /// A code that RFC 5880 does not assign; it fits into five bits.
    Unassigned(u8),
}

impl Diagnostic {
    /// The diagnostic with this code; bits above the fifth do not count.
    pub const fn from_code(code: u8) -> Self {
        match code & 0x1f {
            0 => Self::None,
            1 => Self::DetectionTimeExpired,
            2 => Self::EchoFailed,
            3 => Self::NeighborSignaledDown,
            4 => Self::ForwardingPlaneReset,
            5 => Self::PathDown,
            6 => Self::ConcatenatedPathDown,
            7 => Self::AdministrativelyDown,
            8 => Self::ReverseConcatenatedPathDown,
            code => Self::Unassigned(code),
        }
    }

    /// Its code, in five bits.
    pub const fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::DetectionTimeExpired => 1,
            Self::EchoFailed => 2,
            Self::NeighborSignaledDown => 3,
            Self::ForwardingPlaneReset => 4,
            Self::PathDown => 5,
            Self::ConcatenatedPathDown => 6,
            Self::AdministrativelyDown => 7,
            Self::ReverseConcatenatedPathDown => 8,
            Self::Unassigned(code) => code & 0x1f,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no diagnostic",
            Self::DetectionTimeExpired => "control detection time expired",
            Self::EchoFailed => "echo function failed",
            Self::NeighborSignaledDown => "neighbor signaled session down",
            Self::ForwardingPlaneReset => "forwarding plane reset",
            Self::PathDown => "path down",
            Self::ConcatenatedPathDown => "concatenated path down",
            Self::AdministrativelyDown => "administratively down",
            Self::ReverseConcatenatedPathDown => "reverse concatenated path down",
            Self::Unassigned(code) => return write!(f, "unassigned diagnostic {code}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_kept() {
        for code in 0..=255 {
            assert_eq!(Diagnostic::from_code(code).code(), code & 0x1f);
        }
    }
}
