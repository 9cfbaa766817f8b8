//! The program as users start it.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// A command line that is being put together.
pub(crate) struct Program {
    command: Command,
    input: String,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// `kubectl ferrolb ARGUMENTS`, with nobody's kubeconfig.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-ferrolb"));
        command.args(arguments).env_remove("KUBERNETES_SERVICE_HOST");
        command.env("KUBECONFIG", "/nonexistent/kubeconfig").env("HOME", "/nonexistent");
        Self { command, input: String::new() }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = text.to_owned();
        self
    }

    pub(crate) fn run(mut self) -> Answer {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("it was asked for");
        // A program that ends without reading closes its end.
        let _ = stdin.write_all(self.input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        Answer {
            code: output.status.code().expect("it is not killed"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
