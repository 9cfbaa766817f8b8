//! What many sessions cost the thread that has them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferrolb_bench::Report;
use ferrolb_bfd::Change;
use ferrolb_lab::Lab;
use ferrolb_tests::inside;

use crate::watcher::{Watcher, single};

const SESSIONS: u8 = 255;
/// The default profile's.
const INTERVAL: u64 = 300;
const MEASURED: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure(lab: &Lab, report: &mut Report) -> Result<()> {
    for (node, third) in [("n1", 1), ("n2", 2)] {
        for number in 0..=SESSIONS {
            let address = format!("198.18.{third}.{number}/16");
            lab.space(node)?.check(["ip", "address", "add", &address, "dev", "eth0"])?;
        }
    }
    let before = wire_threads()?;
    let mut one = inside(lab, "n1", || Watcher::start("n1"))?;
    let started = wire_threads()?;
    let thread = *started.difference(&before).next().context("no wire thread was started")?;
    let other = inside(lab, "n2", || Watcher::start("n2"))?;
    let address = |third, number| IpAddr::V4(Ipv4Addr::new(198, 18, third, number));
    for number in 0..=SESSIONS {
        one.watch(single(address(2, number), Some(address(1, number)))?, INTERVAL)?;
        other.watch(single(address(1, number), Some(address(2, number)))?, INTERVAL)?;
    }
    let mut up = BTreeSet::new();
    while up.len() <= usize::from(SESSIONS) {
        let event = one.event(PATIENCE)?.with_context(|| format!("only {} sessions come up", up.len()))?;
        if event.change == Change::Up {
            up.insert(event.path);
        } else {
            up.remove(&event.path);
        }
    }
    sleep(Duration::from_secs(2));
    let start = ticks(thread)?;
    sleep(MEASURED);
    let spent = ticks(thread)? - start;
    ensure!(one.event(Duration::ZERO)?.is_none(), "a session went down meanwhile");
    one.stop();
    other.stop();
    // A tick is a hundredth of a second.
    report.value("sessions_256_cpu_percent", spent / MEASURED.as_secs_f64());
    Ok(())
}

fn wire_threads() -> Result<BTreeSet<u32>> {
    let mut threads = BTreeSet::new();
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == "wire" {
            let name = task.file_name().and_then(|name| name.to_str()).context("a thread's number")?;
            threads.insert(name.parse()?);
        }
    }
    Ok(threads)
}

/// Processor time of a thread of this process, in user and kernel mode.
fn ticks(thread: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field =
        |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).context("no processor time");
    Ok(field(11)? + field(12)?)
}
