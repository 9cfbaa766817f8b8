//! `kubectl ferrolb` against a real cluster: what it says is what the cluster does.

use std::collections::BTreeMap;
use std::fs::{Permissions, create_dir_all, set_permissions, write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Checkout;
use libtest_mimic::Trial;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::NODES;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("cli_explain_marks_the_first_broken_link", Disturbs::Nobody, first_broken_link),
        trial("cli_explain_of_a_served_service_holds_to_the_wire", Disturbs::Nobody, every_link_holds),
        trial("cli_misspelt_names_are_errors_with_their_neighbours", Disturbs::Nobody, misspelt),
        trial("cli_plan_says_before_what_apply_then_does", Disturbs::Nobody, plan_then_apply),
        trial("cli_validate_says_what_the_api_server_says", Disturbs::Nobody, validate_as_server),
        trial("cli_pools_status_and_version_tell_the_truth", Disturbs::Nobody, overview),
        trial("cli_the_permissions_in_the_docs_are_enough", Disturbs::Nobody, permissions),
        trial("cli_an_exec_plugin_of_the_kubeconfig_is_used", Disturbs::Nobody, exec_credentials),
    ]
}

/// The chain of one Service, of which `code` says whether a link is broken.
fn chain(scene: &Scene<'_>, code: i32, name: &str) -> Result<Value> {
    let list = scene.plugin_json(code, &["explain", &format!("svc/{name}")], "")?;
    Ok(list["items"][0].clone())
}

/// The chain is broken at this link for this reason; the link's sentence.
fn broken_at(scene: &Scene<'_>, name: &str, link: &str, reason: &str) -> Result<String> {
    let chain = chain(scene, 2, name)?;
    ensure!(chain["broken"] == link, "{name} is broken at {}, not {link}: {chain}", chain["broken"]);
    let links = chain["links"].as_array().context("a chain has links")?;
    let broken = links.iter().find(|one| one["link"] == link).context("the link is there")?;
    ensure!(broken["reason"] == reason, "{name}: the reason is {}, not {reason}", broken["reason"]);
    Ok(broken["sentence"].as_str().unwrap_or_default().to_owned())
}

fn first_broken_link(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 1)?;
    scene.load_balancer("first", "")?;
    let held = scene.address("first")?;

    scene.load_balancer("exhausted", "")?;
    scene.annotated_load_balancer("taken", &format!("ferrolb.io/load-balancer-ips: {held}"), "")?;
    scene.load_balancer("outside", "loadBalancerIP: 203.0.113.77")?;
    scene.annotated_load_balancer("nowhere", "ferrolb.io/address-pool: nowhere", "")?;
    scene.load_balancer("other-class", "loadBalancerClass: example.com/other")?;
    for (name, link, reason) in [
        ("exhausted", "pool", "PoolExhausted"),
        ("taken", "address", "AddressTaken"),
        ("outside", "pool", "AddressInNoPool"),
        ("nowhere", "pool", "PoolNotFound"),
    ] {
        // Some sentences name every pool, and those of other tests come and go meanwhile.
        wait_for("explain and condition say the same", PATIENCE, || {
            let condition = scene.refusal(name, reason)?;
            let sentence = broken_at(scene, name, link, reason)?;
            ensure!(sentence == condition, "{name}: explain says {sentence:?}, the condition {condition:?}");
            Ok(())
        })?;
    }
    broken_at(scene, "other-class", "class", "OtherClass")?;
    let told = broken_at(scene, "taken", "address", "AddressTaken")?;
    ensure!(told.contains(&format!("{}/first", scene.namespace)), "the holder is not told: {told}");

    let patch = r#"{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.9"}]}}}"#;
    scene.kubectl(&["patch", "service", "exhausted", "--subresource=status", "--type=merge", "-p", patch])?;
    let sentence = broken_at(scene, "exhausted", "address", "ForeignIngress")?;
    ensure!(sentence.contains("203.0.113.9"), "the foreign address is not told: {sentence}");

    let list = scene.plugin_json(2, &["explain", "--broken"], "")?;
    let names: Vec<&str> =
        list["items"].as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect();
    ensure!(names == ["exhausted", "nowhere", "outside", "taken"], "--broken lists {names:?}");
    let text = scene.plugin(&["explain", "svc/taken"], "")?;
    ensure!(
        text.stdout.contains("\n-> broken   address       AddressTaken: ") && !text.stdout.contains('\x1b'),
        "the text is {}",
        text.stdout
    );
    Ok(())
}

fn every_link_holds(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 1)?;
    scene.load_balancer("web", "")?;
    let address = scene.address("web")?;
    wait_for("every link holds", PATIENCE, || {
        let chain = chain(scene, 0, "web")?;
        ensure!(chain["state"] == "ok", "the chain is {chain}");
        let text = chain.to_string();
        ensure!(text.contains(&address.to_string()), "the address is not told: {text}");
        let links = chain["links"].as_array().map(Vec::len);
        ensure!(links == Some(6), "there are {links:?} links");
        Ok(())
    })
}

fn misspelt(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.pool("lan", 1)?;
    scene.load_balancer("frontend", "")?;
    let misspelt = pool.name.replace("lan", "lam");
    let (of_a_service, of_nothing) = (format!("svc/{}", pool.name), format!("x/{}", pool.name));
    let own = "--ferrolb-namespace";
    let no_namespace = &["there is no namespace ferrolb-sytem", "did you mean ferrolb-system?"][..];
    for (arguments, parts) in [
        (&["explain", "svc/fronted"][..], &["no Service fronted", "did you mean frontend?"][..]),
        (&["explain", "pod/frontend"], &["write svc/frontend"]),
        (&["pools", misspelt.as_str()], &["no IPAddressPool", pool.name.as_str()]),
        (&["pools", of_a_service.as_str()], &["names no IPAddressPool; write pool/NAME"]),
        (&["pools", of_nothing.as_str()], &["names no IPAddressPool; write pool/NAME"]),
        (&["plan", "--delete", of_a_service.as_str()], &["names no IPAddressPool; write pool/NAME"]),
        (&["status", own, "ferrolb-sytem"], no_namespace),
        (&["explain", own, "ferrolb-sytem"], no_namespace),
        (&["version", own, "ferrolb-sytem"], no_namespace),
        (&["l2", "owners", "svc/fronted"], &["no Service fronted", "did you mean frontend?"]),
        (&["l2", "owners", "203.0.113.77"], &["no AnnouncementSlice names 203.0.113.77"]),
        (&["l2", "members", "node-that-is-not"], &["no node node-that-is-not"]),
        (&["bgp", "peers", "peer-that-is-not"], &["no BGPPeer peer-that-is-not"]),
        (&["bgp", "peers", "--node", "node-that-is-not"], &["no node node-that-is-not"]),
        (&["bgp", "routes", "svc/fronted"], &["no Service fronted", "did you mean frontend?"]),
        (&["bgp", "routes", "203.0.113.77"], &["no AnnouncementSlice names 203.0.113.77"]),
        (&["bgp", "routes", "--peer", "peer-that-is-not"], &["no BGPPeer peer-that-is-not"]),
        (&["plan", "--delete", "pool/nothing-like-it"], &["no IPAddressPool nothing-like-it"]),
        (&["status", "--context", "ferrolb-lob"], &["did you mean ferrolb-lab?"]),
    ] {
        let answer = scene.plugin(arguments, "")?;
        ensure!(answer.code == 1 && answer.stdout.is_empty(), "{arguments:?}: {answer:?}");
        for part in parts {
            ensure!(answer.stderr.contains(part), "{arguments:?}: {part:?} is not in {}", answer.stderr);
        }
    }
    Ok(())
}

fn plan_then_apply(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.pool("lan", 6)?;
    for name in ["a", "b", "c"] {
        scene.load_balancer(name, "")?;
        scene.address(name)?;
    }
    scene.annotated_load_balancer("d", &format!("ferrolb.io/load-balancer-ips: {}", pool.v4[5]), "")?;
    scene.address("d")?;
    scene.load_balancer("outside", "loadBalancerIP: 203.0.113.78")?;
    scene.waiting("outside")?;
    let unchanged = scene.plugin(&["plan", "-f", "-"], &pool.manifest)?;
    ensure!(unchanged.code == 0 && unchanged.stdout.ends_with("No Service would change.\n"), "{unchanged:?}");

    // The first address goes: who has it moves, nobody else does.
    let edited = pool.manifest.replacen(&format!("{}-", pool.v4[0]), &format!("{}-", pool.v4[1]), 1);
    let before = held(scene)?;
    let plan = scene.plugin_json(2, &["plan", "-f", "-"], &edited)?;
    ensure!(held(scene)? == before, "a plan changed something");
    scene.apply(&edited)?;
    wait_for("the edit is in force", PATIENCE, || {
        let after = held(scene)?;
        let told = planned(&plan);
        for (name, addresses) in &after {
            match told.get(name) {
                None => {
                    ensure!(before[name] == *addresses, "{name} moved, which the plan does not say: {plan}");
                }
                Some((was, is)) => {
                    ensure!(before[name] == *was, "{name} had {:?}, the plan says {was:?}", before[name]);
                    ensure!(addresses == is, "{name} has {addresses:?}, the plan says {is:?}");
                }
            }
        }
        Ok(())
    })?;
    ensure!(planned(&plan).len() == 1, "one Service had the address: {plan}");
    let again = scene.plugin(&["plan", "-f", "-"], &edited)?;
    ensure!(again.code == 0, "after it was applied the same edit would change something: {again:?}");

    // Deleting the pool moves nobody, and the plan says so.
    let plan = scene.plugin_json(2, &["plan", "--delete", &format!("pool/{}", pool.name)], "")?;
    let effects = plan["effects"].as_array().context("a plan has effects")?;
    let kept = effects.iter().filter(|effect| effect["after"]["reason"] == "PoolMissing").count();
    ensure!(kept == 4, "four keep their addresses: {plan}");
    for effect in effects {
        ensure!(ips(&effect["before"]) == ips(&effect["after"]), "somebody would move: {effect}");
    }
    let bad = scene.plugin(&["plan", "-f", "-"], &edited.replacen("addresses:", "adresses:", 1))?;
    ensure!(
        bad.code == 1 && bad.stderr.contains("unknown field"),
        "an edit that is refused was planned: {bad:?}"
    );
    Ok(())
}

/// What each Service of the scene has.
fn held(scene: &Scene<'_>) -> Result<BTreeMap<String, Vec<IpAddr>>> {
    let services = scene.services()?;
    Ok(services.into_iter().map(|service| (service.id(), service.addresses())).collect())
}

/// By Service, what a plan says it has before and after.
fn planned(plan: &Value) -> BTreeMap<String, (Vec<IpAddr>, Vec<IpAddr>)> {
    let effects = plan["effects"].as_array().into_iter().flatten();
    effects
        .map(|effect| {
            let text = |name: &str| effect[name].as_str().unwrap_or_default();
            let id = format!("{}/{}", text("namespace"), text("name"));
            (id, (ips(&effect["before"]), ips(&effect["after"])))
        })
        .collect()
}

fn ips(side: &Value) -> Vec<IpAddr> {
    let addresses = side["addresses"].as_array().into_iter().flatten();
    addresses.filter_map(|one| one["ip"].as_str()?.parse().ok()).collect()
}

#[derive(Deserialize)]
struct Case {
    object: Value,
}

fn validate_as_server(scene: &Scene<'_>) -> Result<()> {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("../../api/tests/bad_objects.yaml"))?;
    let manifests: String = cases.iter().map(|case| format!("---\n{}\n", case.object)).collect();
    let told = scene.plugin_json(2, &["validate", "-f", "-"], &manifests)?;
    let server = scene.dry_run(&manifests)?.stderr;
    let problems = told["problems"].as_array().context("there are problems")?;
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.object["metadata"]["name"].as_str().unwrap_or_default();
        let quoted = format!("\"{name}\"");
        let refusal: Vec<&str> = server.lines().skip_while(|line| !line.contains(&quoted)).take(1).collect();
        let of =
            |problem: &&Value| problem["object"].as_str().is_some_and(|it| it.ends_with(&format!(" {name}")));
        let messages: Vec<&str> =
            problems.iter().filter(of).filter_map(|problem| problem["message"].as_str()).collect();
        if messages.is_empty() || !messages.iter().all(|message| refusal.concat().contains(message)) {
            wrong.push(format!("{name}: validate says {messages:?}, the server {refusal:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn overview(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.pool("lan", 3)?;
    scene.load_balancer("web", "")?;
    let address = scene.address("web")?;
    let pools = scene.plugin_json(0, &["pools", &pool.name], "")?;
    let told = &pools["items"][0];
    ensure!(told["ipv4"]["assigned"] == 1 && told["ipv4"]["available"] == 2, "the pool is {told}");
    ensure!(told["holders"][0]["ip"] == address.to_string(), "who holds it is not told: {told}");
    let table = scene.plugin(&["pools", &pool.name, "-o", "wide"], "")?.stdout;
    ensure!(table.contains(&format!("{}/web", scene.namespace)), "-o wide does not say who: {table}");

    let overlapping =
        pool.manifest.replace(&format!("name: {}", pool.name), &format!("name: {}-2", pool.name));
    scene.apply(&overlapping)?;
    let second = format!("{}-2", pool.name);
    let pools = wait_for("the overlap is told", PATIENCE, || scene.plugin_json(2, &["pools", &second], ""))?;
    let problem = pools["items"][0]["problems"].to_string();
    ensure!(
        problem.contains(&format!("belongs to the older pool {}", pool.name)),
        "the overlap is {problem}"
    );

    let answer = scene.plugin(&["status", "-o", "json"], "")?;
    ensure!(answer.code == 2, "an overlap is a problem: {answer:?}");
    let status: Value = serde_json::from_str(&answer.stdout)?;
    ensure!(status["controller"]["leader"].is_string(), "nobody leads: {status}");
    ensure!(status["speakers"]["ready"] == NODES.len(), "the speakers are {}", status["speakers"]);
    ensure!(
        status["problems"].to_string().contains(&second),
        "the overlap is not told: {}",
        status["problems"]
    );
    let yaml = scene.plugin(&["status", "-o", "yaml"], "")?.stdout;
    ensure!(yaml.contains("leaseAgeSeconds: "), "the YAML is {yaml}");

    let version = scene.plugin_json(0, &["version"], "")?;
    ensure!(version["kubernetes"].as_str().is_some_and(|text| text.starts_with("v1.")), "{version}");
    ensure!(version["speakers"][0]["count"] == NODES.len(), "{version}");
    Ok(())
}

fn permissions(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 1)?;
    scene.load_balancer("web", "")?;
    scene.address("web")?;
    scene.kubectl(&["create", "serviceaccount", "reader"])?;
    let user = format!("system:serviceaccount:{}:reader", scene.namespace);
    let denied = scene.plugin(&["explain", "svc/web", "--as", &user], "")?;
    ensure!(
        denied.code == 1
            && denied.stderr.contains(&format!("user {user:?} may not list services in the whole cluster")),
        "without a permission it says {denied:?}"
    );

    let page = std::fs::read_to_string(Checkout::find()?.root().join("docs/cli.md"))?;
    let roles = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    scene.cluster.lab.apply(roles.context("the page has the roles")?)?;
    let account = format!("--serviceaccount={}:reader", scene.namespace);
    let lab = &scene.cluster.lab;
    let result = (|| -> Result<()> {
        lab.kubectl(&[
            "create",
            "clusterrolebinding",
            "ferrolb-e2e-reader",
            "--clusterrole=ferrolb-reader",
            &account,
        ])?;
        lab.kubectl(&[
            "-n",
            "ferrolb-system",
            "create",
            "rolebinding",
            "ferrolb-e2e-reader",
            "--role=ferrolb-reader",
            &account,
        ])?;
        wait_for("the permissions are in force", PATIENCE, || {
            let status = scene.plugin(&["status", "--as", &user, "-o", "json"], "")?;
            ensure!(status.code != 1, "status says {}", status.stderr);
            let status: Value = serde_json::from_str(&status.stdout)?;
            ensure!(!status["problems"].to_string().contains("may not"), "it lacks {}", status["problems"]);
            ensure!(status["controller"]["leader"].is_string(), "who leads is not known: {status}");
            Ok(())
        })
    })();
    for (kind, namespace) in [("clusterrolebinding", None), ("rolebinding", Some("ferrolb-system"))] {
        let here = namespace.map_or(vec![], |namespace| vec!["-n", namespace]);
        let arguments = [here, vec!["delete", kind, "ferrolb-e2e-reader", "--ignore-not-found"]].concat();
        lab.kubectl(&arguments)?;
    }
    lab.kubectl(&["delete", "clusterrole", "ferrolb-reader", "--ignore-not-found"])?;
    lab.kubectl(&["-n", "ferrolb-system", "delete", "role", "ferrolb-reader", "--ignore-not-found"])?;
    result
}

fn exec_credentials(scene: &Scene<'_>) -> Result<()> {
    let view = scene.kubectl(&["config", "view", "--raw", "--flatten", "-o", "json"])?;
    let mut config: Value = serde_json::from_str(&view)?;
    let token =
        config["users"][0]["user"]["token"].as_str().context("the lab's user has a token")?.to_owned();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exec-credentials");
    create_dir_all(&folder)?;
    let plugin = folder.join("plugin.sh");
    let credential = format!(
        r#"{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{token}"}}}}"#
    );
    write(&plugin, format!("#!/bin/sh\necho '{credential}'\n"))?;
    set_permissions(&plugin, Permissions::from_mode(0o755))?;
    config["users"][0]["user"] = serde_json::json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
    }});
    // Users in one file, all else in another: KUBECONFIG is a list.
    let users = serde_json::json!({"apiVersion": "v1", "kind": "Config", "users": config["users"].take()});
    config["users"] = serde_json::json!([]);
    let files = [folder.join("clusters"), folder.join("users")];
    write(&files[0], config.to_string())?;
    write(&files[1], users.to_string())?;
    let list = files.map(|file| file.display().to_string()).join(":");
    let answer = scene.plugin_with(&["version"], "", Some(&list))?;
    ensure!(answer.code == 0 && answer.stdout.contains("kubernetes"), "with the plugin's token: {answer:?}");
    write(&plugin, "#!/bin/sh\necho no >&2; exit 3\n")?;
    let answer = scene.plugin_with(&["version"], "", Some(&list))?;
    ensure!(
        answer.code == 1 && answer.stderr.contains("credentials of the kubeconfig"),
        "without: {answer:?}"
    );
    Ok(())
}
