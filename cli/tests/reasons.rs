//! docs/reasons.md is what the code says. `UPDATE=1` writes it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fmt::Write as _, fs, net::IpAddr, path::Path};

use ferrolb_api::condition::{Told, announced, object};
use ferrolb_ipam::{Clash, PoolVerdict, Reason, Refusal, SharingProblem};
use ferrolb_model::{Family, Port, Protocol, ServiceId};

#[test]
fn the_page_says_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reasons.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, page()).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page(),
        "docs/reasons.md differs from the code: run `make reasons` and commit the result"
    );
}

#[test]
fn every_reason_has_an_example_or_a_meaning_and_a_name() {
    for reason in Reason::ALL {
        assert!(examples().iter().any(|refusal| refusal.kind() == *reason), "{reason:?} has no example");
    }
    let of_conditions = [announced::ALL, object::ALL].concat();
    let found: Vec<_> = of_conditions.into_iter().chain(found_by_explain()).collect();
    for (reason, when, _) in &found {
        let is_word = reason.starts_with(|first: char| first.is_ascii_uppercase())
            && reason.chars().all(|one| one.is_ascii_alphanumeric());
        assert!(is_word && !when.is_empty(), "{reason:?} is no CamelCase, or nothing is told of it");
    }
}

fn page() -> String {
    let mut page = String::from(
        "# Reasons\n\
         <!-- Written by `make reasons` from the code; do not edit. -->\n\
         Every reason that a condition or `kubectl ferrolb explain` can give. They are stable; messages are for people.\n\n\
         ## Why a Service does not have the address it asks for\n\
         The reasons of the condition `ferrolb.io/IPAllocated`, besides `Allocated`. With `False` the Service has no\n\
         address. With `True` it keeps those that the message begins with, and\n\
         what follows the semicolon is not as it asks. What gives an address, and when one moves: [addresses.md](addresses.md).\n\n\
         | reason | when | what to do |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let (when, remedy) = reason.when_and_remedy();
        writeln!(page, "| `{}` | {when} | {remedy} |", reason.as_str()).unwrap();
    }
    let mut table = |title: &str, told: &[Told]| {
        write!(page, "\n## {title}\n\n| reason | when | what to do |\n|---|---|---|\n").unwrap();
        for (reason, when, remedy) in told {
            writeln!(page, "| `{reason}` | {when} | {remedy} |").unwrap();
        }
    };
    table("Whether somebody answers for it: `ferrolb.io/Announced`", announced::ALL);
    table("What `kubectl ferrolb explain` finds besides", &found_by_explain());
    table("On FerroLB's own kinds: `Accepted`, `ResolvedRefs`, `Ready`", object::ALL);
    page.push_str(
        "\n## The messages of `ferrolb.io/IPAllocated`\nAs they read on a Service, with names in them.\n\n",
    );
    for reason in Reason::ALL {
        for refusal in examples().into_iter().filter(|refusal| refusal.kind() == *reason) {
            writeln!(page, "- `{}`: {refusal}", reason.as_str()).unwrap();
        }
    }
    page.push_str("\n## What pools say\nIn `NoPoolMatches`, `PoolExhausted` and `PoolNotForService`.\n\n");
    for verdict in verdicts() {
        writeln!(page, "- pool lan {verdict}").unwrap();
    }
    page
}

fn found_by_explain() -> Vec<Told> {
    let told = |reason: &ferrolb_explain::Reason| {
        let (when, remedy) = reason.when_and_remedy();
        (reason.as_str(), when, remedy)
    };
    ferrolb_explain::Reason::ALL.iter().map(told).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn verdicts() -> Vec<PoolVerdict> {
    vec![
        PoolVerdict::NoneOfFamily,
        PoolVerdict::Exhausted,
        PoolVerdict::Draining,
        PoolVerdict::NotAutomatic,
        PoolVerdict::RequestsNotAllowed,
        PoolVerdict::NotNamed,
        PoolVerdict::Invalid,
        PoolVerdict::OtherNamespaces("namespace shop or namespaces with team=web".into()),
        PoolVerdict::OtherLabels("app=web,tier in (a,b)".into()),
    ]
}

fn examples() -> Vec<Refusal> {
    let address = ip("192.0.2.7");
    let https = Port { protocol: Protocol::Tcp, number: 443 };
    let clash = |problem| Clash { address, with: ServiceId::new("shop", "web"), problem };
    let lan = || "lan".into();
    let mut examples = vec![
        Refusal::NoPool,
        Refusal::NoValidPool(vec![lan(), "dmz".into()]),
        Refusal::NoPoolMatches {
            family: Family::V6,
            considered: [
                (lan(), PoolVerdict::NoneOfFamily),
                ("shop".into(), PoolVerdict::OtherNamespaces("namespace shop".into())),
            ]
            .into(),
        },
        Refusal::PoolExhausted {
            family: Family::V4,
            considered: [(lan(), PoolVerdict::Exhausted), ("old".into(), PoolVerdict::Draining)].into(),
            clash: None,
        },
        Refusal::PoolExhausted {
            family: Family::V4,
            considered: [(lan(), PoolVerdict::Exhausted)].into(),
            clash: Some(clash(SharingProblem::Port(https))),
        },
        Refusal::PoolNotFound(lan()),
        Refusal::PoolInvalid(lan()),
        Refusal::PoolMissing { address, pool: Some(lan()) },
        Refusal::PoolMissing { address, pool: None },
        Refusal::KeptOfInvalidPool { address, pool: lan() },
        Refusal::PoolDraining(lan()),
        Refusal::PoolNotForService { pool: lan(), verdict: PoolVerdict::OtherLabels("app=web".into()) },
        Refusal::RequestsNotAllowed(lan()),
        Refusal::AddressFamilyMismatch { address, families: vec![Family::V6] },
        Refusal::PoolFamilyMismatch { pool: lan(), family: Family::V6 },
        Refusal::AddressTaken { address, by: ServiceId::new("shop", "web") },
        Refusal::AddressInNoPool(address),
        Refusal::AddressInNoValidPool { address, invalid: vec![lan()] },
        Refusal::AddressInOtherPool { address, asked: "dmz".into(), pool: lan() },
        Refusal::AddressExcluded { address, pool: lan() },
        Refusal::AddressOfNode(address),
        Refusal::InvalidRequest(
            "spec.loadBalancerIP asks for \"gateway\", which is not an IP address".into(),
        ),
    ];
    let problems = [
        SharingProblem::Namespace,
        SharingProblem::Port(https),
        SharingProblem::Endpoints,
        SharingProblem::Full,
    ];
    examples.extend(problems.map(|problem| Refusal::SharingRefused(clash(problem))));
    examples
}
