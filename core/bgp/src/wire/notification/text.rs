//! The text for operators that goes with a shutdown or a reset (RFC 9003 §2, which made that of RFC 8203 longer).

/// The longest text, in octets of UTF-8.
const MAX_LEN: usize = 255;

/// Appends a length and the text, of which the end is cut off where it is too long.
pub(super) fn write(text: &str) -> Vec<u8> {
    let text = text.get(..text.floor_char_boundary(MAX_LEN)).unwrap_or_default();
    let mut data = vec![u8::try_from(text.len()).unwrap_or(u8::MAX)];
    data.extend_from_slice(text.as_bytes());
    data
}

/// Reads it, fit to be put into a log or onto a terminal; none if it is empty, not UTF-8, or not as long as it says.
pub(super) fn read(data: &[u8]) -> Option<String> {
    let (length, text) = data.split_first()?;
    let text = core::str::from_utf8(text.get(..usize::from(*length))?).ok()?;
    (!text.is_empty()).then(|| text.chars().map(harmless).collect())
}

/// What would move the cursor, change colours, or have a line read in another order than it is written becomes a mark.
fn harmless(char: char) -> char {
    match char {
        '\t' | '\n' | '\r' => ' ',
        '\u{061C}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' => char::REPLACEMENT_CHARACTER,
        char if char.is_control() => char::REPLACEMENT_CHARACTER,
        char => char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&write("Wartung, rück um 3")).unwrap(), "Wartung, rück um 3");
        assert_eq!(read(&write("")), None);
    }

    /// RFC 9003 §2: at most 255 octets; a character that does not fit is left out whole.
    #[test]
    fn a_long_text_is_cut_between_characters() {
        let data = write(&"ü".repeat(200));
        assert_eq!((data[0], data.len()), (254, 255));
        assert_eq!(read(&data).unwrap().chars().count(), 127);
        assert_eq!(write(&"x".repeat(300)).len(), 256);
    }

    /// RFC 8203 §4, RFC 9003 §5: neither wrong lengths nor wrong UTF-8 may do harm.
    #[test]
    fn what_cannot_be_read_is_not() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[5, b'a', b'b']), None);
        assert_eq!(read(&[2, 0xC3, 0x28]), None);
        assert_eq!(read(&[1, 0xC3]), None);
    }

    #[test]
    fn nothing_in_it_steers_a_terminal() {
        let said = read(&write("a\u{1b}[2J\r\nb\u{202e}c\u{0}\u{85}")).unwrap();
        assert_eq!(said, "a\u{FFFD}[2J  b\u{FFFD}c\u{FFFD}\u{FFFD}");
    }
}
