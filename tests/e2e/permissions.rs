//! What a speaker's token is good for: its own SpeakerState, and nothing else.

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Output;
use libtest_mimic::Trial;

use crate::cluster::NAMESPACE;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};

const PATCH: &str = r#"{"status":{"version":"forged"}}"#;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("a_speaker_writes_its_own_state_only", Disturbs::Nobody, own_state_only)]
}

fn own_state_only(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 1)?;
    scene.load_balancer("web", "")?;
    scene.address("web")?;
    let pods = [
        "-n",
        NAMESPACE,
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/component=speaker",
        "--field-selector=spec.nodeName=n1",
        "-o",
        "name",
    ];
    let pod = scene.cluster.lab.kubectl(&pods)?;
    let pod = pod.trim().strip_prefix("pod/").context("there is no speaker on n1")?;
    let bound = token(scene, &["--bound-object-kind=Pod", &format!("--bound-object-name={pod}")])?;
    let unbound = token(scene, &[])?;
    let write = |token: &str, node: &str| patch_state(scene, token, node);
    let own = write(&bound, "n1")?;
    ensure!(own.contains("\"kind\":\"SpeakerState\""), "a speaker cannot write its own state: {own}");
    let other = write(&bound, "n2")?;
    let says = "the speaker on node n1 may write the SpeakerState n1 only, not n2";
    ensure!(other.contains(says), "writing another's state: {other}");
    let nobody = write(&unbound, "n1")?;
    let says = "a speaker must use the token of its pod";
    ensure!(nobody.contains(says), "writing with a token of no pod: {nobody}");

    let forge = r#"{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"}]}}}"#;
    let slice = r#"{"spec":{"vips":[]}}"#;
    let slices = scene.kubectl(&["get", "announcementslices", "-o", "name"])?;
    let slice_name = slices.lines().next().context("there is no AnnouncementSlice")?;
    let attempts: [&[&str]; 6] = [
        &[
            "-n",
            &scene.namespace,
            "patch",
            "service",
            "web",
            "--subresource=status",
            "--type=merge",
            "-p",
            forge,
        ],
        &[
            "-n",
            &scene.namespace,
            "patch",
            "service",
            "web",
            "--type=merge",
            "-p",
            r#"{"spec":{"type":"ClusterIP"}}"#,
        ],
        &["patch", slice_name, "--type=merge", "-p", slice],
        &["delete", "speakerstate", "n1"],
        &["-n", NAMESPACE, "get", "secret", "ferrolb-heartbeat"],
        &["label", "node", "n1", "forged=yes"],
    ];
    for attempt in attempts {
        let answer = as_speaker(scene, &bound, attempt)?;
        let forbidden = answer.stderr.contains("(Forbidden)");
        ensure!(!answer.success && forbidden, "a speaker may {attempt:?}: {answer:?}");
    }
    Ok(())
}

/// Patches the status of `node`'s state, as a trial, as speakers do; kubectl would read it first, which they may not. The
/// answer, compact.
fn patch_state(scene: &Scene<'_>, token: &str, node: &str) -> Result<String> {
    let url = format!(
        "https://192.0.2.1:6443/apis/ferrolb.io/v1beta1/speakerstates/{node}/status?dryRun=All&pretty=false"
    );
    scene.cluster.lab.control_plane().check([
        "curl",
        "--silent",
        "--insecure",
        "--request",
        "PATCH",
        "--header",
        &format!("Authorization: Bearer {token}"),
        "--header",
        "Content-Type: application/merge-patch+json",
        "--data",
        PATCH,
        &url,
    ])
}

fn token(scene: &Scene<'_>, binding: &[&str]) -> Result<String> {
    let arguments: Vec<&str> = ["-n", NAMESPACE, "create", "token", "ferrolb-speaker"]
        .into_iter()
        .chain(binding.iter().copied())
        .collect();
    Ok(scene.cluster.lab.kubectl(&arguments)?.trim().to_owned())
}

fn as_speaker(scene: &Scene<'_>, token: &str, arguments: &[&str]) -> Result<Output> {
    let arguments: Vec<&str> = ["--token", token].into_iter().chain(arguments.iter().copied()).collect();
    scene.cluster.lab.kubectl_run(&arguments)
}
