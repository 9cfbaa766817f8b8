//! `ferrolb-speaker`: answers for VIPs on its node.

use clap::Parser as _;
use ferrolb_speaker::{Options, run, sys};

fn main() -> anyhow::Result<()> {
    sys::limit_memory();
    let options = Options::parse();
    ferrolb_runtime::logs::init(options.log_format);
    // One thread does all that may wait; what must not has the wire thread.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(options))
}
