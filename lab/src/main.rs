//! The `ferrolb-lab` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferrolb_lab::cli::main()
}
