//! The cluster through kubectl, as its users go.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::lab::Lab;
use crate::space::Output;

impl Lab {
    /// kubectl with these arguments, to its end.
    ///
    /// # Errors
    /// When it cannot be started. How it ended is in the [`Output`].
    pub fn kubectl_run(&self, arguments: &[&str]) -> Result<Output> {
        self.kubectl_fed(arguments, "")
    }

    /// kubectl with these arguments, which must succeed; its standard output.
    ///
    /// # Errors
    /// When it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = self.kubectl_run(arguments)?;
        ensure!(output.success, "kubectl {} failed: {}", arguments.join(" "), output.stderr);
        Ok(output.stdout)
    }

    /// Applies manifests.
    ///
    /// # Errors
    /// When the server refuses one; the message is the one a user sees.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        let output = self.kubectl_fed(&["apply", "-f", "-"], yaml)?;
        ensure!(output.success, "kubectl apply failed: {}", output.stderr);
        Ok(output.stdout)
    }

    fn kubectl_fed(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut child = self
            .kubectl_command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start kubectl")?;
        child.stdin.take().expect("the input was asked for").write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
