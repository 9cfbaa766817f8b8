//! The lease: taken over, released, lost, and never outlived by a write.

use std::time::Duration;

use crate::{
    fault::{Action, Asked},
    scene::{Scene, key, short_lease, timing},
};

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("web-{number}"))
}

fn is_renewal(asked: &Asked) -> bool {
    asked.resource == "leases" && asked.method != "GET"
}

#[tokio::test]
async fn a_leader_that_ends_hands_over_at_once_and_nothing_moves() {
    let scene = Scene::new().await;
    scene.add_services(names(20));
    let first = scene.controller("a");
    scene.until_served().await;
    let second = scene.controller("b");
    // A standby is ready.
    second.until_ready().await;
    let before = scene.addresses();
    first.stop().await;
    scene.add_services(["late".into()]);
    scene.until_served().await;
    let requests = scene.server.world().requests.clone();
    let released = requests.iter().position(|one| one.holder.as_deref() == Some("")).expect("it is released");
    let taken = requests[released + 1..].iter().find(|one| is_renewal(one)).expect("it is taken");
    let waited = taken.at - requests[released].at;
    assert!(waited < timing().lease.duration, "{waited:?}, as if nobody had given it back");
    let after: Vec<_> = scene.addresses().into_iter().filter(|(name, _)| name != "late").collect();
    assert_eq!(after, before);
    scene.assert_distinct();
    second.stop().await;
}

#[tokio::test]
async fn the_lease_is_given_back_only_when_nothing_is_in_flight() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["first".into()]);
    scene.until_served().await;
    // A write that its sender gives up does not take effect.
    scene.fault(usize::MAX, Action::Late(Duration::from_millis(300)), Asked::is_service_patch);
    let before = scene.server.world().requests.len();
    scene.add_services(names(20));
    scene.until("patches are under way", |world| world.faults[0].times < usize::MAX - 3).await;
    controller.stop().await;
    let world = scene.server.world();
    let asked = usize::MAX - world.faults[0].times;
    let answered = world.requests[before..].iter().filter(|one| one.is_service_patch()).count();
    assert_eq!(answered, asked, "each is awaited");
    let released =
        world.requests.iter().position(|one| one.holder.as_deref() == Some("")).expect("it is released");
    assert!(world.requests[released..].iter().all(|one| one.method == "GET" || is_renewal(one)));
}

#[tokio::test]
async fn a_leader_that_was_frozen_writes_nothing_and_stands_by() {
    let scene = Scene::new().await;
    scene.add_services(names(10));
    let frozen = scene.controller_with("a", short_lease());
    scene.until_served().await;
    let other = scene.controller_with("b", short_lease());
    other.until_ready().await;
    let writes_before = frozen.metric("ferrolb_controller_writes_total").await;
    let frozen_for = short_lease().lease.duration * 2;
    // It has work to do at the moment it freezes, and again when it thaws.
    scene.fault(20, Action::Hang, Asked::is_service_patch);
    scene.add_services(["held-1".into(), "held-2".into()]);
    scene.until("patches are under way", |world| world.faults[0].times < 20).await;
    frozen.freeze(frozen_for);
    scene.no_more_faults();
    scene.add_services(["during".into()]);
    scene.until_served().await;
    assert_eq!(other.metric("ferrolb_controller_leader").await, 1.0);
    let during = scene.addresses();

    tokio::time::sleep(frozen_for).await;
    frozen.until_metric("ferrolb_controller_leader", |leader| leader == 0.0).await;
    assert!(frozen.metric("ferrolb_controller_writes_total").await <= writes_before + 4.0);
    assert!(frozen.runs(), "it stands by, it does not end");
    frozen.until_ready().await;
    assert_eq!(scene.addresses(), during);
    scene.assert_distinct();
    // It takes over again.
    other.stop().await;
    scene.add_services(["after".into()]);
    scene.until_served().await;
    scene.assert_distinct();
    frozen.stop().await;
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_stops_all_writes_in_time() {
    let scene = Scene::new().await;
    let controller = scene.controller_with("a", short_lease());
    scene.add_services(["first".into()]);
    scene.until_served().await;
    scene.fault(usize::MAX, Action::Hang, |asked| asked.resource == "leases");
    let last = scene.server.world().requests.iter().rev().find(|one| is_renewal(one)).unwrap().at;
    tokio::time::sleep(short_lease().lease.duration + Duration::from_millis(300)).await;
    scene.add_services(["late".into()]);
    let requests = scene.requests_of(Duration::from_secs(1)).await;
    assert!(!requests.iter().any(Asked::is_write), "{requests:?}");
    let all = scene.server.world().requests.clone();
    let after = all.iter().find(|one| one.is_write() && one.at > last + short_lease().lease.duration);
    assert!(after.is_none(), "{after:?}");
    assert!(controller.runs());
    scene.no_more_faults();
    scene.until_served().await;
    controller.stop().await;
}

#[tokio::test]
async fn what_takes_several_requests_does_not_outlive_the_lease_either() {
    let scene = Scene::new().await;
    let controller = scene.controller_with("a", short_lease());
    scene.add_services(names(24));
    scene.until_served().await;
    scene.fault(usize::MAX, Action::Hang, |asked| asked.resource == "leases");
    let last = scene.server.world().requests.iter().rev().find(|one| is_renewal(one)).unwrap().at;
    let ends = last + short_lease().lease.duration;
    // Each is answered within its time; to read a Service and then to write it takes longer than the time of one.
    let slow = Duration::from_millis(350);
    scene.fault(usize::MAX, Action::Late(slow), |asked| asked.name.starts_with("web-"));
    tokio::time::sleep_until(ends - Duration::from_millis(1000)).await;
    for name in names(24) {
        scene.edit(|world| {
            let key = key("services", "default", &name);
            let mut service = world.store.objects[&key].clone();
            service["spec"]["type"] = "ClusterIP".into();
            world.store.put(&key, service);
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep_until(ends + slow * 2).await;
    let requests = scene.server.world().requests.clone();
    let left = |one: &&Asked| one.resource == "services" && one.name.starts_with("web-");
    assert!(requests.iter().any(|one| one.method == "GET" && left(&one)), "one of them was looked at");
    let landed = |one: &&Asked| one.is_service_patch() && one.code == Some(200) && one.at + slow > ends;
    let late: Vec<&Asked> = requests.iter().filter(landed).filter(|one| one.at > last).collect();
    assert!(late.is_empty(), "{late:?}");

    scene.no_more_faults();
    scene
        .until("all of them are cleaned", |world| {
            crate::scene::services(world)
                .iter()
                .all(|service| service["status"]["conditions"].as_array().is_none_or(Vec::is_empty))
        })
        .await;
    controller.stop().await;
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_costs_nothing() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["first".into()]);
    scene.until_served().await;
    scene.fault(2, Action::TakeEffectAndHang, is_renewal);
    scene.fault(2, Action::TakeEffectAndBreak, is_renewal);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(controller.metric("ferrolb_controller_leader").await, 1.0);
    controller.until_metric("ferrolb_controller_late_lease_renewals_total", |late| late > 0.0).await;
    assert_eq!(controller.metric("ferrolb_controller_fresh_starts_total").await, 0.0);
    scene.add_services(["late".into()]);
    scene.until_served().await;
    controller.stop().await;
}

#[tokio::test]
async fn of_two_controllers_one_leads_through_every_fault() {
    let scene = Scene::new().await;
    let (a, b) = (scene.controller("a"), scene.controller("b"));
    for round in 0..4 {
        let action = match round {
            0 => Action::Answer { code: 409, retry_after: None, plain: false },
            1 => Action::Answer { code: 429, retry_after: None, plain: true },
            2 => Action::TakeEffectAndBreak,
            _ => Action::Hang,
        };
        scene.fault(3, action, is_renewal);
        scene.add_services((0..5).map(|number| format!("web-{round}-{number}")));
        scene.until_served().await;
        let leaders =
            a.metric("ferrolb_controller_leader").await + b.metric("ferrolb_controller_leader").await;
        assert!(leaders <= 1.0, "{leaders} leaders in round {round}");
    }
    scene.assert_distinct();
    a.stop().await;
    b.stop().await;
}
