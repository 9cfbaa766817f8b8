//! What users do: Services, statuses edited by hand, pools, nodes, namespaces.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_api::{AnnouncementSlice, condition::IP_ALLOCATED};
use ferrolb_model::{Ingress, ServiceId};
use ferrolb_runtime::{kinds, watch::Change};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    super::super::Event,
    objects::{POOLS, add_node, label, set_pool},
    op::{Edit, Families, Hand, Op, Shape},
    store::{manage_finalizer, wall_clock},
    world::World,
};

/// A Service by its number; every third is in another namespace.
pub(super) fn service_id(number: u64) -> ServiceId {
    ServiceId::new(if number % 3 == 2 { "b" } else { "a" }, format!("s{number}"))
}

impl World {
    pub(super) fn perform(&mut self, op: Op) {
        let now = self.now;
        match op {
            Op::Create(number, shape) => self.create(number, &shape),
            Op::Delete(number) => self.delete(number),
            Op::Recreate(number, shape) => {
                self.delete(number);
                self.create(number, &shape);
            }
            Op::Edit(number, edit) => self.edit(number, &edit),
            Op::Status(number, hand) => self.edit_status(number, &hand),
            Op::Pool(number, variant) => {
                let created = wall_clock(now).as_second();
                let event = set_pool(&mut self.store, number, variant, created);
                self.publish(Some(event));
                self.checks.pools_changed(now, &self.store);
            }
            Op::DeletePool(number) => {
                if let Some(mut pool) = self.store.pools.remove(POOLS[number].0) {
                    pool.metadata.resource_version = Some(self.store.next_version());
                    self.publish(Some(Event::Pools(Change::Deleted(pool))));
                    self.checks.pools_changed(now, &self.store);
                }
            }
            Op::Label(name, is_set) => {
                let event = label(&mut self.store, name, is_set);
                self.publish(Some(event));
            }
            Op::AddNode(number) => {
                let event = add_node(&mut self.store, number);
                self.publish(Some(event));
            }
            Op::RemoveNode(number) => {
                if let Some(node) = self.store.nodes.remove(&format!("n{number}")) {
                    self.store.next_version();
                    self.publish(Some(Event::Nodes(Change::Deleted(node))));
                }
            }
            Op::Rebalance(value) => self.ask_for_balance(value),
            Op::Fault(fault) => self.fail(&fault),
        }
    }

    fn create(&mut self, number: u64, shape: &Shape) {
        let id = service_id(number);
        if self.store.services.contains_key(&id) {
            return;
        }
        let version = self.store.next_version();
        let mut service = kinds::Service::default();
        service.metadata.namespace = Some(id.namespace.to_string());
        service.metadata.name = Some(id.name.to_string());
        service.metadata.uid = Some(format!("uid-{version}"));
        service.metadata.resource_version = Some(version);
        service.metadata.creation_timestamp = Some(Time(self.today()));
        service.spec.r#type = "LoadBalancer".into();
        service.spec.load_balancer_class = shape.class.map(str::to_owned);
        service.spec.external_traffic_policy = Some(if shape.local { "Local" } else { "Cluster" }.into());
        service.spec.ports = vec![kinds::ServicePort { protocol: Some("TCP".into()), port: shape.port }];
        service.spec.selector = BTreeMap::from([("app".to_owned(), format!("p{}", shape.port % 2))]);
        set_families(&mut service, shape.families, shape.policy);
        annotate(&mut service, ferrolb_api::LOAD_BALANCER_IPS, shape.address);
        annotate(&mut service, ferrolb_api::ADDRESS_POOL, shape.pool);
        annotate(&mut service, ferrolb_api::ALLOW_SHARED_IP, shape.key);
        self.checks.edited(self.now, &id, true);
        self.checks.edited_by_hand(&id, false);
        let event = self.store.replace_service(&id, service);
        self.publish(event);
    }

    fn delete(&mut self, number: u64) {
        let id = service_id(number);
        let Some(service) = self.store.services.get(&id) else { return };
        let mut service = service.clone();
        self.checks.edited(self.now, &id, true);
        service.metadata.resource_version = Some(self.store.next_version());
        if service.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty()) {
            service.metadata.deletion_timestamp.get_or_insert_with(|| Time(wall_clock(self.now)));
            let event = self.store.replace_service(&id, service);
            return self.publish(event);
        }
        self.store.services.remove(&id);
        if service.spec.r#type == "LoadBalancer" {
            self.publish(Some(Event::Services(Change::Deleted(service))));
        }
    }

    fn edit(&mut self, number: u64, edit: &Edit) {
        let id = service_id(number);
        let Some(mut service) = self.store.services.get(&id).cloned() else { return };
        let is_load_balancer = service.spec.r#type == "LoadBalancer";
        let mut may_move = true;
        match edit {
            Edit::Address(address) => annotate(&mut service, ferrolb_api::LOAD_BALANCER_IPS, *address),
            Edit::Pool(pool) => annotate(&mut service, ferrolb_api::ADDRESS_POOL, *pool),
            Edit::Key(key) => annotate(&mut service, ferrolb_api::ALLOW_SHARED_IP, *key),
            Edit::Port(port) => service.spec.ports[0].port = *port,
            Edit::Families(families, policy) => set_families(&mut service, *families, *policy),
            Edit::Local(local) => {
                service.spec.external_traffic_policy = Some(if *local { "Local" } else { "Cluster" }.into());
            }
            Edit::MoveTo(node) => {
                annotate(&mut service, ferrolb_api::MOVE_TO, *node);
                may_move = false;
            }
            Edit::Label(value) => {
                let labels = service.metadata.labels.get_or_insert_default();
                labels.insert("touched".into(), value.to_string());
                may_move = false;
            }
            Edit::Finalizer(manager) => {
                manage_finalizer(&mut service, Some(ferrolb_api::CLEANUP_FINALIZER), manager);
                may_move = false;
            }
            Edit::Leave if is_load_balancer => {
                service.spec.r#type = "ClusterIP".into();
                service.spec.load_balancer_class = None;
                // The API server clears it itself.
                service.status.load_balancer = kinds::LoadBalancerStatus::default();
            }
            Edit::Return(class) if !is_load_balancer => {
                service.spec.r#type = "LoadBalancer".into();
                service.spec.load_balancer_class = class.map(str::to_owned);
            }
            Edit::Leave | Edit::Return(_) => return,
        }
        self.checks.edited(self.now, &id, may_move);
        service.metadata.resource_version = Some(self.store.next_version());
        let event = self.store.replace_service(&id, service);
        self.publish(event);
    }

    fn ask_for_balance(&mut self, value: u64) {
        let version = self.store.next_version();
        let Some(all) = self.store.advertisements.get_mut("all") else { return };
        let annotations = all.metadata.annotations.get_or_insert_default();
        annotations.insert(ferrolb_api::REBALANCE.into(), value.to_string());
        all.metadata.resource_version = Some(version);
        let event = Event::Advertisements(Change::Applied(all.clone()));
        self.publish(Some(event));
    }

    fn edit_status(&mut self, number: u64, hand: &Hand) {
        let id = service_id(number);
        let other = match hand {
            Hand::CopyOf(other) => self.store.services.get(&service_id(*other)).map(|one| one.status.clone()),
            Hand::ClearIngress
            | Hand::ClearAll
            | Hand::Replace(_)
            | Hand::Add(_)
            | Hand::DropCondition
            | Hand::EditCondition
            | Hand::Proxy => None,
        };
        let Some(mut service) = self.store.services.get(&id).cloned() else { return };
        if service.spec.r#type != "LoadBalancer" {
            return;
        }
        let status = &mut service.status;
        let point =
            |ip: &str| kinds::Ingress { ip: Some(ip.into()), hostname: None, ip_mode: Some("VIP".into()) };
        match hand {
            Hand::ClearIngress => status.load_balancer.ingress.clear(),
            Hand::ClearAll => *status = kinds::ServiceStatus::default(),
            Hand::Replace(ip) => status.load_balancer.ingress = vec![point(ip)],
            Hand::Add(ip) => status.load_balancer.ingress.push(point(ip)),
            Hand::CopyOf(_) => match other {
                Some(other) => *status = other,
                None => return,
            },
            Hand::DropCondition => status.conditions.retain(|one| one.type_ != IP_ALLOCATED),
            Hand::EditCondition => {
                for one in &mut status.conditions {
                    one.reason = "Edited".into();
                }
            }
            Hand::Proxy => {
                for one in &mut status.load_balancer.ingress {
                    one.ip_mode = Some("Proxy".into());
                }
            }
        }
        let is_foreign = may_be_anothers(&service);
        self.checks.edited(self.now, &id, true);
        self.checks.edited_by_hand(&id, is_foreign);
        service.metadata.resource_version = Some(self.store.next_version());
        let event = self.store.replace_service(&id, service);
        self.publish(event);
    }
}

fn set_families(service: &mut kinds::Service, families: Families, policy: Option<&str>) {
    let ips: &[&str] = match families {
        Families::V4 => &["10.96.0.1"],
        Families::V6 => &["fd00::1"],
        Families::Both => &["10.96.0.1", "fd00::1"],
        Families::SixFirst => &["fd00::1", "10.96.0.1"],
    };
    service.spec.cluster_ips = ips.iter().map(|ip| (*ip).to_owned()).collect();
    service.spec.ip_family_policy = policy.map(str::to_owned);
}

fn annotate(service: &mut kinds::Service, key: &str, value: Option<&str>) {
    let annotations = service.metadata.annotations.get_or_insert_default();
    match value {
        Some(value) => annotations.insert(key.into(), value.into()),
        None => annotations.remove(key),
    };
}

/// Whether its ingress names none of the addresses that our condition names, so that it may be another load balancer's.
pub(super) fn may_be_anothers(service: &kinds::Service) -> bool {
    match ferrolb_config::service(service).ingress {
        Ingress::Foreign { .. } => true,
        Ingress::Edited { addresses, .. } => !addresses.is_empty(),
        Ingress::Empty | Ingress::Ours { .. } => false,
    }
}

/// The addresses in a Service's status.
pub(super) fn addresses(service: &kinds::Service) -> Vec<IpAddr> {
    let points = service.status.load_balancer.ingress.iter();
    points.filter_map(|point| point.ip.as_deref()?.parse().ok()).collect()
}

/// The VIPs in all slices.
pub(super) fn announced(slices: &BTreeMap<String, AnnouncementSlice>) -> Vec<IpAddr> {
    slices.values().flat_map(|slice| &slice.spec.vips).filter_map(|vip| vip.ip.parse().ok()).collect()
}
