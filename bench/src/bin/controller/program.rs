//! A controller under measurement.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ferrolb_bench::{ApiServer, Process, Resident};
use ferrolb_lab::Lab;
use ferrolb_tests::metrics::get;

use crate::subject::{ADMIN, Subject};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running controller.
pub(crate) struct Program<'a> {
    pub(crate) subject: Subject<'a>,
    process: Process,
    lab: Lab,
}

impl<'a> Program<'a> {
    pub(crate) fn start(server: &ApiServer, subject: Subject<'a>) -> Result<Self> {
        let process = server.start(subject.name(), subject.command()?)?;
        Ok(Self { subject, process, lab: server.lab().clone() })
    }

    /// Right before its process was made.
    pub(crate) fn started(&self) -> Instant {
        self.process.started()
    }

    pub(crate) fn resident(&self) -> Result<Resident> {
        self.process.resident()
    }

    /// Processor time it has used.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        self.process.cpu_seconds()
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
    pub(crate) async fn end(self) -> Result<()> {
        let process = self.process;
        tokio::task::spawn_blocking(|| process.end()).await?
    }
}
