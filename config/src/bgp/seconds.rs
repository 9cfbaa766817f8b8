//! Times in whole seconds, as people write them: `90s`, `1m30s`, `1h`.

use std::{ops::RangeInclusive, time::Duration};

use crate::Error;

/// Reads a time. `allowed`: its seconds, where 0 counts only if `or_zero`.
pub(super) fn seconds(
    field: &str,
    text: &str,
    allowed: RangeInclusive<u64>,
    or_zero: bool,
) -> Result<Duration, Error> {
    let total = parse(text).ok_or_else(|| {
        Error::new(field, format!("{text:?} is no time in whole seconds, such as 90s or 1m30s"))
    })?;
    if allowed.contains(&total) || (or_zero && total == 0) {
        return Ok(Duration::from_secs(total));
    }
    let zero = if or_zero { "0s or " } else { "" };
    Err(Error::new(field, format!("{text} must be {zero}{}s to {}s", allowed.start(), allowed.end())))
}

fn parse(text: &str) -> Option<u64> {
    let mut rest = (!text.is_empty()).then_some(text)?;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit())?;
        let number: u64 = rest.get(..end)?.parse().ok()?;
        let unit = match rest.as_bytes().get(end)? {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(end + 1..)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_minutes_and_seconds_add_up() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("1m30s", Some(90)),
            ("1h", Some(3600)),
            ("0s", Some(0)),
            ("0h0s", Some(0)),
            ("", None),
            ("90", None),
            ("s", None),
            ("1.5s", None),
            ("500ms", None),
            ("-3s", None),
            ("99999999999999999999s", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_allowed_is_told_with_what_is() {
        assert!(seconds("spec.holdTime", "3s", 3..=65_535, true).is_ok());
        assert!(seconds("spec.holdTime", "0s", 3..=65_535, true).is_ok());
        let error = seconds("spec.holdTime", "2s", 3..=65_535, true).unwrap_err();
        assert_eq!(error.to_string(), "spec.holdTime: 2s must be 0s or 3s to 65535s");
        assert!(seconds("spec.connectTime", "0s", 1..=65_535, false).is_err());
    }
}
