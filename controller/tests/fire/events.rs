//! Events about Services that only the API server remembers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    scene::{Scene, key},
    server::World,
};

/// The names of the Events about foreign ingress that are there.
fn told(world: &World) -> Vec<String> {
    let events = world.store.objects.iter().filter(|(key, _)| key.0 == "events");
    let foreign = events.filter(|(_, event)| event["reason"] == "ForeignIngress");
    foreign.map(|(key, _)| key.2.clone()).collect()
}

fn refused(world: &World) -> usize {
    world.requests.iter().filter(|one| one.resource == "events" && one.code == Some(409)).count()
}

#[tokio::test]
async fn an_ingress_that_became_foreign_while_no_controller_ran_is_told_once_as_long_as_the_event_is_kept() {
    let scene = Scene::new().await;
    scene.add_services(["web".into()]);
    let controller = scene.controller("a");
    scene.until_served().await;
    controller.stop().await;
    scene.edit(|world| {
        let web = key("services", "default", "web");
        let mut object: Value = world.store.objects[&web].clone();
        object["status"]["loadBalancer"]["ingress"] = json!([{"ip": "203.0.113.9", "ipMode": "VIP"}]);
        world.store.put(&web, object);
    });

    let controller = scene.controller("b");
    scene.until("it is told", |world| told(world).len() == 1).await;
    controller.stop().await;
    assert_eq!(refused(&scene.server.world()), 0);
    let first = told(&scene.server.world());

    let controller = scene.controller("c");
    scene.until("it is told again, in vain", |world| refused(world) == 1).await;
    let done = r#"ferrolb_controller_writes_total{object="event",outcome="done"}"#;
    controller.until_metric(done, |count| count == 1.0).await;
    let requests = scene.requests_of(Duration::from_secs(1)).await;
    assert!(requests.iter().all(|one| one.resource != "events"), "{requests:?}");
    controller.stop().await;
    assert_eq!(told(&scene.server.world()), first);

    // The API server keeps Events for an hour.
    scene.edit(|world| world.store.delete(&key("events", "default", &first[0])).unwrap());
    let controller = scene.controller("d");
    scene.until("it is told anew", |world| told(world) == first).await;
    controller.stop().await;
    assert_eq!(scene.address("web"), "203.0.113.9");
}
