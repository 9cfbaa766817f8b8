//! `kubectl ferrolb bgp`.

mod peers;
mod routes;
mod sessions;

use anyhow::Result;

use crate::{
    args::{Bgp, Global},
    output::Printer,
    run::Verdict,
};

pub(crate) async fn run(global: &Global, command: &Bgp, printer: &mut Printer<'_>) -> Result<Verdict> {
    match command {
        Bgp::Peers(args) => peers::run(global, args, printer).await,
        Bgp::Routes(args) => routes::run(global, args, printer).await,
    }
}
