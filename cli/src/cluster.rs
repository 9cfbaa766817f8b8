//! What the API server has.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anyhow::{Result, bail};
use ferrolb_api::{AnnouncementSlice, IPAddressPool, SpeakerState};
use ferrolb_config::Class;
use ferrolb_explain::DefaultClass;
use ferrolb_ipam::Snapshot;
use ferrolb_model::{Node, PoolName};
use ferrolb_runtime::kinds;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

use crate::{
    args::{FERROLB_NAMESPACE, Global},
    connect::connect,
    names::suggestion,
    read::{Pod, PodSpec, ReadError, Reader},
};

/// What the API server has of everything that addresses hang on.
pub(crate) struct Cluster {
    pub(crate) namespace: String,
    pub(crate) reader: Reader,
    pub(crate) kubernetes: String,
    pub(crate) now: Timestamp,
    /// Those of type LoadBalancer.
    pub(crate) services: Vec<kinds::Service>,
    pub(crate) pools: Vec<IPAddressPool>,
    pub(crate) namespaces: Vec<kinds::Namespace>,
    pub(crate) nodes: Vec<kinds::Node>,
    pub(crate) slices: Result<Vec<AnnouncementSlice>, ReadError>,
    pub(crate) speakers: Result<Vec<SpeakerState>, ReadError>,
    pub(crate) lease: Result<Option<Lease>, ReadError>,
    pub(crate) pods: Result<Vec<Pod>, ReadError>,
}

impl Cluster {
    /// Reads all of it, the kinds side by side.
    pub(crate) async fn read(global: &Global) -> Result<Self> {
        let (reader, namespace) = reader(global).await?;
        // The first answer shows whether there is a cluster that knows us; without one nothing else need be tried.
        let (kubernetes, now) = match reader.version().await {
            Ok(answer) => answer,
            Err(error) if error.is_fatal() => return Err(error.into()),
            Err(_) => (String::new(), Timestamp::now()),
        };
        let own = &global.ferrolb_namespace;
        let (services, pools, namespaces, nodes, slices, speakers, lease, pods) = futures::join!(
            reader.all(Some("spec.type=LoadBalancer")),
            reader.all(None),
            reader.all(None),
            reader.all(None),
            reader.all(None),
            reader.all(None),
            reader.lease(own),
            reader.within(own, Some("app.kubernetes.io/name=ferrolb")),
        );
        let (services, pools, namespaces) = (services?, pools?, namespaces?);
        exist(global, &namespaces)?;
        Ok(Self {
            namespace,
            kubernetes,
            now,
            services,
            pools,
            namespaces,
            nodes: nodes?,
            slices,
            speakers,
            lease,
            pods,
            reader,
        })
    }

    /// Whether Services without a class are served, as the controller's pods were told.
    pub(crate) fn default_class(&self) -> DefaultClass {
        let controllers = self.pods_of("controller");
        match controllers.into_iter().find_map(|pod| default_class_flag(&pod.spec)) {
            Some(true) => DefaultClass::Served,
            Some(false) => DefaultClass::NotServed,
            None if self.pods_of("controller").is_empty() => DefaultClass::Assumed,
            None => DefaultClass::Served,
        }
    }

    /// FerroLB's pods that run this program.
    pub(crate) fn pods_of(&self, component: &str) -> Vec<&Pod> {
        let pods = self.pods.iter().flatten();
        pods.filter(|pod| pod.component() == Some(component)).collect()
    }

    /// Whether FerroLB serves the Service.
    pub(crate) fn is_served(&self, service: &kinds::Service) -> bool {
        let default = self.default_class() != DefaultClass::NotServed;
        ferrolb_config::class(service, default) == Class::Ours
    }

    /// The Services of type LoadBalancer that this name means, as `namespace/name`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn service_ids(&self, name: &str, all_namespaces: bool) -> Result<Vec<String>> {
        let here = || {
            let metadata = self.services.iter().map(|object| &object.metadata);
            metadata.filter(|one| all_namespaces || one.namespace.as_deref() == Some(&self.namespace))
        };
        let named = here().filter(|one| one.name.as_deref() == Some(name));
        let ids: Vec<String> =
            named.map(|one| format!("{}/{name}", one.namespace.as_deref().unwrap_or_default())).collect();
        if !ids.is_empty() {
            return Ok(ids);
        }
        let near = suggestion(name, here().filter_map(|one| one.name.as_deref()));
        match all_namespaces {
            true => bail!("no namespace has a Service {name} of type LoadBalancer{near}"),
            false => {
                bail!("namespace {} has no Service {name} of type LoadBalancer{near}", self.namespace)
            }
        }
    }

    /// Everything that addresses are decided from, and the pools that cannot be read.
    pub(crate) fn snapshot(&self) -> (Snapshot, BTreeMap<PoolName, String>) {
        let default = self.default_class() != DefaultClass::NotServed;
        let mut snapshot = Snapshot {
            namespaces: self
                .namespaces
                .iter()
                .map(|one| {
                    let metadata = &one.metadata;
                    (metadata.name.clone().unwrap_or_default(), metadata.labels.as_ref().into())
                })
                .collect(),
            node_addresses: self.node_addresses(),
            ..Snapshot::default()
        };
        let mut invalid = BTreeMap::new();
        for object in &self.pools {
            match ferrolb_config::pool(object) {
                Ok(pool) => snapshot.pools.push(pool),
                Err(error) => {
                    let name: PoolName = object.metadata.name.as_deref().unwrap_or_default().into();
                    snapshot.invalid_pools.insert(name.clone());
                    invalid.insert(name, error.to_string());
                }
            }
        }
        for object in &self.services {
            let service = ferrolb_config::service(object);
            match ferrolb_config::class(object, default) {
                Class::Ours => snapshot.services.push(service),
                Class::NotOurs => {
                    let addresses = service.ingress.addresses();
                    if !addresses.is_empty() {
                        snapshot.bystanders.insert(service.id, addresses);
                    }
                }
            }
        }
        (snapshot, invalid)
    }

    /// The nodes, with what their speakers report of them, as far as that could be read.
    pub(crate) fn known_nodes(&self) -> impl Iterator<Item = Node> {
        known_nodes(&self.nodes, self.speakers.as_deref().unwrap_or_default())
    }

    fn node_addresses(&self) -> BTreeSet<IpAddr> {
        self.known_nodes().flat_map(|node| node.own_addresses().collect::<Vec<_>>()).collect()
    }
}

fn known_nodes(nodes: &[kinds::Node], speakers: &[SpeakerState]) -> impl Iterator<Item = Node> {
    let reported: BTreeMap<&str, &SpeakerState> =
        speakers.iter().map(|state| (state.metadata.name.as_deref().unwrap_or_default(), state)).collect();
    nodes.iter().map(move |object| {
        let mut node = ferrolb_config::node(object);
        node.interfaces =
            reported.get(node.name.as_str()).and_then(|state| ferrolb_config::interfaces(state));
        node
    })
}

/// Whether the namespaces that were named are there: a misspelt one would look like one without Services, or without FerroLB.
/// The default of FerroLB's own was named by nobody.
///
/// # Errors
/// One of them is not.
pub(crate) fn exist(global: &Global, namespaces: &[kinds::Namespace]) -> Result<()> {
    let names = || namespaces.iter().filter_map(|one| one.metadata.name.as_deref());
    let own = Some(global.ferrolb_namespace.as_str()).filter(|own| *own != FERROLB_NAMESPACE);
    match global.namespace.as_deref().into_iter().chain(own).find(|asked| names().all(|name| name != *asked))
    {
        None => Ok(()),
        Some(asked) => bail!("there is no namespace {asked}{}", suggestion(asked, names())),
    }
}

/// A reader of the cluster that the options name, and the namespace that counts when none is named.
pub(crate) async fn reader(global: &Global) -> Result<(Reader, String)> {
    let (client, server, namespace) = connect(global).await?;
    Ok((Reader::new(client, server, global.request_timeout.0), namespace))
}

/// What a controller was told by `--default-class` or FERROLB_DEFAULT_CLASS; `None`: nothing.
fn default_class_flag(spec: &PodSpec) -> Option<bool> {
    spec.containers.iter().find_map(|container| {
        let words: Vec<&String> = container.command.iter().chain(&container.args).collect();
        let by_flag = words.iter().enumerate().find_map(|(at, word)| {
            let value = match word.strip_prefix("--default-class")? {
                "" => words.get(at + 1)?.as_str(),
                rest => rest.strip_prefix('=')?,
            };
            value.parse().ok()
        });
        let by_variable = || {
            let variable = container.env.iter().find(|one| one.name == "FERROLB_DEFAULT_CLASS")?;
            variable.value.as_deref()?.parse().ok()
        };
        by_flag.or_else(by_variable)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn a_namespace_that_is_misspelt_is_told() {
        let namespaces = ["web", "shop", "lb"]
            .map(|name| serde_saphyr::from_str(&format!("metadata: {{name: {name}}}")).unwrap());
        let told = |options: &[&str]| {
            let line = ["kubectl-ferrolb", "status"].iter().chain(options);
            exist(&Cli::try_parse_from(line).unwrap().global, &namespaces).map_err(|error| error.to_string())
        };
        assert_eq!(told(&[]), Ok(()), "where FerroLB is not installed, nobody misspelt its namespace");
        assert_eq!(told(&["-n", "shop", "--ferrolb-namespace", "lb"]), Ok(()));
        let misspelt = Err("there is no namespace shpo; did you mean shop?".to_owned());
        assert_eq!(told(&["-n", "shpo"]), misspelt);
        assert_eq!(told(&["--ferrolb-namespace", "shpo"]), misspelt);
        assert_eq!(told(&["-n", "shop", "--ferrolb-namespace", "shpo"]), misspelt);
    }

    #[test]
    fn nodes_are_known_with_what_their_speakers_report() {
        let node = |name: &str| {
            let yaml = format!(
                "{{metadata: {{name: {name}}}, status: {{addresses: [{{type: InternalIP, address: 192.0.2.10}}]}}}}"
            );
            serde_saphyr::from_str(&yaml).unwrap()
        };
        let report = "apiVersion: ferrolb.io/v1beta1\nkind: SpeakerState\nmetadata: {name: n1}\nspec: {}\nstatus: \
                      {interfaces: [{name: eth1, addresses: [198.51.100.1/24], carrier: true}]}";
        let speakers: Vec<SpeakerState> = vec![serde_saphyr::from_str(report).unwrap()];
        let own = |node: &Node| node.own_addresses().map(|one| one.to_string()).collect::<Vec<_>>();
        let nodes = [node("n1"), node("n2")];
        let known: Vec<Node> = known_nodes(&nodes, &speakers).collect();
        assert_eq!(own(&known[0]), ["192.0.2.10", "198.51.100.1"]);
        assert_eq!(own(&known[1]), ["192.0.2.10"]);
    }

    #[test]
    fn the_flag_counts_before_the_variable() {
        let told = |yaml: &str| default_class_flag(&serde_saphyr::from_str::<PodSpec>(yaml).unwrap());
        assert_eq!(told("containers: [{args: ['--name', a]}]"), None);
        assert_eq!(told("containers: [{env: [{name: FERROLB_DEFAULT_CLASS, value: 'false'}]}]"), Some(false));
        let both = "containers: [{args: ['--default-class=true'], env: [{name: FERROLB_DEFAULT_CLASS, value: 'false'}]}]";
        assert_eq!(told(both), Some(true));
        assert_eq!(told("containers: [{args: ['--default-class', 'false']}]"), Some(false));
    }
}
