//! CustomResourceDefinitions that are missing, older, or may not be read.

use std::time::Duration;

use serde_json::json;

use crate::{
    fault::Action,
    scene::{Scene, key},
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
