//! `kubectl ferrolb l2`.

mod members;
pub(super) mod owner;
mod owners;
pub(super) mod segment;

use anyhow::Result;

pub(super) use self::owners::ready;

use crate::{
    args::{Global, L2},
    output::Printer,
    run::Verdict,
};

pub(crate) async fn run(global: &Global, command: &L2, printer: &mut Printer<'_>) -> Result<Verdict> {
    match command {
        L2::Owners(args) => owners::run(global, args, printer).await,
        L2::Members(args) => members::run(global, args, printer).await,
    }
}
