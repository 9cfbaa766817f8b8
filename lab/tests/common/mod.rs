//! What the lab's own tests share. They need root and what `hack/prepare.sh lab` makes.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

use std::process::{Command, Output};

use ferrolb_lab::Lab;

/// The program as built with these tests.
pub fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb-lab"));
    command.args(["--name", name]).args(arguments);
    command
}

/// A lab that ends with the test.
pub struct Guard(pub Lab);

impl Guard {
    /// Brings up a lab of this name, taking down what an earlier run left.
    pub fn up(name: &str, arguments: &[&str]) -> Self {
        succeed(&mut program(name, &["down"]));
        succeed(program(name, &["up"]).args(arguments));
        Self(Lab::attach(name).unwrap())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let down = self.0.clone().down();
        if !std::thread::panicking() {
            down.unwrap();
        }
    }
}

/// Runs to the end and asks for success.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}
