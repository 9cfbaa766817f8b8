use core::fmt;

/// Makes an enum of the subcodes of one error, with their numbers and words. Numbers that nobody has given a meaning are
/// kept.
macro_rules! subcodes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal: $words:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A number without a meaning to us.
            Unknown(u8),
        }

        impl $name {
            /// Its number on the wire.
            pub fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            pub(super) fn from_number(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    unknown => Self::Unknown(unknown),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($words),)*
                    Self::Unknown(number) => write!(f, "unknown subcode {number}"),
                }
            }
        }
    };
}

/// What a NOTIFICATION is about: its error code and subcode (RFC 4271 §4.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErrorCode {
    /// 1: the header of a message.
    Header(HeaderCode),
    /// 2: an OPEN.
    Open(OpenCode),
    /// 3: an UPDATE.
    Update(UpdateCode),
    /// 4: nothing was heard for the hold time.
    HoldTimerExpired,
    /// 5: a message at a time when there may be none of its kind.
    Fsm(FsmCode),
    /// 6: an end that no error made necessary.
    Cease(CeaseCode),
    /// 7: a ROUTE-REFRESH (RFC 7313 §5).
    RouteRefresh(RefreshCode),
    /// 8: nothing could be sent for the send hold time (RFC 9687).
    SendHoldTimerExpired,
    /// A code without a meaning to us.
    Unknown {
        /// The error code.
        code: u8,
        /// The error subcode.
        subcode: u8,
    },
}

impl ErrorCode {
    /// Code and subcode on the wire.
    pub fn numbers(self) -> (u8, u8) {
        match self {
            Self::Header(subcode) => (1, subcode.number()),
            Self::Open(subcode) => (2, subcode.number()),
            Self::Update(subcode) => (3, subcode.number()),
            Self::HoldTimerExpired => (4, 0),
            Self::Fsm(subcode) => (5, subcode.number()),
            Self::Cease(subcode) => (6, subcode.number()),
            Self::RouteRefresh(subcode) => (7, subcode.number()),
            Self::SendHoldTimerExpired => (8, 0),
            Self::Unknown { code, subcode } => (code, subcode),
        }
    }

    /// The meaning of code and subcode. Those of the timers have no subcodes, so that whatever is there is dropped.
    pub fn from_numbers(code: u8, subcode: u8) -> Self {
        match code {
            1 => Self::Header(HeaderCode::from_number(subcode)),
            2 => Self::Open(OpenCode::from_number(subcode)),
            3 => Self::Update(UpdateCode::from_number(subcode)),
            4 => Self::HoldTimerExpired,
            5 => Self::Fsm(FsmCode::from_number(subcode)),
            6 => Self::Cease(CeaseCode::from_number(subcode)),
            7 => Self::RouteRefresh(RefreshCode::from_number(subcode)),
            8 => Self::SendHoldTimerExpired,
            _ => Self::Unknown { code, subcode },
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(subcode) => write!(f, "Message Header Error: {subcode}"),
            Self::Open(subcode) => write!(f, "OPEN Message Error: {subcode}"),
            Self::Update(subcode) => write!(f, "UPDATE Message Error: {subcode}"),
            Self::HoldTimerExpired => f.write_str("Hold Timer Expired"),
            Self::Fsm(subcode) => write!(f, "Finite State Machine Error: {subcode}"),
            Self::Cease(subcode) => write!(f, "Cease: {subcode}"),
            Self::RouteRefresh(subcode) => write!(f, "ROUTE-REFRESH Message Error: {subcode}"),
            Self::SendHoldTimerExpired => f.write_str("Send Hold Timer Expired"),
            Self::Unknown { code, subcode } => write!(f, "unknown error code {code}, subcode {subcode}"),
        }
    }
}

subcodes! {
    /// Message Header Error (RFC 4271 §6.1).
    HeaderCode {
        /// No more is said.
        Unspecific = 0: "Unspecific",
        /// The marker is not all ones.
        ConnectionNotSynchronized = 1: "Connection Not Synchronized",
        /// The data is the length.
        BadMessageLength = 2: "Bad Message Length",
        /// The data is the type.
        BadMessageType = 3: "Bad Message Type",
    }
}

subcodes! {
    /// OPEN Message Error (RFC 4271 §6.2).
    OpenCode {
        /// No more is said; a malformed optional parameter.
        Unspecific = 0: "Unspecific",
        /// The data is the greatest version that the sender speaks.
        UnsupportedVersionNumber = 1: "Unsupported Version Number",
        /// Not the AS that was expected.
        BadPeerAs = 2: "Bad Peer AS",
        /// Zero, or the receiver's own.
        BadBgpIdentifier = 3: "Bad BGP Identifier",
        /// A parameter that is not capabilities.
        UnsupportedOptionalParameter = 4: "Unsupported Optional Parameter",
        /// Deprecated with the authentication parameter (RFC 4271, appendix A).
        AuthenticationFailure = 5: "Authentication Failure",
        /// One or two seconds, or one that the sender does not like.
        UnacceptableHoldTime = 6: "Unacceptable Hold Time",
        /// The data is the capabilities that the sender insists on (RFC 5492 §5).
        UnsupportedCapability = 7: "Unsupported Capability",
        /// The roles do not fit each other (RFC 9234 §4.2).
        RoleMismatch = 11: "Role Mismatch",
    }
}

subcodes! {
    /// UPDATE Message Error (RFC 4271 §6.3).
    UpdateCode {
        /// No more is said.
        Unspecific = 0: "Unspecific",
        /// Lengths contradict each other, or an attribute appears twice.
        MalformedAttributeList = 1: "Malformed Attribute List",
        /// The data is the attribute.
        UnrecognizedWellKnownAttribute = 2: "Unrecognized Well-known Attribute",
        /// The data is the type of the attribute.
        MissingWellKnownAttribute = 3: "Missing Well-known Attribute",
        /// The data is the attribute.
        AttributeFlags = 4: "Attribute Flags Error",
        /// The data is the attribute.
        AttributeLength = 5: "Attribute Length Error",
        /// The data is the attribute.
        InvalidOrigin = 6: "Invalid ORIGIN Attribute",
        /// Deprecated (RFC 4271, appendix A).
        AsRoutingLoop = 7: "AS Routing Loop",
        /// The data is the attribute.
        InvalidNextHop = 8: "Invalid NEXT_HOP Attribute",
        /// The data is the attribute.
        OptionalAttribute = 9: "Optional Attribute Error",
        /// A prefix that cannot be read.
        InvalidNetworkField = 10: "Invalid Network Field",
        /// A path that cannot be read.
        MalformedAsPath = 11: "Malformed AS_PATH",
    }
}

subcodes! {
    /// Finite State Machine Error: a message that was not expected (RFC 6608).
    FsmCode {
        /// No more is said.
        Unspecific = 0: "Unspecific",
        /// In OpenSent; the data is the type of the message.
        UnexpectedInOpenSent = 1: "Receive Unexpected Message in OpenSent State",
        /// In OpenConfirm; the data is the type of the message.
        UnexpectedInOpenConfirm = 2: "Receive Unexpected Message in OpenConfirm State",
        /// In Established; the data is the type of the message.
        UnexpectedInEstablished = 3: "Receive Unexpected Message in Established State",
    }
}

subcodes! {
    /// Cease (RFC 4486).
    CeaseCode {
        /// No more is said (RFC 4271 §6.7).
        Unspecific = 0: "Unspecific",
        /// The data may be family and limit.
        MaximumPrefixes = 1: "Maximum Number of Prefixes Reached",
        /// The data may be a text (RFC 9003).
        AdministrativeShutdown = 2: "Administrative Shutdown",
        /// The sender has no such peer any more.
        PeerDeconfigured = 3: "Peer De-configured",
        /// The data may be a text (RFC 9003).
        AdministrativeReset = 4: "Administrative Reset",
        /// The sender has such a peer but does not want it now.
        ConnectionRejected = 5: "Connection Rejected",
        /// The session begins again with another configuration.
        OtherConfigurationChange = 6: "Other Configuration Change",
        /// The other of two connections was kept (RFC 4271 §6.8).
        ConnectionCollisionResolution = 7: "Connection Collision Resolution",
        /// The sender is short of something.
        OutOfResources = 8: "Out of Resources",
        /// Graceful restart shall not apply; the data is what would have been said else (RFC 8538 §3).
        HardReset = 9: "Hard Reset",
        /// BFD found that the path is gone (RFC 9384).
        BfdDown = 10: "BFD Down",
    }
}

subcodes! {
    /// ROUTE-REFRESH Message Error (RFC 7313 §5).
    RefreshCode {
        /// The data is the message.
        InvalidMessageLength = 1: "Invalid Message Length",
    }
}
