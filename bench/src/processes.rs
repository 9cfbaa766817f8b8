//! Programs under measurement.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_lab::kill_pid;
use nix::sys::signal::Signal;

/// How long a program may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the program called `name` is that was built together with this one.
///
/// # Errors
/// It was not built.
pub fn beside(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    ensure!(program.is_file(), "{} is missing: run this by make", program.display());
    Ok(program)
}

/// A running program; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    started: Instant,
}

impl Process {
    /// Starts it in the network of the caller's thread. What it says goes to the end of `bench-NAME.log` in the folder `logs`.
    ///
    /// # Errors
    /// It cannot be started, or its log cannot be written.
    pub fn start(name: &str, mut command: Command, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("bench-{name}.log"));
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.into(), child, started })
    }

    /// Right before it was made.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What of its memory is resident.
    ///
    /// # Errors
    /// It has ended.
    pub fn resident(&self) -> Result<Resident> {
        Resident::of(self.pid())
    }

    /// Processor time it has used.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.pid())
    }

    /// Ends it as kubelet would, so that it gives back what it holds, and waits for that.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub fn end(mut self) -> Result<()> {
        kill_pid(self.pid(), Signal::SIGTERM)?;
        let last = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < last, "{} does not end", self.name);
            sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids fit in 31 bits")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended needs neither.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What of a process' memory is resident, in MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resident {
    /// Anonymous: what it alone costs.
    pub anonymous: f64,
    /// Backed by files, its program above all, or shared with others: the kernel may take it back, or needs it once.
    pub shared: f64,
}

impl Resident {
    /// Of the process of this id.
    ///
    /// # Errors
    /// The process is gone.
    pub fn of(pid: i32) -> Result<Self> {
        let file = format!("/proc/{pid}/status");
        let status = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
        Self::parse(&status).with_context(|| format!("{file} names no RssAnon, RssFile or RssShmem"))
    }

    fn parse(status: &str) -> Option<Self> {
        let mib = |name: &str| {
            let kib = status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?;
            Some(kib.trim().parse::<f64>().ok()? / 1024.0)
        };
        Some(Self { anonymous: mib("RssAnon:")?, shared: mib("RssFile:")? + mib("RssShmem:")? })
    }
}

/// Seconds of processor time that a process has used so far, in user and kernel mode, all its threads together.
///
/// # Errors
/// The process is gone.
pub fn cpu_seconds(pid: i32) -> Result<f64> {
    let file = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    let ticks = ticks(&stat).with_context(|| format!("{file} names no processor time"))?;
    Ok(ticks / TICKS_PER_SECOND)
}

/// `USER_HZ`: what `/proc` counts in, 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

fn ticks(stat: &str) -> Option<f64> {
    // The program's name stands in parentheses and may hold anything; utime and stime are the 12th and 13th after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> i32 {
        i32::try_from(std::process::id()).unwrap()
    }

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        let status = "Name:\tx\nRssAnon:\t    2048 kB\nRssFile:\t 1024 kB\nRssShmem:\t 512 kB\n";
        assert_eq!(Resident::parse(status), Some(Resident { anonymous: 2.0, shared: 1.5 }));
        assert!(Resident::of(me()).unwrap().anonymous > 0.1);
    }

    #[test]
    fn processor_time_is_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 100 1 1";
        assert_eq!(ticks(stat), Some(200.0));
        assert!(cpu_seconds(me()).is_ok());
    }
}
