//! How an owner fails, and how it comes back.

use anyhow::Result;
use ferrolb_tests::arp::clock;
use nix::sys::signal::Signal;

use crate::rig::Rig;
use crate::subject::Subject;

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// Its frames are dropped in the switch; its carrier stays.
    Silent,
    /// Its cable is pulled out.
    Link,
    /// Its program is stopped (SIGSTOP); its kernel goes on serving who finds it.
    Freeze,
    /// Its program is killed (SIGKILL); its kernel goes on likewise.
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
    pub(crate) fn inject(self, rig: &Rig, subject: Subject, owner: &str) -> Result<u64> {
        match self {
            Self::Silent => {
                let at = clock();
                rig.lab.silence(owner).map(|()| at)
            }
            Self::Link => {
                let at = clock();
                rig.lab.link_down(owner).map(|()| at)
            }
            Self::Freeze => signal(&subject.processes(rig, owner)?, Signal::SIGSTOP),
            Self::Kill => signal(&subject.processes(rig, owner)?, Signal::SIGKILL),
        }
    }

    /// Lets it come back.
    pub(crate) fn undo(self, rig: &Rig, subject: Subject, owner: &str) -> Result<()> {
        match self {
            Self::Silent => rig.lab.unsilence(owner),
            Self::Link => rig.lab.link_up(owner),
            Self::Freeze => signal(&subject.processes(rig, owner)?, Signal::SIGCONT).map(drop),
            Self::Kill => subject.restart(rig, owner),
        }
    }
}

fn signal(pids: &[i32], signal: Signal) -> Result<u64> {
    let at = clock();
    pids.iter().try_for_each(|pid| ferrolb_lab::kill_pid(*pid, signal))?;
    Ok(at)
}
