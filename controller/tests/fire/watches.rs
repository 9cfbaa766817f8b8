//! Watches that end, break, fall silent or tell the same twice; lists that are too old; a storage set back.

use std::time::Duration;

use crate::{
    fault::{Action, Asked},
    scene::{Scene, key},
};

fn is_service_watch(asked: &Asked) -> bool {
    asked.watch && asked.resource == "services"
}

/// Whatever happens to the first watches of Services, one that is made then gets its address.
async fn survives(action: Action) {
    let scene = Scene::new().await;
    scene.add_services(["before".into()]);
    scene.fault(3, action.clone(), is_service_watch);
    let controller = scene.controller("a");
    scene.until_served().await;
    scene.add_services(["after".into()]);
    scene.until_served().await;
    scene.assert_distinct();
    let requests = scene.requests_of(Duration::from_millis(500)).await;
    let watches = requests.iter().filter(|one| is_service_watch(one)).count();
    assert!(watches <= 3, "{watches} watches in half a second, {action:?}");
    assert_eq!(controller.metric("ferrolb_controller_fresh_starts_total").await, 0.0, "{action:?}");
    controller.stop().await;
}

#[tokio::test]
async fn watches_that_end_break_fall_silent_or_stutter_are_survived() {
    tokio::join!(
        survives(Action::End),
        survives(Action::BreakLine),
        survives(Action::Silence),
        survives(Action::Stutter),
        survives(Action::Hang),
        survives(Action::Answer { code: 500, retry_after: None, plain: false }),
        survives(Action::Answer { code: 429, retry_after: Some(1), plain: true }),
    );
}

#[tokio::test]
async fn what_is_told_again_after_an_edit_or_a_deletion_takes_nothing_back() {
    let scene = Scene::new().await;
    scene.pool("192.0.2.1/32");
    let controller = scene.controller("a");
    controller.until_ready().await;
    // Every change is sent twice from now on, and followed by the one before it.
    scene.fault(usize::MAX, Action::Stutter, |asked| asked.watch);
    scene.edit(|world| world.restarts += 1);
    scene.add_services(["gone".into()]);
    scene.until_served().await;
    assert_eq!(scene.address("gone"), "192.0.2.1");
    // In one breath, so that one watch sees both, and the edit after the deletion.
    scene.edit(|world| {
        let gone = key("services", "default", "gone");
        let mut edited = world.store.objects[&gone].clone();
        edited["metadata"]["labels"] = serde_json::json!({"edited": "once"});
        world.store.put(&gone, edited);
        world.store.delete(&gone).unwrap();
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The watches of now have nothing to repeat yet.
    scene.edit(|world| world.restarts += 1);
    scene.add_services(["heir".into()]);
    scene.until_served().await;
    assert_eq!(scene.address("heir"), "192.0.2.1", "who is gone has nothing");

    scene.pool("192.0.2.1-192.0.2.2");
    scene.pool("192.0.2.1-192.0.2.4");
    scene.add_services(["second".into(), "third".into(), "fourth".into()]);
    scene.until_served().await;
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn a_watch_that_ends_at_once_again_and_again_is_no_hot_loop() {
    let scene = Scene::new().await;
    scene.fault(usize::MAX, Action::End, is_service_watch);
    let controller = scene.controller("a");
    scene.until("the watch", |world| world.requests.iter().any(is_service_watch)).await;
    let requests = scene.requests_of(Duration::from_secs(2)).await;
    let watches = requests.iter().filter(|one| is_service_watch(one)).count();
    assert!(watches < 15, "{watches} watches in two seconds");
    controller.stop().await;
}

#[tokio::test]
async fn watches_end_in_time_without_a_new_list() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["web".into()]);
    scene.until_served().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let requests = scene.requests_of(Duration::from_millis(3500)).await;
    assert!(requests.iter().any(is_service_watch));
    assert!(!requests.iter().any(Asked::is_list), "{requests:?}");
    assert!(!requests.iter().any(|one| one.method == "PATCH"), "{requests:?}");
    controller.stop().await;
}

fn too_old() -> Action {
    Action::Answer { code: 410, retry_after: None, plain: false }
}

#[tokio::test]
async fn a_watch_refused_as_too_old_is_followed_by_a_new_list() {
    let scene = Scene::new().await;
    scene.fault(2, too_old(), is_service_watch);
    scene.add_services(["web".into()]);
    let controller = scene.controller("a");
    scene.until_served().await;
    controller.until_metric("ferrolb_controller_fresh_starts_total", |starts| starts >= 2.0).await;
    scene.add_services(["after".into()]);
    scene.until_served().await;
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn a_watch_that_is_always_too_old_is_no_hot_loop() {
    let scene = Scene::new().await;
    scene.fault(usize::MAX, too_old(), is_service_watch);
    let controller = scene.controller("a");
    controller.until_metric("ferrolb_controller_fresh_starts_total", |starts| starts >= 5.0).await;
    let requests = scene.requests_of(Duration::from_secs(3)).await;
    let watches = requests.iter().filter(|one| is_service_watch(one)).count();
    assert!((1..=6).contains(&watches), "{watches} watches in three seconds");
    scene.no_more_faults();
    scene.add_services(["web".into()]);
    scene.until_served().await;
    controller.stop().await;
}

#[tokio::test]
async fn a_list_that_grows_too_old_between_its_pages_is_read_in_one_piece() {
    let scene = Scene::new().await;
    scene.pool("198.18.0.0/16");
    scene.add_services((0..700).map(|number| format!("web-{number}")));
    let lists_services = |asked: &Asked| asked.is_list() && asked.resource == "services";
    scene.fault(1, too_old(), move |asked| lists_services(asked) && asked.continued);
    let controller = scene.controller("a");
    scene.until_served().await;
    scene.assert_distinct();
    let lists: Vec<Asked> =
        scene.server.world().requests.iter().filter(|one| lists_services(one)).cloned().collect();
    let refused = lists.iter().position(|one| one.code == Some(410)).expect("a page was refused");
    assert_eq!(lists[refused + 1].limit, None, "{lists:?}");
    controller.stop().await;
}

#[tokio::test]
async fn what_vanished_while_nobody_watched_is_given_to_others() {
    let scene = Scene::new().await;
    scene.pool("192.0.2.7/32");
    scene.add_services(["web".into()]);
    let controller = scene.controller("a");
    scene.until_served().await;
    // The watch breaks, and what happens before the next is forgotten.
    scene.edit(|world| {
        world.store.delete(&key("services", "default", "web")).unwrap();
        world.store.compacted = world.store.version + 1;
        world.store.version += 1;
        world.store.log.clear();
        world.restarts += 1;
    });
    scene.add_services(["heir".into()]);
    scene.until_served().await;
    assert_eq!(scene.address("heir"), "192.0.2.7");
    assert!(controller.metric("ferrolb_controller_fresh_starts_total").await > 0.0);
    assert!(controller.runs());
    controller.stop().await;
}

/// The storage as it was after `old` was served and before `new` was.
async fn set_back(bump: u64) {
    let scene = Scene::new().await;
    scene.add_services(["old-1".into(), "old-2".into()]);
    let controller = scene.controller("a");
    scene.until_served().await;
    let kept = scene.addresses();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let snapshot = scene.server.world().store.clone();

    scene.delete_service("old-1");
    scene.add_services((0..5).map(|number| format!("new-{number}")));
    scene.until_served().await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    // All that was done since is undone. API servers are restarted, as etcd's manual asks.
    scene.edit(|world| {
        let lease = key("leases", "ferrolb-system", "ferrolb-controller");
        world.store = snapshot;
        world.store.version += bump;
        if bump > 0 {
            world.store.compacted = world.store.version;
        }
        // The lease of then was not renewed since.
        assert!(world.store.objects.contains_key(&lease));
        world.restarts += 1;
    });
    scene.add_services(["newest".into()]);
    scene.until_served().await;
    scene.assert_distinct();
    for (name, address) in &kept {
        assert_eq!(scene.address(name), *address, "nobody moves");
    }
    let before = scene.changes_of_services();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.changes_of_services(), before, "then all is quiet");
    assert!(controller.runs());
    controller.stop().await;
}

#[tokio::test]
async fn a_storage_set_back_is_noticed() {
    set_back(0).await;
}

#[tokio::test]
async fn a_storage_set_back_with_its_versions_raised_is_noticed() {
    set_back(1_000_000).await;
}

#[tokio::test]
async fn a_storage_set_back_under_open_watches_is_noticed() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["first".into()]);
    scene.until_served().await;
    let snapshot = scene.server.world().store.clone();
    scene.add_services(["web".into()]);
    scene.until_served().await;
    // Nothing breaks, and on watches of the old future nothing ever comes. Versions are past theirs before anybody asks.
    scene.fault(usize::MAX, Action::Silence, |asked| asked.watch);
    scene.edit(|world| world.restarts += 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    scene.edit(|world| world.store = snapshot);
    scene.no_more_faults();
    scene.add_services(["other".into()]);
    scene.until_served().await;
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn a_restart_of_the_api_server_moves_and_writes_nothing() {
    let scene = Scene::new().await;
    scene.add_services((0..20).map(|number| format!("web-{number}")));
    let controller = scene.controller("a");
    scene.until_served().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, writes) = (scene.addresses(), scene.changes_of_services());
    scene.edit(|world| world.restarts += 1);
    let broken = Action::Answer { code: 503, retry_after: None, plain: true };
    scene.fault(30, broken, |asked| asked.watch);
    scene.add_services(["late".into()]);
    scene.until_served().await;
    let after: Vec<_> = scene.addresses().into_iter().filter(|(name, _)| name != "late").collect();
    assert_eq!(after, before);
    assert!(scene.changes_of_services() <= writes + 2);
    controller.stop().await;
}
