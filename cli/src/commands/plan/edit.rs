//! What a cluster would be after manifests are applied and pools deleted.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use ferrolb_api::IPAddressPool;
use ferrolb_config::Class;
use ferrolb_explain::DefaultClass;
use ferrolb_ipam::Snapshot;
use ferrolb_model::ServiceId;
use ferrolb_runtime::kinds;

use crate::{
    cluster::Cluster,
    manifest::Object,
    names::{Kind, suggestion},
};

/// An edit under way.
pub(super) struct Edit<'a> {
    cluster: &'a Cluster,
    after: Snapshot,
    notes: Vec<String>,
    created: i64,
}

impl<'a> Edit<'a> {
    pub(super) fn new(cluster: &'a Cluster, before: Snapshot) -> Self {
        let youngest = before.pools.iter().map(|pool| pool.created).max().unwrap_or_default();
        Self { cluster, after: before, notes: Vec::new(), created: youngest.max(cluster.now.as_second()) }
    }

    /// Applies one object.
    pub(super) fn apply(&mut self, object: &Object) -> Result<()> {
        match (object.is_ours(), object.kind()) {
            (true, "IPAddressPool") => self.apply_pool(object),
            (false, "Service") => self.apply_service(object),
            (false, "Namespace") => self.apply_namespace(object),
            _ => {
                let (file, line, _) = object.place("kind");
                self.notes.push(format!(
                    "{file}:{line}: {} {} touches no address",
                    object.kind(),
                    object.name()
                ));
                Ok(())
            }
        }
    }

    /// Deletes a pool, named `pool/NAME` or `NAME`.
    pub(super) fn delete(&mut self, named: &str) -> Result<()> {
        let name = Kind::Pool.name(named)?;
        let before = self.after.pools.len();
        self.after.pools.retain(|pool| pool.name.as_str() != name);
        if self.after.pools.len() == before {
            let known = self.after.pools.iter().map(|pool| pool.name.as_str());
            bail!("there is no IPAddressPool {name} to delete{}", suggestion(name, known));
        }
        Ok(())
    }

    /// The cluster after the edit, and what of it counts for nothing.
    pub(super) fn finish(self) -> (Snapshot, Vec<String>) {
        (self.after, self.notes)
    }

    /// Pools are tried in the order in which they are applied, so an edited one goes behind all others.
    fn apply_pool(&mut self, object: &Object) -> Result<()> {
        let parsed: IPAddressPool = read(object)?;
        let mut pool = ferrolb_config::pool(&parsed).map_err(|error| {
            let (file, line, column) = object.place(&error.field);
            anyhow!("{file}:{line}:{column}: {error}")
        })?;
        let there = self.after.pools.iter().position(|other| other.name == pool.name);
        pool.created = match there {
            Some(there) => self.after.pools.remove(there).created,
            None => {
                self.created += 1;
                self.created
            }
        };
        self.after.pools.push(pool);
        Ok(())
    }

    fn apply_namespace(&mut self, object: &Object) -> Result<()> {
        let namespace: kinds::Namespace = read(object)?;
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let known = self.after.namespaces.entry(object.name().to_owned()).or_default();
        let mut labels: BTreeMap<_, _> = known.iter().map(own).collect();
        labels.extend(namespace.metadata.labels.unwrap_or_default());
        // The API server sets this one on every namespace.
        labels.insert("kubernetes.io/metadata.name".into(), object.name().into());
        *known = (&labels).into();
        Ok(())
    }

    fn apply_service(&mut self, object: &Object) -> Result<()> {
        let mut new: kinds::Service = read(object)?;
        let namespace = object.metadata("namespace").unwrap_or(&self.cluster.namespace).to_owned();
        new.metadata.namespace = Some(namespace);
        let id = ferrolb_config::service_id(&new);
        let there = self.cluster.services.iter().find(|other| ferrolb_config::service_id(other) == id);
        new.metadata.uid = there.map_or_else(|| Some("planned".into()), |there| there.metadata.uid.clone());
        new.metadata.creation_timestamp = there.and_then(|there| there.metadata.creation_timestamp.clone());
        new.status = there.map(|there| there.status.clone()).unwrap_or_default();
        self.settle_families(&mut new, there);
        let mut service = ferrolb_config::service(&new);
        if there.is_none() {
            service.created = self.cluster.now.as_second();
        }
        let default = self.cluster.default_class() != DefaultClass::NotServed;
        let class = ferrolb_config::class(&new, default);
        self.put(id, service, class);
        Ok(())
    }

    fn put(&mut self, id: ServiceId, service: ferrolb_model::Service, class: Class) {
        let addresses = service.ingress.addresses();
        self.after.services.retain(|other| other.id != id);
        self.after.bystanders.remove(&id);
        match class {
            Class::Ours => self.after.services.push(service),
            Class::NotOurs if !addresses.is_empty() => {
                self.after.bystanders.insert(id, addresses);
            }
            Class::NotOurs => {}
        }
    }

    /// The families that the API server would give it: those it has, those it asks for, or the cluster's own first.
    fn settle_families(&self, new: &mut kinds::Service, there: Option<&kinds::Service>) {
        if let Some(there) = there
            && new.spec.ip_families.is_empty()
            && new.spec.ip_family_policy.is_none()
        {
            new.spec.cluster_ips.clone_from(&there.spec.cluster_ips);
            new.spec.ip_families.clone_from(&there.spec.ip_families);
            new.spec.ip_family_policy.clone_from(&there.spec.ip_family_policy);
        }
        if !new.spec.ip_families.is_empty() {
            return;
        }
        let first = self.cluster.services.iter().find_map(|other| other.spec.ip_families.first());
        let first = first.map_or("IPv4", String::as_str);
        let second = if first == "IPv4" { "IPv6" } else { "IPv4" };
        let both =
            matches!(new.spec.ip_family_policy.as_deref(), Some("PreferDualStack" | "RequireDualStack"));
        new.spec.ip_families =
            [first].into_iter().chain(both.then_some(second)).map(ToOwned::to_owned).collect();
    }
}

fn read<T: serde::de::DeserializeOwned>(object: &Object) -> Result<T> {
    let (file, line, _) = object.place("");
    serde_json::from_value(object.root.json())
        .with_context(|| format!("{file}:{line}: {} {} cannot be read", object.kind(), object.name()))
}
