//! Every routing program starts from a text, answers its control tool, takes another text, stands still, ends when asked and when
//! killed, and says in its log what is wrong: on a lab without a cluster.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod common;

use common::Guard;
use ferrolb_lab::{Lab, Router, RouterProgram};

/// A configuration with one neighbour, the router's control tool's words that show it, and one that is wrong.
fn texts(program: RouterProgram, neighbour: &str) -> (String, &'static [&'static str]) {
    match program {
        RouterProgram::Bird => (
            format!(
                "router id 192.0.2.1; protocol device {{}} \
                 protocol bgp {{ local as 64512; neighbor {neighbour} as 64513; ipv4 {{ import all; export none; }}; }}"
            ),
            &["show", "protocols", "all"],
        ),
        RouterProgram::Frr => {
            (format!("router bgp 64512\n neighbor {neighbour} remote-as 64513\n"), &["show running-config"])
        }
        RouterProgram::GoBgp => (
            format!(
                "global: {{config: {{as: 64512, router-id: 192.0.2.1}}}}\n\
                 neighbors: [{{config: {{neighbor-address: {neighbour}, peer-as: 64513}}}}]"
            ),
            &["neighbor"],
        ),
        RouterProgram::OpenBgpd => (
            format!("AS 64512\nrouter-id 192.0.2.1\nneighbor {neighbour} {{\n remote-as 64513\n}}\n"),
            &["show", "neighbor"],
        ),
        RouterProgram::ExaBgp => (
            format!(
                "neighbor {neighbour} {{ router-id 192.0.2.1; local-address 192.0.2.201; local-as 64512; peer-as 64513; }}"
            ),
            &["show", "neighbor", "extensive"],
        ),
    }
}

#[test]
fn every_routing_program_is_run_the_same_way() {
    let Guard(lab) = &Guard::up("t-routers", &["--no-cluster", "--nodes", "1", "--routers", "5"]);
    for (program, host) in RouterProgram::ALL.into_iter().zip(["r1", "r2", "r3", "r4", "r5"]) {
        run(lab, program, host);
    }
}

fn run(lab: &Lab, program: RouterProgram, host: &str) {
    let (first, show) = texts(program, "192.0.2.111");
    let mut router = Router::start(lab, host, program, &first).unwrap();
    let shown = |router: &Router| router.control(show).unwrap();
    assert!(shown(&router).contains("192.0.2.111"), "{program:?} shows its neighbour");

    router.reload(&texts(program, "192.0.2.112").0).unwrap();
    ferrolb_lab::wait(
        &format!("{program:?} takes another neighbour"),
        std::time::Duration::from_secs(10),
        || {
            let shown = shown(&router);
            shown.contains("192.0.2.112") && !shown.contains("192.0.2.111")
        },
    )
    .unwrap();

    router.freeze().unwrap();
    router.thaw().unwrap();
    assert!(shown(&router).contains("192.0.2.112"), "{program:?} goes on");
    router.kill().unwrap();
    assert!(
        processes(&router).is_empty() && router.kill().is_err(),
        "{program:?} is gone: {:?}",
        processes(&router)
    );
    router.start_again().unwrap();
    assert!(shown(&router).contains("192.0.2.112"), "{program:?} has what it had");
    router.stop().unwrap();
    assert!(processes(&router).is_empty(), "{program:?} has ended: {:?}", processes(&router));

    let refused = Router::start(lab, host, program, "this = is not : a { configuration\n");
    assert!(refused.is_err(), "{program:?} takes anything");
}

/// What runs on its host beside the lab's own programs; what was killed may wait a moment for its parent's notice.
fn processes(router: &Router) -> Vec<String> {
    let listed = router.space().check(["ps", "-e", "-o", "stat=,comm="]).unwrap();
    let columns = listed.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    let alive = columns.filter(|(state, _)| !state.starts_with('Z')).map(|(_, comm)| comm.trim());
    alive.filter(|comm| !comm.starts_with("ferrolb-lab") && *comm != "ps").map(str::to_owned).collect()
}

#[test]
fn cables_pass_the_switch_by() {
    let Guard(lab) = &Guard::up("t-cable", &["--no-cluster", "--nodes", "1", "--routers", "2"]);
    let (n1, r1) = (lab.node("n1"), lab.space("r1").unwrap());
    let pings = |to: &str| r1.run(["ping", "-c1", "-W1", to]).unwrap().success;
    for address in ["192.0.2.11", "192.0.2.202", "2001:db8:1::202"] {
        assert!(pings(address), "{address} is on the switch");
    }
    lab.cable("r1", "n1", &[["198.18.0.0/31", "198.18.0.1/31"], ["2001:db8:f::/127", "2001:db8:f::1/127"]])
        .unwrap();
    lab.link_down("r1").unwrap();
    assert!(!pings("192.0.2.11") && pings("198.18.0.1") && pings("2001:db8:f::1"));
    let device = n1.check(["ip", "-6", "-j", "address", "show", "dev", "r1", "scope", "link"]).unwrap();
    let link_local = device.split('"').find(|word| word.starts_with("fe80::")).unwrap();
    assert!(pings(&format!("{link_local}%n1")));
    assert!(lab.cable("n1", "r1", &[]).is_err(), "there is one already");
}
