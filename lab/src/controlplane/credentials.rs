//! Who may speak to the API server: a token for every program and person, and the key that signs
//! service-account tokens.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::plan::NodePlan;

/// Where keys, certificates and tokens are, inside the lab.
pub(crate) const FOLDER: &str = "/lab/pki";
pub(crate) const SERVICE_ACCOUNT_KEY: &str = "/lab/pki/service-account.key";
pub(crate) const TOKENS: &str = "/lab/pki/tokens.csv";
/// Made by the API server itself at its first start: its certificate followed by the one that signed it.
pub(crate) const SERVER_CERTIFICATE: &str = "/lab/pki/apiserver.crt";

/// Tokens by the name their kubeconfig has.
pub(crate) type Tokens = BTreeMap<String, String>;

/// Who gets a token: name of the kubeconfig, user, group.
fn identities(nodes: &[NodePlan]) -> Vec<(String, String, &'static str)> {
    let component = |name: &str| (name.to_owned(), format!("system:{name}"), "");
    let mut all = vec![("admin".to_owned(), "admin".to_owned(), "system:masters")];
    all.extend(["kube-controller-manager", "kube-scheduler", "kube-proxy"].map(component));
    all.extend(
        nodes.iter().map(|node| (node.name.clone(), format!("system:node:{}", node.name), "system:nodes")),
    );
    all
}

/// Makes the tokens; `folder` is [`FOLDER`] as the host calls it.
pub(crate) fn write_tokens(folder: &Path, nodes: &[NodePlan]) -> Result<Tokens> {
    std::fs::create_dir_all(folder)?;
    let mut tokens = Tokens::new();
    let mut file = String::new();
    for (name, user, group) in identities(nodes) {
        let token = random_token()?;
        writeln!(file, "{token},{user},{user},\"{group}\"")?;
        tokens.insert(name, token);
    }
    std::fs::write(folder.join("tokens.csv"), file)?;
    std::fs::write(folder.join("admin.token"), &tokens["admin"])?;
    Ok(tokens)
}

/// Makes the key of service-account tokens, inside the lab.
pub(crate) fn make_service_account_key() -> Result<()> {
    let made = Command::new("openssl")
        .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", SERVICE_ACCOUNT_KEY])
        .status()
        .context("cannot start openssl")?;
    ensure!(made.success(), "openssl could not make {SERVICE_ACCOUNT_KEY}");
    Ok(())
}

fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
