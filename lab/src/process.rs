//! The host's process table: who belongs to which lab and node, by descent.

use std::collections::BTreeMap;
use std::fs;

/// One process, by its number on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// Name of the program, cut at 15 bytes by the kernel.
    pub(crate) comm: String,
    /// `Z` is a process that ended and was not waited for.
    pub(crate) state: char,
}

/// The processes of one moment, by number.
#[derive(Debug)]
pub(crate) struct Table(BTreeMap<i32, Process>);

impl Table {
    pub(crate) fn read() -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        Self(pids.filter_map(|pid| Some((pid, Process::read(pid)?))).collect())
    }

    /// All processes called `comm` in the world of the process 1 `init`: its descendants, containers too, and
    /// what was sent into its pid namespace from outside.
    pub(crate) fn called(&self, comm: &str, init: i32) -> Vec<i32> {
        let namespace = |pid| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = namespace(init);
        let inside = |process: &&Process| self.descends(process, init) || namespace(process.pid) == own;
        let named = self.0.values().filter(|process| process.comm == comm && process.state != 'Z');
        named.filter(inside).map(|process| process.pid).collect()
    }

    /// All descendants of `ancestor`.
    pub(crate) fn below(&self, ancestor: i32) -> Vec<&Process> {
        self.0.values().filter(|process| self.descends(process, ancestor)).collect()
    }

    fn descends(&self, process: &Process, ancestor: i32) -> bool {
        let mut parent = process.parent;
        while parent > 1 {
            if parent == ancestor {
                return true;
            }
            let Some(next) = self.0.get(&parent) else { return false };
            parent = next.parent;
        }
        false
    }
}

impl Process {
    /// Reads /proc/PID/stat; `None` when it ended meanwhile.
    pub(crate) fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name is in brackets and may itself hold brackets and spaces.
    fn parse(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        let (comm, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        Some(Self { pid: pid.parse().ok()?, parent, comm: comm.to_owned(), state })
    }

    /// Program and arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        arguments(self.pid)
    }
}

/// Whether `pid` is alive and one of this program's inner processes.
pub(crate) fn runs_lab(pid: i32) -> bool {
    let alive = Process::read(pid).is_some_and(|process| process.state != 'Z');
    alive && arguments(pid).get(1).is_some_and(|argument| argument == "internal")
}

fn arguments(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments =
        bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned());
    arguments.filter(|argument| !argument.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_brackets_are_read_whole() {
        let process = Process::parse("42 (a) b (c)) S 7 42 42 0").unwrap();
        assert_eq!(process, Process { pid: 42, parent: 7, comm: "a) b (c)".into(), state: 'S' });
    }

    #[test]
    fn descent_is_followed_through_generations() {
        let mut child = std::process::Command::new("sh").args(["-c", "sleep 30; :"]).spawn().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let sleeper = (0..200).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            let table = Table::read();
            table.below(own).into_iter().find(|process| process.comm == "sleep").cloned()
        });
        let sleeper = sleeper.expect("the shell starts sleep within 2 s");
        assert_eq!(sleeper.parent, i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(sleeper.pid), nix::sys::signal::Signal::SIGKILL)
            .unwrap();
        child.wait().unwrap();
    }
}
