//! Chains as people read them, one text beside this file for each scene. `UPDATE=1 cargo test -p ferrolb-explain` writes
//! them anew; read the difference before it is committed.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod bgp;
mod scene;

use std::path::Path;

use ferrolb_explain::{Controller, ExceptionKind, Known, State, Style, explain, text};
use scene::{Scene, pool};

struct Plain;

impl Style for Plain {
    fn state(&self, _: State, text: &str) -> String {
        text.to_owned()
    }
}

/// Compares what is told of the scene's Service with the file of this name.
fn check(name: &str, scene: Scene) {
    let (facts, subject) = scene.build();
    let told = text(&explain(&facts, &subject), &Plain);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &told).unwrap();
    }
    let wanted = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(told, wanted, "{} differs; UPDATE=1 writes it anew", file.display());
}

#[test]
fn every_link_holds() {
    check("every-link-holds", Scene::served("192.0.2.128"));
}

#[test]
fn of_another_class() {
    let mut scene = Scene::pending();
    scene.class = Some("example.com/other".into());
    check("other-class", scene);
}

#[test]
fn without_a_class_where_those_are_left_alone() {
    let mut scene = Scene::pending();
    scene.default_class = ferrolb_explain::DefaultClass::NotServed;
    check("no-class", scene);
}

#[test]
fn not_a_load_balancer() {
    let mut scene = Scene::pending();
    scene.kind = "ClusterIP".into();
    check("cluster-ip", scene);
}

#[test]
fn without_any_pool() {
    let mut scene = Scene::pending();
    scene.pools.clear();
    scene.says("NoPool");
    check("no-pool", scene);
}

#[test]
fn no_pool_matches() {
    let mut scene = Scene::pending();
    let mut team = pool("team", "192.0.2.200", "192.0.2.210");
    team.allocation = Some(ferrolb_model::ServiceAllocation {
        namespaces: vec!["team".into()],
        ..ferrolb_model::ServiceAllocation::default()
    });
    scene.pools[0].auto_assign = false;
    scene.pools.push(team);
    scene.says("NoPoolMatches");
    check("no-pool-matches", scene);
}

#[test]
fn exhausted() {
    let mut scene = Scene::pending();
    scene.pools = vec![pool("lan", "192.0.2.128", "192.0.2.128")];
    scene.other("team/first", "192.0.2.128");
    scene.says("PoolExhausted");
    check("exhausted", scene);
}

#[test]
fn taken_by_another() {
    let mut scene = Scene::pending();
    scene.service.request.addresses = vec!["192.0.2.128".parse().unwrap()];
    scene.other("team/first", "192.0.2.128");
    scene.says("AddressTaken");
    check("taken", scene);
}

#[test]
fn sharing_refused_for_a_port() {
    let mut scene = Scene::pending();
    scene.service.request.addresses = vec!["192.0.2.128".parse().unwrap()];
    scene.service.request.sharing_key = Some("k".into());
    scene.other("default/first", "192.0.2.128");
    scene.others[0].request.sharing_key = Some("k".into());
    scene.says("SharingRefused");
    check("sharing-refused", scene);
}

#[test]
fn shared_with_another() {
    let mut scene = Scene::served("192.0.2.128");
    scene.service.request.sharing_key = Some("k".into());
    scene.other("default/first", "192.0.2.128");
    scene.others[0].request.sharing_key = Some("k".into());
    scene.others[0].ports[0].number = 443;
    check("shared", scene);
}

#[test]
fn apart_from_another_with_its_key() {
    let mut scene = Scene::served("192.0.2.129");
    scene.service.request.sharing_key = Some("k".into());
    scene.other("default/first", "192.0.2.128");
    scene.others[0].request.sharing_key = Some("k".into());
    check("apart", scene);
}

#[test]
fn exhausted_with_an_address_that_cannot_be_shared() {
    let mut scene = Scene::pending();
    scene.pools = vec![pool("lan", "192.0.2.128", "192.0.2.128")];
    scene.service.request.sharing_key = Some("k".into());
    scene.other("default/first", "192.0.2.128");
    scene.others[0].request.sharing_key = Some("k".into());
    scene.says("PoolExhausted");
    check("exhausted-apart", scene);
}

#[test]
fn foreign_ingress() {
    let mut scene = Scene::pending();
    scene.service.ingress = ferrolb_model::Ingress::Foreign {
        addresses: vec!["203.0.113.5".parse().unwrap()],
        hostnames: Vec::new(),
    };
    check("foreign", scene);
}

#[test]
fn kept_although_the_pool_is_gone() {
    let mut scene = Scene::served("192.0.2.128");
    scene.pools.clear();
    scene.allocated.as_mut().unwrap().reason = "PoolMissing".into();
    check("pool-missing", scene);
}

#[test]
fn kept_although_the_pool_is_invalid() {
    let mut scene = Scene::served("192.0.2.128");
    scene.pools.clear();
    let problem = "spec.addresses: \"192.0.2.9-192.0.2.1\" ends before it begins";
    scene.invalid_pools = [("lan".into(), problem.to_owned())].into();
    scene.allocated.as_mut().unwrap().reason = "PoolMissing".into();
    check("pool-invalid", scene);
}

#[test]
fn nobody_leads() {
    let mut scene = Scene::pending();
    scene.controller = Known::Known(Controller::Lapsed { holder: "controller-1".into(), renewed: 95 });
    check("nobody-leads", scene);
}

#[test]
fn not_written_yet() {
    check("not-written-yet", Scene::pending());
}

#[test]
fn no_advertisement() {
    let mut scene = Scene::served("192.0.2.128");
    scene.announcements = Known::Known(Default::default());
    let announced = scene.announced.as_mut().unwrap();
    announced.status = false;
    announced.reason = "NoAdvertisement".into();
    announced.message = "192.0.2.128: no L2Advertisement selects pool lan and this Service; create one, or widen its selectors".into();
    check("no-advertisement", scene);
}

#[test]
fn no_speaker_on_any_candidate() {
    let mut scene = Scene::served("192.0.2.128");
    scene.speaker("n1").ready = Some(false);
    scene.speaker("n2").ready = None;
    check("no-speaker", scene);
}

#[test]
fn taken_over_by_the_second_candidate() {
    let mut scene = Scene::served("192.0.2.128");
    scene.except("n2", "192.0.2.128", ExceptionKind::Taken, "node n1 is silent");
    check("taken-over", scene);
}

#[test]
fn another_host_answers_too() {
    let mut scene = Scene::served("192.0.2.128");
    scene.except("n1", "192.0.2.128", ExceptionKind::Duplicate, "02:00:5e:00:53:01 answers");
    check("duplicate", scene);
}

#[test]
fn a_switch_that_filters_multicast_is_told_of() {
    let mut scene = Scene::served("192.0.2.128");
    scene.deaf("n2", "192.0.2.12/24", &["n1", "n7"]);
    scene.deaf("n2", "198.51.100.12/24", &["n1"]);
    check("multicast-filtered", scene);
}

#[test]
fn isolated_ports_are_told_of() {
    let mut scene = Scene::served("192.0.2.128");
    scene.deaf("n1", "192.0.2.11/24", &[]);
    scene.deaf("n2", "192.0.2.12/24", &[]);
    check("isolated", scene);
}

#[test]
fn on_isolated_ports_others_leave_a_vip_to_a_speaker_that_is_down() {
    let mut scene = Scene::served("192.0.2.128");
    scene.speaker("n1").ready = Some(false);
    scene.deaf("n2", "192.0.2.12/24", &[]);
    check("isolated-and-down", scene);

    let mut scene = Scene::served("192.0.2.128");
    scene.speaker("n1").ready = Some(false);
    scene.deaf("n2", "192.0.2.12/24", &[]);
    scene.except(
        "n2",
        "192.0.2.128",
        ExceptionKind::Taken,
        "n1, its first candidate, does not answer for it",
    );
    check("isolated-and-taken-over", scene);
}

#[test]
fn what_may_not_be_read_is_said_so() {
    let mut scene = Scene::served("192.0.2.128");
    let why = "user \"jane\" may not list announcementslices.ferrolb.io in the whole cluster";
    scene.announcements = Known::Unknown(why.into());
    scene.speakers = Known::Unknown(why.into());
    scene.controller = Known::Unknown(why.into());
    check("unreadable", scene);
}
