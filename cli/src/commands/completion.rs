//! `kubectl ferrolb completion SHELL`.

use anyhow::Result;
use clap::CommandFactory as _;

use crate::{
    args::{Cli, Completion},
    output::Printer,
    run::Verdict,
};

pub(crate) fn run(args: &Completion, printer: &mut Printer<'_>) -> Result<Verdict> {
    let mut command = Cli::command();
    clap_complete::generate(args.shell, &mut command, "kubectl-ferrolb", printer.raw());
    Ok(Verdict::Fine)
}
