//! From decisions to what slices say of each VIP.

use std::net::IpAddr;

use ferrolb_api::{
    BgpAnnouncement, Layer2Announcement, MAX_ADVERTISEMENTS, ServiceReference, VipAnnouncement,
};
use ferrolb_model::{self as model, NodeName, PoolName, TrafficPolicy};
use ferrolb_placement::{Change as Placed, Decision, Placement, RoutedBy};

use super::announce::Announcements;

impl Announcements {
    /// Something else is decided about these VIPs on layer 2.
    pub(super) fn publish(&mut self, placed: Vec<Placed>) {
        for Placed { address, decision } in placed {
            self.touch(address);
            if let Some(Decision::NotAnnounced(reason)) = decision
                && self.routing.decision(address).is_empty()
            {
                tracing::info!(vip = %address, %reason, "A VIP is not announced.");
            }
            self.republish(address);
        }
    }

    /// Peers are told of these VIPs by others than before.
    pub(super) fn reroute(&mut self, addresses: Vec<IpAddr>) {
        for address in addresses {
            self.touch(address);
            self.republish(address);
        }
    }

    /// Who tells peers of VIPs may be another than before.
    pub(super) fn touch_routed(&mut self) {
        let told: Vec<IpAddr> = self.routing.told().collect();
        told.into_iter().for_each(|address| self.touch(address));
    }

    /// Writes into the slice what is decided. Before the start nothing is, and what slices say stands.
    pub(super) fn republish(&mut self, address: IpAddr) {
        if !self.started {
            return;
        }
        let announcement = self.announcement(address);
        self.slices.want(address, announcement);
    }

    fn announcement(&self, address: IpAddr) -> Option<VipAnnouncement> {
        let layer2 = match self.placer.decision(address) {
            Some(Decision::Announced(placement)) => {
                Some(layer2(placement, self.placer.by_pool_labels(address)))
            }
            Some(Decision::NotAnnounced(_)) | None => None,
        };
        let bgp = bgp(self.routing.decision(address));
        let vip = self.vips.get(&address).filter(|_| layer2.is_some() || bgp.is_some())?;
        let reference = |service: &model::VipService| ServiceReference {
            namespace: service.id.namespace.to_string(),
            name: service.id.name.to_string(),
            uid: service.uid.to_string(),
        };
        Some(VipAnnouncement {
            ip: address.to_string(),
            pool: vip.pool.as_ref().map(PoolName::to_string).unwrap_or_default(),
            services: vip.services.iter().map(reference).collect(),
            traffic_policy: match vip.traffic_policy {
                TrafficPolicy::Cluster => ferrolb_api::TrafficPolicy::Cluster,
                TrafficPolicy::Local => ferrolb_api::TrafficPolicy::Local,
            },
            layer2,
            bgp,
        })
    }
}

fn layer2(placement: &Placement, by_pool_labels: &[String]) -> Layer2Announcement {
    Layer2Announcement {
        nodes: placement.nodes.iter().map(NodeName::to_string).collect(),
        move_to: placement.move_to.as_ref().map(NodeName::to_string),
        on_link: placement.on_link,
        interfaces: placement.interfaces.clone(),
        by_pool_labels: by_pool_labels.iter().take(MAX_ADVERTISEMENTS).cloned().collect(),
        revision: i64::try_from(placement.revision).unwrap_or(i64::MAX),
    }
}

fn bgp(by: &[RoutedBy]) -> Option<BgpAnnouncement> {
    let advertisements = by.iter().map(|by| ferrolb_api::RoutedBy {
        name: by.advertisement.clone(),
        nodes: by.nodes.as_ref().map(|nodes| nodes.iter().map(NodeName::to_string).collect()),
    });
    (!by.is_empty()).then(|| BgpAnnouncement { advertisements: advertisements.collect() })
}
