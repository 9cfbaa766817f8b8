mod explain;
mod text;

use super::{CeaseCode, ErrorCode, Kind, MAX_LEN, frame};

/// Why a session ends, as one side tells the other (RFC 4271 §4.5). Its `Display` is a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// What it is about.
    pub code: ErrorCode,
    /// What that code's data is.
    pub data: Vec<u8>,
}

const HARD_RESET: ErrorCode = ErrorCode::Cease(CeaseCode::HardReset);

impl From<ErrorCode> for Notification {
    /// One without data.
    fn from(code: ErrorCode) -> Self {
        Self { code, data: Vec::new() }
    }
}

impl Notification {
    /// Cease/Administrative Shutdown with a text for the operator on the other side; of 255 octets
    /// of UTF-8 at most (RFC 9003 §2); what is too long is cut off.
    pub fn administrative_shutdown(text: &str) -> Self {
        Self::with_text(CeaseCode::AdministrativeShutdown, text)
    }

    /// Cease/Administrative Reset with a text, alike.
    pub fn administrative_reset(text: &str) -> Self {
        Self::with_text(CeaseCode::AdministrativeReset, text)
    }

    /// Cease/Hard Reset around another: graceful restart shall not apply (RFC 8538 §3.1).
    pub fn hard_reset(inner: &Self) -> Self {
        let (code, subcode) = inner.code.numbers();
        let mut data = vec![code, subcode];
        data.extend_from_slice(&inner.data);
        Self { code: HARD_RESET, data }
    }

    /// What is inside a hard reset, if this is one. Another hard reset is not: there could be thousands within each other.
    pub fn inside_hard_reset(&self) -> Option<Self> {
        if self.code != HARD_RESET {
            return None;
        }
        let &[code, subcode, ref data @ ..] = self.data.as_slice() else { return None };
        let code = ErrorCode::from_numbers(code, subcode);
        (code != HARD_RESET).then(|| Self { code, data: data.to_vec() })
    }

    /// Appends the message; data beyond what every peer accepts is cut off.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (code, subcode) = self.code.numbers();
        let room = MAX_LEN - frame::HEADER_LEN - 2;
        frame::append(out, Kind::Notification, |out| {
            out.extend_from_slice(&[code, subcode]);
            out.extend_from_slice(self.data.get(..room).unwrap_or(&self.data));
        });
    }

    /// Any body will do: an error in a NOTIFICATION cannot be answered (RFC 4271 §6.4).
    pub(super) fn decode(body: &[u8]) -> Self {
        match body {
            [code, subcode, data @ ..] => {
                Self { code: ErrorCode::from_numbers(*code, *subcode), data: data.to_vec() }
            }
            [code] => ErrorCode::from_numbers(*code, 0).into(),
            [] => ErrorCode::from_numbers(0, 0).into(),
        }
    }

    /// The text of a shutdown or a reset, also within a hard reset, without anything in it that could steer a terminal.
    pub fn text(&self) -> Option<String> {
        let inner = self.inside_hard_reset();
        let said = inner.as_ref().unwrap_or(self);
        let with_text = matches!(
            said.code,
            ErrorCode::Cease(CeaseCode::AdministrativeShutdown | CeaseCode::AdministrativeReset)
        );
        if with_text { text::read(&said.data) } else { None }
    }

    fn with_text(code: CeaseCode, text: &str) -> Self {
        Self { code: ErrorCode::Cease(code), data: text::write(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FsmCode, HeaderCode, OpenCode, UpdateCode};
    use super::*;

    fn says(code: ErrorCode, data: &[u8]) -> String {
        Notification { code, data: data.to_vec() }.to_string()
    }

    #[test]
    fn its_data_becomes_words() {
        for (code, data, expected) in [
            (ErrorCode::Header(HeaderCode::BadMessageLength), &[0, 18][..], "the length was 18"),
            (ErrorCode::Header(HeaderCode::BadMessageType), &[9], "the type was 9"),
            (ErrorCode::Open(OpenCode::UnsupportedVersionNumber), &[0, 3], "at most version 3 is spoken"),
            (ErrorCode::Open(OpenCode::BadPeerAs), &[0xFD, 0xE8], "AS 65000 was not expected"),
            (ErrorCode::Open(OpenCode::BadPeerAs), &[0, 1, 0, 0], "AS 65536 was not expected"),
            (ErrorCode::Open(OpenCode::BadBgpIdentifier), &[192, 0, 2, 1], "it was 192.0.2.1"),
            (ErrorCode::Open(OpenCode::UnacceptableHoldTime), &[0, 2], "it was 2 s"),
            (
                ErrorCode::Open(OpenCode::UnsupportedCapability),
                &[1, 4, 0, 2, 0, 1, 65, 4, 0, 0, 0, 1, 99, 0],
                "IPv6 unicast routes, four-octet AS numbers, capability 99",
            ),
            (ErrorCode::Update(UpdateCode::MissingWellKnownAttribute), &[2], "it is AS_PATH"),
            (ErrorCode::Update(UpdateCode::OptionalAttribute), &[0x80, 14, 0], "in MP_REACH_NLRI"),
            (ErrorCode::Update(UpdateCode::AttributeLength), &[0xC0, 77, 0], "in the attribute of type 77"),
            (ErrorCode::Fsm(FsmCode::UnexpectedInOpenConfirm), &[2], "it was an UPDATE"),
            (
                ErrorCode::Cease(CeaseCode::MaximumPrefixes),
                &[0, 1, 1, 0, 0, 0, 100],
                "100 IPv4 unicast prefixes are allowed",
            ),
            (ErrorCode::Cease(CeaseCode::AdministrativeShutdown), b"\x03bye", "\"bye\""),
            (ErrorCode::Cease(CeaseCode::HardReset), &[6, 3], "Cease: Peer De-configured"),
        ] {
            assert_eq!(says(code, data), format!("{code} ({expected})"));
        }
    }

    #[test]
    fn data_that_says_nothing_is_only_counted() {
        assert_eq!(says(ErrorCode::HoldTimerExpired, &[]), "Hold Timer Expired");
        let code = ErrorCode::Open(OpenCode::BadPeerAs);
        assert_eq!(
            says(code, &[1]),
            "OPEN Message Error: Bad Peer AS (with data of length 1 that says no more)"
        );
        assert_eq!(says(ErrorCode::Cease(CeaseCode::BfdDown), &[]), "Cease: BFD Down");
        assert_eq!(says(ErrorCode::from_numbers(42, 7), &[]), "unknown error code 42, subcode 7");
    }

    /// Code and subcode survive, those that mean nothing among them; 4 and 8 have no subcodes.
    #[test]
    fn every_code_is_read_as_it_is_written() {
        for code in 0..=u8::MAX {
            for subcode in 0..=u8::MAX {
                let expected = if matches!(code, 4 | 8) { (code, 0) } else { (code, subcode) };
                assert_eq!(ErrorCode::from_numbers(code, subcode).numbers(), expected);
            }
        }
    }

    #[test]
    fn a_hard_reset_wraps_what_would_have_been_said() {
        let inner = Notification::administrative_shutdown("moving");
        let outer = Notification::hard_reset(&inner);
        assert_eq!((outer.code.numbers(), outer.inside_hard_reset()), ((6, 9), Some(inner)));
        assert_eq!(outer.text().as_deref(), Some("moving"));
    }

    /// Thousands of hard resets within each other would need a stack frame each.
    #[test]
    fn hard_resets_do_not_nest() {
        let nested = Notification { code: HARD_RESET, data: [6, 9].repeat(30_000) };
        assert_eq!((nested.inside_hard_reset(), nested.text()), (None, None));
        assert_eq!(nested.to_string(), "Cease: Hard Reset (with data of length 60000 that says no more)");
    }

    #[test]
    fn data_beyond_every_peers_limit_is_cut_off() {
        let mut out = Vec::new();
        Notification { code: ErrorCode::HoldTimerExpired, data: vec![1; 70_000] }.encode(&mut out);
        assert_eq!(out.len(), MAX_LEN);
    }
}
