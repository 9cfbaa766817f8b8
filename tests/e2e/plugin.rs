//! `kubectl ferrolb`, as a user starts it.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::scene::Scene;

/// How the plugin ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene<'_> {
    /// `kubectl ferrolb ARGUMENTS -n NAMESPACE`, with manifests on its standard input.
    pub(crate) fn plugin(&self, arguments: &[&str], input: &str) -> Result<Answer> {
        self.plugin_with(arguments, input, None)
    }

    /// The same with another kubeconfig.
    pub(crate) fn plugin_with(
        &self,
        arguments: &[&str],
        input: &str,
        kubeconfig: Option<&str>,
    ) -> Result<Answer> {
        let mut kubectl = self.cluster.lab.kubectl_command();
        kubectl.arg("ferrolb").args(arguments).args(["-n", &self.namespace]);
        if let Some(kubeconfig) = kubeconfig {
            kubectl.env("KUBECONFIG", kubeconfig);
        }
        kubectl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = kubectl.spawn().context("kubectl does not start")?;
        // A command that reads nothing closes its end.
        let _ = child.stdin.take().expect("it was asked for").write_all(input.as_bytes());
        let output = child.wait_with_output()?;
        Ok(Answer {
            code: output.status.code().context("it was killed")?,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What the plugin prints for programs; it must end with this code.
    pub(crate) fn plugin_json(&self, code: i32, arguments: &[&str], input: &str) -> Result<Value> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["-o", "json"]).collect();
        let answer = self.plugin(&arguments, input)?;
        ensure!(
            answer.code == code,
            "kubectl ferrolb {} ended with {}, not {code}: {answer:?}",
            arguments.join(" "),
            answer.code
        );
        serde_json::from_str(&answer.stdout).with_context(|| format!("it printed no JSON: {answer:?}"))
    }
}
