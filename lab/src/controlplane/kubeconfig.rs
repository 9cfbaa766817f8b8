//! kubeconfig files: one for each program inside, one for people and tests on the host.

use std::path::Path;

use anyhow::{Context, Result};

use super::credentials::{SERVER_CERTIFICATE, Tokens};
use crate::plan::Families;

/// Where the kubeconfig of `name` is, inside the lab.
pub(crate) fn inside(name: &str) -> String {
    format!("/lab/pki/{name}.kubeconfig")
}

/// Writes one file a token into `folder`, all for use inside the lab.
pub(crate) fn write_all(folder: &Path, tokens: &Tokens, families: Families) -> Result<()> {
    let server = format!("https://{}", super::address(families));
    tokens.iter().try_for_each(|(name, token)| {
        let file = folder.join(format!("{name}.kubeconfig"));
        std::fs::write(&file, render(&server, SERVER_CERTIFICATE, token))
            .with_context(|| format!("cannot write {}", file.display()))
    })
}

/// Writes `LAB/kubeconfig`: the administrator, by way of the loopback port.
pub(crate) fn write_for_host(lab: &Path, port: u16) -> Result<()> {
    let token = std::fs::read_to_string(lab.join("pki/admin.token"))?;
    let certificate = lab.join("pki/apiserver.crt");
    let text = render(&format!("https://127.0.0.1:{port}"), &certificate.display().to_string(), &token);
    std::fs::write(lab.join("kubeconfig"), text).context("cannot write the kubeconfig")
}

fn render(server: &str, certificate: &str, token: &str) -> String {
    // The certificate names the Service, not the loopback.
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: ferrolb-lab
  cluster:
    server: {server}
    certificate-authority: {certificate}
    tls-server-name: kubernetes.default.svc
users:
- name: admin
  user: {{token: {token}}}
contexts:
- name: ferrolb-lab
  context: {{cluster: ferrolb-lab, user: admin}}
current-context: ferrolb-lab
"
    )
}
