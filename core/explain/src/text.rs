//! A chain as text for people.

use std::fmt::Write as _;

use crate::{Chain, Link, State};

/// How states are shown: a chain is put to paper without knowing whether there is colour.
pub trait Style {
    /// The text of a state, padded already, as it is to appear.
    fn state(&self, state: State, text: &str) -> String;
}

/// Writes the chain: a line for each link, what it rests on below it, and what to do next. The first broken link has an
/// arrow.
pub fn text(chain: &Chain, style: &dyn Style) -> String {
    let mut text = String::new();
    let first = chain.broken().map(|link| link.kind);
    let summary = match (first, chain.state()) {
        (Some(kind), _) => format!("broken at {kind}"),
        (None, State::Waiting) => "waiting".into(),
        (None, State::Unknown) => "no broken link, but not everything could be read".into(),
        (None, State::Ok | State::Broken) => "every link holds".into(),
    };
    let summary = style.state(chain.state(), &summary);
    let _ = writeln!(text, "Service {}: {summary}", chain.service);
    for link in &chain.links {
        write_link(&mut text, link, first == Some(link.kind), style);
    }
    text
}

fn write_link(text: &mut String, link: &Link, is_first_broken: bool, style: &dyn Style) {
    let arrow = if is_first_broken { "->" } else { "" };
    let state = style.state(link.state, &format!("{:<7}", link.state));
    let reason = link.reason.as_ref().map(|reason| format!("{reason}: ")).unwrap_or_default();
    let _ = writeln!(text, "{arrow:<3}{state}  {:<12}  {reason}{}", link.kind, link.sentence);
    for line in &link.details {
        let _ = writeln!(text, "{:INDENT$}{line}", "");
    }
    if let Some(advice) = &link.advice {
        let _ = writeln!(text, "{:INDENT$}next: {advice}", "");
    }
}

/// Where sentences begin.
const INDENT: usize = 3 + 7 + 2 + 12 + 2;
