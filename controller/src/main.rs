//! `ferrolb-controller`: see the library.

use clap::Parser as _;
use ferrolb_controller::{Args, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    ferrolb_runtime::logs::init(args.log_format);
    run(args).await
}
