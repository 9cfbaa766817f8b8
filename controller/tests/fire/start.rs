//! CustomResourceDefinitions that are missing, older, deleted, or may not be read.

use std::time::Duration;

use serde_json::json;

use crate::{
    fault::Action,
    scene::{Scene, key},
    server::World,
};

#[tokio::test]
async fn missing_definitions_are_named_and_waited_for() {
    let scene = Scene::without_definitions().await;
    scene.add_services(["web".into()]);
    let controller = scene.controller("a");
    let requests = scene.requests_of(Duration::from_secs(1)).await;
    assert!(requests.len() <= 8 * 12, "{} requests in a second, for eight definitions", requests.len());
    assert!(requests.iter().all(|one| one.resource == "customresourcedefinitions"), "{requests:?}");
    let names: Vec<String> =
        ferrolb_api::crds().into_iter().filter_map(|definition| definition.metadata.name).collect();
    let named: Vec<&str> = names.iter().map(String::as_str).chain(["kubectl apply"]).collect();
    controller.until_awaits(&named).await;

    scene.add_definitions();
    scene.pool("192.0.2.0/24");
    scene.until_served().await;
    controller.until_ready().await;
    controller.stop().await;
}

#[tokio::test]
async fn a_controller_beside_older_definitions_does_not_lead_and_says_which() {
    let scene = Scene::new().await;
    let definition = key("customresourcedefinitions", "", "ipaddresspools.ferrolb.io");
    scene.edit(|world| {
        let mut older = world.store.objects[&definition].clone();
        let schema = &mut older["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schema["properties"]["spec"]["properties"].as_object_mut().unwrap().remove("drain").unwrap();
        world.store.put(&definition, older);
    });
    let controller = scene.controller("a");
    let requests = scene.requests_of(Duration::from_millis(700)).await;
    assert!(requests.iter().all(|one| one.resource != "leases"), "{requests:?}");
    controller.until_awaits(&["ipaddresspools.ferrolb.io (lacks spec.drain)"]).await;
    controller.until_metric("ferrolb_controller_outdated_definitions", |count| count > 0.0).await;

    scene.add_definitions();
    scene.add_services(["web".into()]);
    scene.until_served().await;
    controller.stop().await;
}

#[tokio::test]
async fn definitions_that_become_older_are_noticed_while_leading() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["web".into()]);
    scene.until_served().await;
    let definition = key("customresourcedefinitions", "", "speakerstates.ferrolb.io");
    scene.edit(|world| {
        let mut older = world.store.objects[&definition].clone();
        older["spec"]["versions"][0]["served"] = json!(false);
        world.store.put(&definition, older);
    });
    controller.until_metric("ferrolb_controller_outdated_definitions", |count| count > 0.0).await;
    scene.add_services(["more".into()]);
    scene.until_served().await;
    controller.stop().await;
}

#[tokio::test]
async fn a_kind_that_is_deleted_takes_no_address_with_it() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services((0..5).map(|number| format!("web-{number}")));
    scene.until_served().await;
    let before = scene.addresses();
    let says = |world: &World, name: &str, reason: &str| {
        let conditions = &world.store.objects[&key("services", "default", name)]["status"]["conditions"];
        let mut conditions = conditions.as_array().into_iter().flatten();
        conditions.any(|one| one["type"] == "ferrolb.io/IPAllocated" && one["reason"] == reason)
    };
    // As the API server does it: the objects go, then the kind, and with it every watch.
    scene.edit(|world| world.store.delete(&key("ipaddresspools", "", "lan")).unwrap());
    scene
        .until("each is told", |world| {
            (0..5).all(|number| says(world, &format!("web-{number}"), "PoolMissing"))
        })
        .await;
    scene.edit(|world| {
        world.store.delete(&key("customresourcedefinitions", "", "ipaddresspools.ferrolb.io")).unwrap();
        world.restarts += 1;
    });
    scene.add_services(["late".into()]);
    scene.until("why it waits", |world| says(world, "late", "NoPool")).await;
    let requests = scene.requests_of(Duration::from_secs(2)).await;
    let asked = requests.iter().filter(|one| one.resource == "ipaddresspools").count();
    assert!(asked < 40, "{asked} requests in two seconds for a kind that is not there");
    let held =
        |scene: &Scene| scene.addresses().into_iter().filter(|(name, _)| name != "late").collect::<Vec<_>>();
    assert_eq!(held(&scene), before);
    assert_eq!(scene.address("late"), "");

    // Who comes next does not lead beside a kind that is missing, and takes nothing away either.
    controller.stop().await;
    let next = scene.controller("b");
    next.until_awaits(&["ipaddresspools.ferrolb.io"]).await;
    scene.add_services(["later".into()]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    scene.add_definitions();
    scene.pool("192.0.2.0/24");
    scene.until_served().await;
    let after = scene.addresses();
    assert!(before.iter().all(|one| after.contains(one)), "{before:?} became {after:?}");
    scene.assert_distinct();
    next.stop().await;
}

#[tokio::test]
async fn a_kind_that_comes_back_is_served_by_who_saw_it_go() {
    let scene = Scene::new().await;
    let controller = scene.controller("a");
    scene.add_services(["web".into()]);
    scene.until_served().await;
    let before = scene.address("web");
    // It may all go before anybody hears of it: what was known last counts until the kind is back.
    scene.edit(|world| {
        world.store.delete(&key("ipaddresspools", "", "lan")).unwrap();
        world.store.delete(&key("customresourcedefinitions", "", "ipaddresspools.ferrolb.io")).unwrap();
        world.restarts += 1;
    });
    scene.add_services(["late".into()]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(scene.address("web"), before);
    scene.add_definitions();
    scene.pool("192.0.2.0/24");
    scene.until_served().await;
    assert_eq!(scene.address("web"), before);
    scene.assert_distinct();
    controller.stop().await;
}

#[tokio::test]
async fn a_controller_that_may_not_read_definitions_works() {
    let scene = Scene::new().await;
    let forbidden = Action::Answer { code: 403, retry_after: None, plain: false };
    scene.fault(usize::MAX, forbidden, |asked| asked.resource == "customresourcedefinitions");
    scene.add_services(["web".into()]);
    let controller = scene.controller("a");
    scene.until_served().await;
    controller.stop().await;
}

#[tokio::test]
async fn an_api_server_that_fails_at_the_start_is_asked_calmly_until_it_works() {
    let scene = Scene::new().await;
    scene.add_services(["web".into()]);
    let broken = Action::Answer { code: 500, retry_after: None, plain: false };
    scene.fault(usize::MAX, broken, |_| true);
    let controller = scene.controller("a");
    let requests = scene.requests_of(Duration::from_secs(1)).await;
    assert!(requests.len() < 30, "{} requests in a second", requests.len());
    scene.until("it asks again and again", |world| world.requests.len() > 3).await;
    scene.no_more_faults();
    scene.until_served().await;
    controller.stop().await;
}
