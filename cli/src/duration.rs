//! Durations as kubectl takes them.

use std::{fmt, str::FromStr, time::Duration};

/// How long to wait for one answer; `None`: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout(pub(crate) Option<Duration>);

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no duration; write 500ms, 5s, 1m or 0");
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let milliseconds = match &text[digits.len()..] {
            "ms" => 1,
            "" | "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let milliseconds = number.checked_mul(milliseconds).ok_or_else(wrong)?;
        Ok(Self((milliseconds > 0).then(|| Duration::from_millis(milliseconds))))
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(duration) => write!(f, "{duration:?}"),
            None => f.write_str("0"),
        }
    }
}

/// An age as kubectl shows it: `42s`, `3m`, `5h`, `8d`.
pub(crate) fn age(seconds: i64) -> String {
    match seconds {
        ..0 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kubectl_takes_them() {
        for (text, milliseconds) in
            [("500ms", 500), ("5s", 5000), ("5", 5000), ("1m", 60_000), ("2h", 7_200_000)]
        {
            assert_eq!(text.parse(), Ok(Timeout(Some(Duration::from_millis(milliseconds)))), "{text}");
        }
        assert_eq!("0".parse(), Ok(Timeout(None)));
        for text in ["", "s", "-1s", "5 s", "5d", "1h30m", "99999999999999999h"] {
            assert!(text.parse::<Timeout>().is_err(), "{text}");
        }
    }

    #[test]
    fn ages() {
        let ages: Vec<String> = [-5, 0, 119, 120, 7199, 7200, 172_800].into_iter().map(age).collect();
        assert_eq!(ages, ["0s", "0s", "119s", "2m", "119m", "2h", "2d"]);
    }
}
