use core::fmt;

use super::HeaderError;

/// The longest message before [`Framer::extend`], in octets with its header (RFC 4271 §4.1).
pub const MAX_LEN: usize = 4096;
/// The longest message to somebody who has said that it takes extended messages (RFC 8654 §3).
pub const MAX_EXTENDED_LEN: usize = 65535;

pub(super) const HEADER_LEN: usize = 19;
const MARKER: [u8; 16] = [0xFF; 16];

/// The kinds of messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// The first message of each side (RFC 4271 §4.2).
    Open,
    /// Routes (RFC 4271 §4.3).
    Update,
    /// The last message: why the session ends (RFC 4271 §4.5).
    Notification,
    /// A sign of life (RFC 4271 §4.4).
    Keepalive,
    /// Asks to be told all routes again (RFC 2918).
    RouteRefresh,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Update, Self::Notification, Self::Keepalive, Self::RouteRefresh];

    /// Its number on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::Open => 1,
            Self::Update => 2,
            Self::Notification => 3,
            Self::Keepalive => 4,
            Self::RouteRefresh => 5,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The lengths, with the header, that a message of this kind may have (RFC 4271 §6.1, RFC 2918 §3). What RFC 8654 §4
    /// makes longer is bounded by the session's limit; OPEN and KEEPALIVE it leaves as they were.
    fn lengths(self) -> (usize, usize) {
        match self {
            Self::Open => (29, MAX_LEN),
            Self::Update => (23, MAX_EXTENDED_LEN),
            Self::Notification => (21, MAX_EXTENDED_LEN),
            Self::Keepalive => (HEADER_LEN, HEADER_LEN),
            Self::RouteRefresh => (23, MAX_EXTENDED_LEN),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "an OPEN",
            Self::Update => "an UPDATE",
            Self::Notification => "a NOTIFICATION",
            Self::Keepalive => "a KEEPALIVE",
            Self::RouteRefresh => "a ROUTE-REFRESH",
        })
    }
}

/// One whole message, its header checked and cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// What kind of message it is.
    pub kind: Kind,
    /// What follows the header.
    pub body: &'a [u8],
}

/// Cuts what a stream delivers into whole messages.
///
/// Holds one message that is not whole yet and nothing else, so that a peer can make it take no more memory than the
/// longest message has.
#[derive(Clone, Debug)]
pub struct Framer {
    partial: Vec<u8>,
    limit: usize,
    /// The message in `partial` has been handed out.
    done: bool,
}

impl Framer {
    /// One for a new connection: messages of up to [`MAX_LEN`].
    pub fn new() -> Self {
        Self { partial: Vec::new(), limit: MAX_LEN, done: false }
    }

    /// From now on messages of up to [`MAX_EXTENDED_LEN`] are right: this side has said that it takes them
    /// (RFC 8654 §4).
    pub fn extend(&mut self) {
        self.limit = MAX_EXTENDED_LEN;
    }

    /// Takes from the front of `input` what belongs to the next message, and hands that out if it is whole. Call again
    /// until there is none: then `input` is empty, and what was left of it is kept for the next call.
    ///
    /// After an error the stream has no more messages, since nobody knows where one begins.
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'a>>, HeaderError> {
        if self.done {
            self.done = false;
            self.partial.clear();
        }
        if self.partial.is_empty() {
            match check(input, self.limit)? {
                Some((kind, length)) if length <= input.len() => {
                    let (message, rest) = input.split_at(length);
                    *input = rest;
                    return Ok(Some(frame(kind, message)));
                }
                Some(_) | None => {}
            }
        }
        self.fill(HEADER_LEN, input);
        let Some((kind, length)) = check(&self.partial, self.limit)? else { return Ok(None) };
        self.fill(length, input);
        self.done = self.partial.len() == length;
        Ok(self.done.then(|| frame(kind, &self.partial)))
    }

    /// Octets kept of a message that is not whole yet.
    pub fn pending(&self) -> usize {
        if self.done { 0 } else { self.partial.len() }
    }

    fn fill(&mut self, length: usize, input: &mut &[u8]) {
        let missing = length.saturating_sub(self.partial.len()).min(input.len());
        let (taken, rest) = input.split_at(missing);
        self.partial.extend_from_slice(taken);
        *input = rest;
    }
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

fn frame(kind: Kind, message: &[u8]) -> Frame<'_> {
    Frame { kind, body: message.get(HEADER_LEN..).unwrap_or_default() }
}

/// Checks as much of a header as there is (RFC 4271 §6.1); of a whole one, says the kind and the length.
fn check(bytes: &[u8], limit: usize) -> Result<Option<(Kind, usize)>, HeaderError> {
    if bytes.iter().zip(&MARKER).any(|(octet, expected)| octet != expected) {
        return Err(HeaderError::Marker);
    }
    let Some(&[high, low, code]) = bytes.get(MARKER.len()..HEADER_LEN) else { return Ok(None) };
    let said = u16::from_be_bytes([high, low]);
    let length = usize::from(said);
    if length < HEADER_LEN || length > limit {
        return Err(HeaderError::Length(said));
    }
    let kind = Kind::from_code(code).ok_or(HeaderError::Kind(code))?;
    let (least, most) = kind.lengths();
    if length < least || length > most {
        return Err(HeaderError::Length(said));
    }
    Ok(Some((kind, length)))
}

/// Appends a message whose body `write` appends; says how long it is.
pub(super) fn append(out: &mut Vec<u8>, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) -> usize {
    let start = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&[0, 0, kind.code()]);
    write(out);
    let length = out.len() - start;
    let said = u16::try_from(length).expect("callers keep messages below their limit");
    out[start + MARKER.len()..start + MARKER.len() + 2].copy_from_slice(&said.to_be_bytes());
    length
}
