//! How an owner fails, and how it comes back.

use anyhow::Result;
use ferrolb_tests::arp::clock;
use nix::sys::signal::Signal;

use crate::rig::Rig;

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its frames are dropped in the switch; its carrier stays.
    Silent,
    /// Its cable is pulled out.
    Link,
    /// Its speaker is stopped (SIGSTOP); its kernel goes on serving who finds it.
    Freeze,
    /// Its speaker is killed (SIGKILL); its kernel goes on likewise.
    Kill,
}

impl Cause {
    pub(crate) const ALL: [Self; 4] = [Self::Silent, Self::Link, Self::Freeze, Self::Kill];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Link => "link",
            Self::Freeze => "freeze",
            Self::Kill => "kill",
        }
    }

    /// Makes `owner` fail; the time right before.
    pub(crate) fn inject(self, rig: &Rig, owner: &str) -> Result<u64> {
        let signal = |signal| {
            let pid = rig.speaker(owner)?;
            let at = clock();
            ferrolb_lab::kill_pid(pid, signal)?;
            Ok(at)
        };
        let at = clock();
        match self {
            Self::Silent => rig.lab.silence(owner).map(|()| at),
            Self::Link => rig.lab.link_down(owner).map(|()| at),
            Self::Freeze => signal(Signal::SIGSTOP),
            Self::Kill => signal(Signal::SIGKILL),
        }
    }

    /// Lets it come back.
    pub(crate) fn undo(self, rig: &Rig, owner: &str) -> Result<()> {
        match self {
            Self::Silent => rig.lab.unsilence(owner),
            Self::Link => rig.lab.link_up(owner),
            Self::Freeze => ferrolb_lab::kill_pid(rig.speaker(owner)?, Signal::SIGCONT),
            Self::Kill => rig.start_speaker(owner),
        }
    }
}
