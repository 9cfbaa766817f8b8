//! The binary: `kubectl ferrolb` finds it by its name on the PATH.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferrolb_cli::main()
}
