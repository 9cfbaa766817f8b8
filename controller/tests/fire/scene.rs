//! A server, controllers beside it, and what is asked of both.

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    thread::JoinHandle,
    time::Duration,
};

use ferrolb_controller::{Args, LeaseTiming, Timing, run_until};
use ferrolb_runtime::watch::Patience;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    fault::{Action, Asked, Fault},
    server::{Server, World},
    store::Key,
};

/// How long anything may take: for a machine at a tenth of the usual speed. It costs nothing when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// Timers short enough for a test, with a lease that outlasts it on the slowest of machines.
pub(crate) fn timing() -> Timing {
    Timing {
        request: Duration::from_secs(1),
        lease: LeaseTiming {
            duration: Duration::from_secs(15),
            renew: Duration::from_millis(200),
            request: Duration::from_secs(1),
        },
        patience: Patience {
            turn: Duration::from_secs(2),
            silence: Duration::from_millis(900),
            probe: Duration::from_millis(400),
        },
        await_definitions: Duration::from_millis(100),
        check_definitions: Duration::from_millis(300),
        audit: Duration::from_millis(300),
    }
}

/// The same with a lease short enough to see it end.
pub(crate) fn short_lease() -> Timing {
    let timing = timing();
    let lease =
        LeaseTiming { duration: Duration::from_secs(3), request: Duration::from_millis(400), ..timing.lease };
    Timing { request: Duration::from_millis(400), lease, ..timing }
}

/// A cluster of one pool, one advertisement and two nodes.
pub(crate) struct Scene {
    pub(crate) server: Server,
}

/// A controller in a thread and a runtime of its own, as in its process.
pub(crate) struct Controller {
    pub(crate) admin: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    runtime: tokio::runtime::Handle,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Scene {
    /// With the definitions that the controller needs.
    pub(crate) async fn new() -> Self {
        let scene = Self::without_definitions().await;
        scene.add_definitions();
        scene.pool("192.0.2.0/24");
        scene.edit(|world| {
            let advertisement = json!({"metadata": {"generation": 1}, "spec": {}});
            world.store.put(&key("l2advertisements", "", "all"), advertisement);
        });
        scene
    }

    pub(crate) async fn without_definitions() -> Self {
        let scene = Self { server: Server::start().await };
        scene.edit(|world| {
            // Versions as of a cluster of some age.
            world.store.version = 1000;
            for node in ["n1", "n2"] {
                let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
                world.store.put(&key("nodes", "", node), json!({"metadata": {}, "status": ready}));
            }
            world.store.put(&key("namespaces", "", "default"), json!({"metadata": {}}));
        });
        scene
    }

    pub(crate) fn add_definitions(&self) {
        self.edit(|world| {
            for definition in ferrolb_api::crds() {
                let name = definition.metadata.name.clone().unwrap();
                world.store.put(&key("customresourcedefinitions", "", &name), json!(definition));
            }
        });
    }

    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut World) -> T) -> T {
        self.server.edit(edit)
    }

    /// The one pool has these addresses from now on.
    pub(crate) fn pool(&self, addresses: &str) {
        self.edit(|world| {
            let key = key("ipaddresspools", "", "lan");
            let generation = world
                .store
                .objects
                .get(&key)
                .map_or(0, |pool| pool["metadata"]["generation"].as_i64().unwrap());
            let pool =
                json!({"metadata": {"generation": generation + 1}, "spec": {"addresses": [addresses]}});
            world.store.put(&key, pool);
        });
    }

    pub(crate) fn add_services(&self, names: impl IntoIterator<Item = String>) {
        self.edit(|world| {
            for name in names {
                let spec =
                    json!({"type": "LoadBalancer", "clusterIPs": ["10.96.0.1"], "ports": [{"port": 80}]});
                world.store.put(
                    &key("services", "default", &name),
                    json!({"metadata": {}, "spec": spec, "status": {"loadBalancer": {}}}),
                );
            }
        });
    }

    pub(crate) fn delete_service(&self, name: &str) {
        self.edit(|world| world.store.delete(&key("services", "default", name)).unwrap());
    }

    /// Lets `action` happen to the next `times` requests that match.
    pub(crate) fn fault(
        &self,
        times: usize,
        action: Action,
        matches: impl Fn(&Asked) -> bool + Send + 'static,
    ) {
        self.edit(|world| world.faults.push(Fault { times, matches: Box::new(matches), action }));
    }

    pub(crate) fn no_more_faults(&self) {
        self.edit(|world| world.faults.clear());
    }

    /// Starts a controller whose pod has this name.
    pub(crate) fn controller(&self, name: &str) -> Controller {
        self.controller_with(name, timing())
    }

    pub(crate) fn controller_with(&self, name: &str, timing: Timing) -> Controller {
        let args = Args {
            name: name.into(),
            admin_address: free_address(),
            ..<Args as clap::Parser>::parse_from(["ferrolb-controller"])
        };
        let admin = args.admin_address;
        let uri = format!("http://{}", self.server.address).parse().unwrap();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let thread = std::thread::spawn(move || {
            let stop = async {
                // Dropped or sent: either way it is to end.
                let _ = stopped.await;
            };
            runtime.block_on(run_until(args, kube::Config::new(uri), timing, stop))
        });
        Controller { admin, stop: Some(stop), runtime: handle, thread: Some(thread) }
    }

    /// Waits until something is so, and fails with what it is instead.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&World) -> bool) {
        let ends = Instant::now() + PATIENCE;
        while !is(&self.server.world()) {
            assert!(Instant::now() < ends, "not within {PATIENCE:?}: {what}\n{}", self.tell());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until every Service has an address.
    pub(crate) async fn until_served(&self) {
        self.until("every Service has an address", |world| {
            services(world).iter().all(|service| !address_of(service).is_null())
        })
        .await;
    }

    /// Lets some time pass and returns the requests that came meanwhile.
    pub(crate) async fn requests_of(&self, time: Duration) -> Vec<Asked> {
        let before = self.server.world().requests.len();
        tokio::time::sleep(time).await;
        self.server.world().requests[before..].to_vec()
    }

    pub(crate) fn address(&self, name: &str) -> String {
        let world = self.server.world();
        let service = &world.store.objects[&key("services", "default", name)];
        address_of(service).as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn addresses(&self) -> Vec<(String, String)> {
        let world = self.server.world();
        let named = |service: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&service["metadata"]["name"]), text(address_of(service)))
        };
        services(&world).into_iter().map(named).collect()
    }

    /// Patches of Services' statuses that took effect.
    pub(crate) fn changes_of_services(&self) -> usize {
        let world = self.server.world();
        world.store.log.iter().filter(|change| change.key.0 == "services" && is_status_change(change)).count()
    }

    /// Every address is given once, and was at every time.
    pub(crate) fn assert_distinct(&self) {
        let breaches = self.server.world().breaches.clone();
        assert!(breaches.is_empty(), "{breaches:#?}");
        let mut addresses: Vec<String> = self.addresses().into_iter().map(|(_, address)| address).collect();
        let all = addresses.len();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), all, "{:?}", self.addresses());
    }

    fn tell(&self) -> String {
        let world = self.server.world();
        let last = world.requests.iter().rev().take(30).rev();
        let lines = last.map(|one| {
            format!("{} {}/{} watch={} -> {:?}", one.method, one.resource, one.name, one.watch, one.code)
        });
        let services: Vec<String> =
            services(&world).into_iter().map(|service| service["status"].to_string()).take(5).collect();
        format!("{}\n{}", lines.collect::<Vec<_>>().join("\n"), services.join("\n"))
    }
}

impl Controller {
    /// What `/readyz` says: `Ok`, or what it waits for.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        let (code, text) = self.get("/readyz").await;
        if code == 200 { Ok(()) } else { Err(text) }
    }

    /// Waits until `/readyz` is as it should be.
    pub(crate) async fn until_ready(&self) {
        self.until("it is ready", || async { self.ready().await.is_ok() }).await;
    }

    /// Waits until `/readyz` names all of `names`.
    pub(crate) async fn until_awaits(&self, names: &[&str]) {
        let is = |text: String| names.iter().all(|name| text.contains(name));
        self.until(&names.join(", "), || async { self.ready().await.is_err_and(is) }).await;
    }

    /// Waits until a metric is as it should be.
    pub(crate) async fn until_metric(&self, name: &str, is: impl Fn(f64) -> bool) {
        self.until(name, || async { is(self.metric(name).await) }).await;
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, is: impl Fn() -> F) {
        let ends = Instant::now() + PATIENCE;
        while !is().await {
            assert!(Instant::now() < ends, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A metric's value, summed over its labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics").await;
        let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        text.lines().filter(is_it).filter_map(value).sum()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        for _ in 0..200 {
            let (admin, request) = (self.admin, request.clone());
            let answer = tokio::task::spawn_blocking(move || exchange(admin, &request)).await.unwrap();
            if let Ok(answer) = answer {
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                return (head[9..12].parse().unwrap(), body.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} does not listen", self.admin);
    }

    /// Stops all of its threads from doing anything for a time, as a stopped process does nothing.
    pub(crate) fn freeze(&self, time: Duration) {
        self.runtime.spawn(async move { std::thread::sleep(time) });
    }

    /// Asks it to end, as SIGTERM does, and waits for that.
    pub(crate) async fn stop(mut self) {
        // Whatever went wrong around it, what it decided is what it would decide anew.
        assert_eq!(self.metric("ferrolb_controller_audits_total{outcome=\"different\"}").await, 0.0);
        drop(self.stop.take());
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join().unwrap().unwrap()).await.unwrap();
    }

    /// Whether it runs still.
    pub(crate) fn runs(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

pub(crate) fn key(resource: &str, namespace: &str, name: &str) -> Key {
    (resource.to_owned(), namespace.to_owned(), name.to_owned())
}

/// Every Service.
pub(crate) fn services(world: &World) -> Vec<&Value> {
    world.store.objects.iter().filter(|(key, _)| key.0 == "services").map(|(_, service)| service).collect()
}

/// A Service's first address, or null.
pub(crate) fn address_of(service: &Value) -> &Value {
    &service["status"]["loadBalancer"]["ingress"][0]["ip"]
}

fn is_status_change(change: &crate::store::Change) -> bool {
    let status = |object: &Option<Value>| object.as_ref().map(|object| object["status"].clone());
    change.before.is_some() && change.after.is_some() && status(&change.before) != status(&change.after)
}

fn exchange(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
