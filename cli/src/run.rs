//! From the command line to the exit code.

use std::{
    io::{IsTerminal as _, Write},
    process::ExitCode,
};

use clap::Parser as _;

use crate::{
    args::{Cli, Command, Output},
    commands,
    output::Printer,
};

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well, nothing would change.
    Fine,
    /// Something is broken, would change, or is refused.
    Found,
}

/// Does what the command line says. Errors go to standard error as one sentence.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A command line that makes no sense could not be found out; help and version are no errors.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let is_terminal = std::io::stdout().is_terminal();
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let colour = is_terminal && !no_colour;
    let mut out = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli, colour, &mut out)),
        Err(error) => Err(error.into()),
    };
    // Whoever reads may stop reading (head, less): nothing to be told.
    let _ = std::io::stdout().write_all(&out);
    match result {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Found) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line says and writes the answer to `out`.
///
/// # Errors
/// It could not be found out: no cluster, no permission, a name that does not exist, a file that cannot be read.
pub async fn run(cli: Cli, colour: bool, out: &mut dyn Write) -> anyhow::Result<Verdict> {
    let Cli { global, command } = cli;
    let colour = colour && matches!(global.output, Output::Table | Output::Wide);
    let mut printer = Printer::new(out, global.output, colour);
    match &command {
        Command::Explain(args) => commands::explain::run(&global, args, &mut printer).await,
        Command::Pools(args) => commands::pools::run(&global, args, &mut printer).await,
        Command::L2(command) => commands::l2::run(&global, command, &mut printer).await,
        Command::Bgp(command) => commands::bgp::run(&global, command, &mut printer).await,
        Command::Drain(args) => commands::drain::run(&global, args, &mut printer).await,
        Command::Rebalance(args) => commands::rebalance::run(&global, args, &mut printer).await,
        Command::Plan(args) => commands::plan::run(&global, args, &mut printer).await,
        Command::Validate(args) => commands::validate::run(&global, args, &mut printer).await,
        Command::Status => commands::status::run(&global, &mut printer).await,
        Command::Version(args) => commands::version::run(&global, args, &mut printer).await,
        Command::Completion(args) => commands::completion::run(args, &mut printer),
    }
}
