//! What a whole speaker holds with many VIPs and four peers.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ferrolb_bench::{Report, Resident};

use crate::bird::Bird;
use crate::cluster::Cluster;

/// What reading took is given back by then.
const REST: Duration = Duration::from_secs(5);

/// So many VIPs are in slices.
pub(crate) fn measure(cluster: &Cluster, birds: &mut [Bird], vips: u32, report: &mut Report) -> Result<()> {
    let speaker = cluster.speaker()?;
    for bird in birds {
        bird.establishes(0)?;
        bird.has(0, usize::try_from(vips)?)?;
    }
    sleep(REST);
    let Resident { anonymous, shared } = speaker.resident()?;
    speaker.end()?;
    report.count("rss_vips", vips.into());
    report.value("rss_mib", anonymous);
    report.value("rss_shared_mib", shared);
    Ok(())
}
