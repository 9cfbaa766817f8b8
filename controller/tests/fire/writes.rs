//! Writes that are refused, lost, slow, or without an answer.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    fault::{Action, Asked},
    scene::Scene,
};

fn answer(code: u16) -> Action {
    Action::Answer { code, retry_after: None, plain: false }
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("web-{number}"))
}

/// The first patches of many Services meet with `action`; in the end each has one address, by few patches.
async fn survives(action: Action, times: usize) {
    let scene = Scene::new().await;
    scene.add_services(names(40));
    scene.fault(times, action.clone(), Asked::is_service_patch);
    let controller = scene.controller("a");
    scene.until_served().await;
    scene.assert_distinct();
    let patches = scene.server.world().requests.iter().filter(|one| one.is_service_patch()).count();
    // One each, one more for each that met the fault, and the condition about announcing.
    assert!(patches <= 40 + times + 40, "{patches} patches, {action:?}");
    controller.stop().await;
    assert!(scene.changes_of_services() <= 80, "{action:?}");
}

#[tokio::test]
async fn conflicts_are_decided_anew() {
    let scene = Scene::new().await;
    scene.add_services(names(10));
    let controller = scene.controller("a");
    scene.until_served().await;
    // Somebody else writes right before each of ours: ours is refused, and decided from the newer version.
    scene.fault(5, answer(409), Asked::is_service_patch);
    scene.add_services(["late".into()]);
    scene.until("the first try", |world| world.faults[0].times < 5).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let tries = 5 - scene.server.world().faults[0].times;
    assert!(tries <= 2, "{tries} tries from the same version");
    // The version that ours was refused for is seen.
    scene.no_more_faults();
    scene.edit(|world| {
        let late = crate::scene::key("services", "default", "late");
        let mut object = world.store.objects[&late].clone();
        object["metadata"]["labels"] = serde_json::json!({"touched": "yes"});
        world.store.put(&late, object);
    });
    scene.until_served().await;
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn answers_that_fail_or_never_come_cost_one_more_try() {
    tokio::join!(
        survives(answer(500), 6),
        survives(answer(503), 6),
        survives(answer(504), 6),
        survives(answer(429), 6),
        survives(Action::Hang, 6),
        survives(Action::TakeEffectAndHang, 6),
        survives(Action::TakeEffectAndBreak, 6),
        survives(Action::Trickle(Duration::from_millis(20)), 6),
    );
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept_by_all_writes() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["first".into()]);
    scene.until_served().await;
    // As flow control answers: plain text, and the time in a header.
    let busy = Action::Answer { code: 429, retry_after: Some(3), plain: true };
    scene.fault(1, busy, Asked::is_service_patch);
    scene.add_services(names(20));
    scene.until("the refusal", |world| world.requests.iter().any(|one| one.code == Some(429))).await;
    scene.until_served().await;
    let requests = scene.server.world().requests.clone();
    let refused = requests.iter().find(|one| one.code == Some(429)).unwrap().at;
    // What was in flight already may arrive; nothing is sent after that.
    let quiet = refused + Duration::from_secs(1)..refused + Duration::from_millis(2950);
    let broke: Vec<&Asked> =
        requests.iter().filter(|one| one.method == "PATCH" && quiet.contains(&one.at)).collect();
    assert!(broke.is_empty(), "{broke:?}");
    controller.stop().await;
}

#[tokio::test]
async fn a_refusal_for_good_is_not_repeated_and_keeps_nobody_else_waiting() {
    let scene = Scene::new().await;
    scene.fault(usize::MAX, answer(422), |asked| asked.is_service_patch() && asked.name == "web-3");
    scene.add_services(names(10));
    let controller = scene.controller("a");
    scene
        .until("all others are served", |world| {
            let served = crate::scene::services(world);
            served.iter().filter(|service| !crate::scene::address_of(service).is_null()).count() == 9
        })
        .await;
    let requests = scene.requests_of(Duration::from_secs(1)).await;
    let repeated = requests.iter().filter(|one| one.is_service_patch() && one.name == "web-3").count();
    assert!(repeated <= 1, "{repeated} times in a second");
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn an_address_promised_to_a_service_that_is_gone_serves_another() {
    let scene = Scene::new().await;
    scene.pool("192.0.2.7/32");
    // It is gone when its patch arrives, and its deletion has not been seen yet.
    scene.fault(3, answer(404), |asked| asked.is_service_patch() && asked.name == "gone");
    scene.add_services(["gone".into()]);
    let controller = scene.controller("a");
    scene.until("the patch", |world| world.faults[0].times < 3).await;
    scene.delete_service("gone");
    scene.add_services(["heir".into()]);
    scene.until_served().await;
    assert_eq!(scene.address("heir"), "192.0.2.7");
    controller.stop().await;
}

#[tokio::test]
async fn a_write_of_unknown_outcome_keeps_its_address_until_it_is_known() {
    let scene = Scene::new().await;
    scene.pool("192.0.2.7-192.0.2.8");
    let controller = scene.controller("a");
    scene.add_services(["one".into()]);
    scene.until_served().await;
    scene.fault(1, Action::TakeEffectAndHang, Asked::is_service_patch);
    scene.add_services(["two".into()]);
    scene.until("the patch", |world| world.faults[0].times == 0).await;
    // The pool is exhausted by what nobody answered for.
    scene.add_services(["three".into()]);
    tokio::time::sleep(Duration::from_millis(700)).await;
    scene.delete_service("one");
    scene.until_served().await;
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn an_api_server_that_takes_no_write_is_not_overrun() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["first".into()]);
    scene.until_served().await;
    scene.fault(usize::MAX, answer(503), |asked| asked.method == "PATCH");
    scene.add_services(names(200));
    let requests = scene.requests_of(Duration::from_secs(1)).await;
    let patches = requests.iter().filter(|one| one.method == "PATCH").count();
    assert!(patches < 60, "{patches} in a second");
    controller.until_metric("ferrolb_controller_writes_in_flight_limit", |limit| limit < 4.0).await;
    scene.no_more_faults();
    scene.until_served().await;
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn a_thousand_services_take_one_patch_each_to_their_addresses() {
    let scene = Scene::new().await;
    scene.pool("198.18.0.0/16");
    scene.add_services(names(1000));
    let started = Instant::now();
    let controller = scene.controller("a");
    scene.until_served().await;
    eprintln!("1000 Services in {:?}", started.elapsed());
    scene.assert_distinct();
    controller.until_metric("ferrolb_controller_writes_in_flight_limit", |limit| limit > 4.0).await;
    controller.stop().await;
    let world = scene.server.world();
    let lists: Vec<&Asked> =
        world.requests.iter().filter(|one| one.is_list() && one.resource == "services").collect();
    assert!(lists.len() >= 2 && lists.iter().all(|one| one.limit == Some(500)), "page by page: {lists:?}");
}

#[tokio::test]
async fn what_is_decided_event_by_event_is_audited_and_found_the_same() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(names(100));
    scene.until_served().await;
    let audits = "ferrolb_controller_audits_total";
    for number in 0..3 {
        let before = controller.metric(audits).await;
        scene.delete_service(&format!("web-{number}"));
        scene.add_services([format!("late-{number}")]);
        controller.until_metric(audits, |now| now >= before + 2.0).await;
    }
    scene.until_served().await;
    scene.assert_distinct();
    assert_eq!(controller.metric(&format!("{audits}{{outcome=\"different\"}}")).await, 0.0);
    assert_eq!(controller.metric("ferrolb_controller_fresh_starts_total").await, 0.0);
    controller.stop().await;
}
