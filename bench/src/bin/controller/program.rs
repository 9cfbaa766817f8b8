//! A controller under measurement.

use std::fs::OpenOptions;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ferrolb_bench::{Resident, cpu_seconds};
use ferrolb_lab::Lab;
use ferrolb_tests::metrics::get;
use nix::sys::signal::Signal;

use crate::stage::Stage;
use crate::subject::{ADMIN, Subject};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running controller; dropping it kills it.
pub(crate) struct Program<'a> {
    pub(crate) subject: Subject<'a>,
    child: Child,
    lab: Lab,
    started: Instant,
}

impl<'a> Program<'a> {
    /// In the network of the caller's thread.
    pub(crate) fn start(stage: &Stage, subject: Subject<'a>) -> Result<Self> {
        let log = stage.lab.folder().join(format!("log/bench-{}.log", subject.name()));
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = subject.command(stage.kubeconfig())?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", subject.name()))?;
        Ok(Self { subject, child, lab: stage.lab.clone(), started })
    }

    /// Right before its process was made.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn resident(&self) -> Result<Resident> {
        Resident::of(self.pid())
    }

    /// Processor time it has used.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.pid())
    }

    /// Waits until FerroLB's controller says that it leads and has read everything.
    pub(crate) async fn wait_until_ready(&self) -> Result<()> {
        let admin = ADMIN.parse()?;
        let end = Instant::now() + PATIENCE;
        loop {
            let ready = get(&self.lab, "cp", admin, "/readyz");
            let leads = get(&self.lab, "cp", admin, "/metrics").is_ok_and(|text| text.contains("_leader 1"));
            match ready {
                Ok(_) if leads => return Ok(()),
                Ok(_) if Instant::now() > end => bail!("the controller does not lead"),
                Err(error) if Instant::now() > end => return Err(error),
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Ends it as kubelet would, so that it gives its lease back.
    pub(crate) async fn end(mut self) -> Result<()> {
        ferrolb_lab::kill_pid(self.pid(), Signal::SIGTERM)?;
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > end {
                bail!("{} does not end", self.subject.name());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids fit in 31 bits")
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // One that has ended needs neither.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
