//! The whole table of states and events (RFC 5880 §6.2, §6.8.6), so that every edge that changes is seen.

use std::fmt::Write as _;

use ferrolb_bfd::{Change, DownCause, Profile, State};

use crate::end::{End, Raw, ms};

const EXPECTED: &str = "\
own state  event           next       diagnostic                        told
Down       hears AdminDown Down       no diagnostic                     -
Down       hears Down      Init       no diagnostic                     -
Down       hears Init      Up         no diagnostic                     Up
Down       hears Up        Down       no diagnostic                     -
Down       silence         Down       no diagnostic                     -
Down       switched off    AdminDown  administratively down             -
Init       hears AdminDown Down       neighbor signaled session down    -
Init       hears Down      Init       no diagnostic                     -
Init       hears Init      Up         no diagnostic                     Up
Init       hears Up        Up         no diagnostic                     Up
Init       silence         Down       control detection time expired    -
Init       switched off    AdminDown  administratively down             -
Up         hears AdminDown Down       neighbor signaled session down    peer switched off
Up         hears Down      Down       neighbor signaled session down    Down
Up         hears Init      Up         no diagnostic                     -
Up         hears Up        Up         no diagnostic                     -
Up         silence         Down       control detection time expired    Down
Up         switched off    AdminDown  administratively down             -
AdminDown  hears AdminDown gone       -                                 -
AdminDown  hears Down      gone       -                                 -
AdminDown  hears Init      AdminDown  administratively down             -
AdminDown  hears Up        AdminDown  administratively down             -
AdminDown  silence         gone       -                                 -
AdminDown  wanted again    Down       no diagnostic                     -
";

#[derive(Clone, Copy)]
enum Happens {
    Hears(State),
    Silence,
    SwitchedOff,
    WantedAgain,
}

/// An end in this state, whose peer is not known to be in any that matters.
fn end_in(state: State) -> End {
    let mut end = match state {
        State::Down => {
            let mut end = End::new();
            end.hear(Raw::new(State::AdminDown)).unwrap();
            end
        }
        State::Init => {
            let mut end = End::new();
            end.hear(Raw::new(State::Down)).unwrap();
            end
        }
        State::Up => End::up(Profile::default()),
        State::AdminDown => {
            let mut end = End::up(Profile::default());
            let path = end.path;
            end.table.unwant(end.now, &path);
            end
        }
    };
    end.sent();
    end.events();
    assert_eq!(end.state(), state);
    end
}

fn line(state: State, happens: Happens) -> String {
    let mut end = end_in(state);
    let path = end.path;
    let event = match happens {
        Happens::Hears(heard) => {
            let _ = end.hear(end.raw(heard));
            format!("hears {heard}")
        }
        Happens::Silence => {
            end.pass(ms(900));
            "silence".to_owned()
        }
        Happens::SwitchedOff => {
            end.table.unwant(end.now, &path);
            "switched off".to_owned()
        }
        Happens::WantedAgain => {
            end.table.want(end.now, path, Profile::default()).unwrap();
            "wanted again".to_owned()
        }
    };
    let status = end.table.session(&path);
    let next = status.map_or_else(|| "gone".to_owned(), |status| status.state.to_string());
    let diagnostic = status.map_or_else(|| "-".to_owned(), |status| status.diagnostic.to_string());
    let told = match end.events()[..] {
        [] => "-",
        [Change::Up] => "Up",
        [Change::Down(DownCause::Silence(_) | DownCause::Signaled(_))] => "Down",
        [Change::PeerAdminDown] => "peer switched off",
        ref more => panic!("{more:?}"),
    };
    format!("{:<10} {event:<15} {next:<10} {diagnostic:<33} {told}", state.to_string())
}

#[test]
fn every_event_in_every_state() {
    let mut table =
        format!("{:<10} {:<15} {:<10} {:<33} {}\n", "own state", "event", "next", "diagnostic", "told");
    for state in [State::Down, State::Init, State::Up, State::AdminDown] {
        let hears = State::ALL.map(Happens::Hears);
        let last = if state == State::AdminDown { Happens::WantedAgain } else { Happens::SwitchedOff };
        for happens in hears.into_iter().chain([Happens::Silence, last]) {
            writeln!(table, "{}", line(state, happens)).unwrap();
        }
    }
    assert_eq!(table, EXPECTED, "this is what happens now:\n{table}");
}
