use super::{CeaseCode, ErrorCode, Kind, MAX_LEN, frame};

/// Why a session ends, as one side tells the other (RFC 4271 §4.5). Its `Display` is a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// What it is about.
    pub code: ErrorCode,
    /// What that code's data is.
    pub data: Vec<u8>,
}

impl From<ErrorCode> for Notification {
    /// One without data.
    fn from(code: ErrorCode) -> Self {
        Self { code, data: Vec::new() }
    }
}

impl Notification {
    /// The longest text that goes with a shutdown or a reset, in octets of UTF-8 (RFC 9003 §2).
    pub const MAX_TEXT_LEN: usize = 255;

    /// Cease/Administrative Shutdown with a text for the operator on the other side; what is too long is cut off.
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
        Self { code: ErrorCode::Cease(CeaseCode::HardReset), data }
    }

    /// What is inside a hard reset, if this is one.
    pub fn inside_hard_reset(&self) -> Option<Self> {
        match (self.code, self.data.as_slice()) {
            (ErrorCode::Cease(CeaseCode::HardReset), [code, subcode, data @ ..]) => {
                Some(Self { code: ErrorCode::from_numbers(*code, *subcode), data: data.to_vec() })
            }
            _ => None,
        }
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

    fn with_text(code: CeaseCode, text: &str) -> Self {
        let end = text.floor_char_boundary(Self::MAX_TEXT_LEN);
        let text = text.get(..end).unwrap_or_default();
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let mut data = vec![length];
        data.extend_from_slice(text.as_bytes());
        Self { code: ErrorCode::Cease(code), data }
    }
}
