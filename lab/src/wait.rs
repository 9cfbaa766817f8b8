//! Waiting for something to become so.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// Asks `condition` until it holds; returns how long that took.
///
/// # Errors
/// When it does not hold within `timeout`; `what` says in the message what was waited for.
pub fn wait(what: &str, timeout: Duration, mut condition: impl FnMut() -> bool) -> Result<Duration> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > timeout {
            bail!("{what}: not so after {} s", timeout.as_secs_f32());
        }
        sleep(INTERVAL);
    }
    Ok(start.elapsed())
}
