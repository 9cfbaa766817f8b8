//! One long-running program under a name: restarted when it ends, unless it was stopped.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

/// Between the end of a program and its next start.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Handle on the program; the program itself lives as long as its pid namespace.
#[derive(Debug, Clone)]
pub(crate) struct Daemon {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// To be started.
    Wanted,
    Running(Pid),
    /// Stopped while it ran; not yet gone.
    Stopping,
    Stopped,
}

impl Daemon {
    /// Starts `command`, whose output is appended to `log`. The thread that does so calls `before` first, so
    /// that the program inherits what that changed (its network namespace).
    pub(crate) fn start(
        name: &str,
        log: &Path,
        before: impl FnOnce() -> Result<()> + Send + 'static,
        mut command: Command,
    ) -> Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let shared = Arc::new(Shared { state: Mutex::new(State::Wanted), changed: Condvar::new() });
        let daemon = Self { shared: Arc::clone(&shared) };
        let name = name.to_owned();
        thread::spawn(move || {
            let ended = before().and_then(|()| shared.run(&name, &mut command));
            if let Err(error) = ended {
                eprintln!("{name} cannot be run: {error:#}.");
            }
        });
        Ok(daemon)
    }

    /// Kills the program with SIGKILL and returns when it is gone.
    pub(crate) fn stop(&self) -> Result<()> {
        let mut state = self.shared.lock();
        if let State::Running(pid) = *state {
            kill(pid, Signal::SIGKILL)?;
            *state = State::Stopping;
        } else if let State::Wanted = *state {
            *state = State::Stopped;
        }
        self.shared.changed.notify_all();
        while !matches!(*state, State::Stopped) {
            state = self.shared.wait(state);
        }
        Ok(())
    }

    /// Starts it again.
    pub(crate) fn resume(&self) {
        let mut state = self.shared.lock();
        if let State::Stopped = *state {
            *state = State::Wanted;
            self.shared.changed.notify_all();
        }
    }
}

impl Shared {
    fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        loop {
            let mut state = self.lock();
            while !matches!(*state, State::Wanted) {
                state = self.wait(state);
            }
            let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
            let pid = Pid::from_raw(i32::try_from(child.id()).expect("process ids fit in 31 bits"));
            *state = State::Running(pid);
            drop(state);

            // Leaves the process unreaped, so that its number cannot be another's while `stop` uses it.
            waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
            let mut state = self.lock();
            let status = child.wait()?;
            let unexpected = matches!(*state, State::Running(_));
            *state = if unexpected { State::Wanted } else { State::Stopped };
            self.changed.notify_all();
            drop(state);
            if unexpected {
                eprintln!("{name} ended by itself ({status}) and is started again: its log says why.");
                thread::sleep(RESTART_DELAY);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_once_and_starts_again() {
        let log = std::env::temp_dir().join(format!("daemon-test-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo started; exec sleep 60"]);
        let daemon = Daemon::start("sleeper", &log, || Ok(()), command).unwrap();
        let starts = |wanted: usize| {
            (0..500).any(|_| {
                thread::sleep(Duration::from_millis(10));
                std::fs::read_to_string(&log).unwrap().lines().count() == wanted
            })
        };
        assert!(starts(1));
        daemon.stop().unwrap();
        daemon.stop().unwrap();
        assert!(matches!(*daemon.shared.lock(), State::Stopped));
        daemon.resume();
        assert!(starts(2));
        daemon.stop().unwrap();
        std::fs::remove_file(&log).unwrap();
    }
}
