//! Waiting for something to become so.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Between two looks: kubectl costs a tenth of a second of a processor.
const INTERVAL: Duration = Duration::from_millis(200);

/// Long enough for anything that happens by itself, on a machine at a tenth of the usual speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Looks until `look` succeeds; its last error is what was seen instead.
pub(crate) fn wait_for<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let end = Instant::now() + patience;
    loop {
        match look() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= end => {
                return Err(error)
                    .with_context(|| format!("{what}: not so after {} s", patience.as_secs_f32()));
            }
            Err(_) => sleep(INTERVAL),
        }
    }
}
