//! The VIPs of AnnouncementSlices as they are kept. A node has those of the whole cluster, so what they have in common is kept
//! once, and of the rest no more than there is.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::{BgpAnnouncement, Layer2Announcement, ServiceReference, TrafficPolicy, VipAnnouncement};
use ferrolb_config::bgp::node::Routed;
use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use super::ServiceName;

/// The VIPs of one `AnnouncementSlice`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// The object's name.
    pub name: String,
    /// Its `resourceVersion`; zero without a cluster.
    pub revision: u64,
    /// Its VIPs.
    pub vips: Box<[Vip]>,
}

/// A VIP and who may announce it: all that a [`VipAnnouncement`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct Vip {
    address: Address,
    /// The Services' external traffic policy.
    pub traffic_policy: TrafficPolicy,
    pool: Arc<str>,
    services: SmallVec<[Reference; 1]>,
    /// How it is announced on layer 2.
    pub layer2: Option<Arc<Layer2Announcement>>,
    /// How BGP peers are told of it.
    pub bgp: Option<Arc<BgpAnnouncement>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Address {
    /// One that is written as it is here.
    Usual(IpAddr),
    /// One that is written in another way, or none.
    Text(Box<str>),
}

/// A Service and its uid: `namespace/name/uid`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference(Arc<str>);

/// What VIPs have in common, each once.
#[derive(Debug, Default)]
pub struct Common {
    pools: Shared<str>,
    layer2: Shared<Layer2Announcement>,
    bgp: Shared<BgpAnnouncement>,
}

/// Values that are kept once for as long as anybody has them.
#[derive(Debug)]
struct Shared<T: ?Sized> {
    values: BTreeSet<Arc<T>>,
    /// With so many those that nobody has any more are dropped.
    full: usize,
}

impl Common {
    /// What is kept of a slice.
    pub fn slice(
        &mut self,
        name: String,
        revision: u64,
        vips: impl IntoIterator<Item = VipAnnouncement>,
    ) -> Slice {
        Slice { name, revision, vips: vips.into_iter().map(|vip| self.vip(vip)).collect() }
    }

    fn vip(&mut self, vip: VipAnnouncement) -> Vip {
        let VipAnnouncement { ip, pool, services, traffic_policy, layer2, bgp } = vip;
        Vip {
            address: Address::read(ip),
            traffic_policy,
            pool: self.pools.share(pool.as_str()),
            services: services.iter().map(Reference::of).collect(),
            layer2: layer2.map(|layer2| self.layer2.share(layer2)),
            bgp: bgp.map(|bgp| self.bgp.share(bgp)),
        }
    }
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self { values: BTreeSet::new(), full: FEW }
    }
}

impl<T: Ord + ?Sized> Shared<T> {
    fn share<V: Borrow<T> + Into<Arc<T>>>(&mut self, value: V) -> Arc<T> {
        if let Some(known) = self.values.get(value.borrow()) {
            return Arc::clone(known);
        }
        if self.values.len() >= self.full {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.full = FEW.max(2 * self.values.len());
        }
        let value = value.into();
        self.values.insert(Arc::clone(&value));
        value
    }
}

impl Vip {
    /// Its address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        match &self.address {
            Address::Usual(address) => Some(*address),
            Address::Text(text) => text.parse().ok(),
        }
    }

    /// Its address as it is written.
    pub fn ip(&self) -> String {
        match &self.address {
            Address::Usual(address) => address.to_string(),
            Address::Text(text) => text.to_string(),
        }
    }

    /// The revision of its candidates; zero without.
    pub fn revision(&self) -> u64 {
        self.layer2.as_ref().and_then(|layer2| layer2.revision.try_into().ok()).unwrap_or(0)
    }

    /// The Services reachable at it.
    pub fn services(&self) -> &[Reference] {
        &self.services
    }
}

impl Routed for Vip {
    fn traffic_policy(&self) -> TrafficPolicy {
        self.traffic_policy
    }

    fn bgp(&self) -> Option<&BgpAnnouncement> {
        self.bgp.as_deref()
    }
}

impl From<&Vip> for VipAnnouncement {
    fn from(vip: &Vip) -> Self {
        Self {
            ip: vip.ip(),
            pool: vip.pool.to_string(),
            services: vip.services.iter().map(ServiceReference::from).collect(),
            traffic_policy: vip.traffic_policy,
            layer2: vip.layer2.as_deref().cloned(),
            bgp: vip.bgp.as_deref().cloned(),
        }
    }
}

/// As the announcement.
impl Serialize for Vip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        VipAnnouncement::from(self).serialize(serializer)
    }
}

impl Address {
    fn read(text: String) -> Self {
        match text.parse::<IpAddr>() {
            Ok(address) if address.to_string() == text => Self::Usual(address),
            Ok(_) | Err(_) => Self::Text(text.into()),
        }
    }
}

impl Reference {
    /// Names and uids hold no slash.
    fn of(reference: &ServiceReference) -> Self {
        let ServiceReference { namespace, name, uid } = reference;
        Self([namespace, "/", name, "/", uid].concat().into())
    }

    /// The one that comes before all others of a Service.
    pub(crate) fn first(service: ServiceName<'_>) -> Self {
        Self(service.as_str().into())
    }

    /// The Service.
    pub fn service(&self) -> ServiceName<'_> {
        ServiceName::begins(&self.0)
    }
}

impl From<&Reference> for ServiceReference {
    fn from(reference: &Reference) -> Self {
        let mut parts = reference.0.splitn(3, '/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Self { namespace: next(), name: next(), uid: next() }
    }
}

/// Values that are always kept until others come.
const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use ferrolb_api::RoutedBy;

    use super::*;

    fn announcement(ip: &str) -> VipAnnouncement {
        let service = |name: &str, uid: &str| ServiceReference {
            namespace: "default".into(),
            name: name.into(),
            uid: uid.into(),
        };
        let by = RoutedBy { name: "all".into(), nodes: Some(vec!["node-a".into()]) };
        VipAnnouncement {
            ip: ip.into(),
            pool: "far".into(),
            services: vec![service("web", "5a9c6c4e-0d0b-4b54-8f2e-0c1d3a1f7c11"), service("mail", "")],
            traffic_policy: TrafficPolicy::Local,
            layer2: Some(Layer2Announcement {
                nodes: vec!["node-b".into(), "node-a".into()],
                move_to: Some("node-a".into()),
                on_link: true,
                interfaces: vec!["eth*".into()],
                by_pool_labels: vec!["near".into()],
                revision: 7,
            }),
            bgp: Some(BgpAnnouncement { advertisements: vec![by] }),
        }
    }

    #[test]
    fn what_is_kept_is_all_that_was_said() {
        let bare = VipAnnouncement {
            pool: String::new(),
            services: Vec::new(),
            traffic_policy: TrafficPolicy::Cluster,
            layer2: None,
            bgp: None,
            ..announcement("192.0.2.1")
        };
        let said = ["192.0.2.1", "2001:db8::1", "2001:DB8::1", "nonsense"].map(announcement);
        for said in said.into_iter().chain([bare]) {
            let slice = Common::default().slice("one".into(), 1, [said.clone()]);
            let kept = &slice.vips[0];
            assert_eq!(VipAnnouncement::from(kept), said);
            assert_eq!(serde_json::to_string(kept).unwrap(), serde_json::to_string(&said).unwrap());
            assert_eq!(kept.address(), said.ip.parse().ok());
            assert_eq!((kept.ip(), kept.revision()), (said.ip, if said.bgp.is_some() { 7 } else { 0 }));
        }
    }

    #[test]
    fn what_vips_have_in_common_is_kept_once() {
        let mut common = Common::default();
        let (one, other) = (
            announcement("192.0.2.1"),
            VipAnnouncement { services: Vec::new(), ..announcement("192.0.2.2") },
        );
        let (one, other) = (common.slice("one".into(), 1, [one]), common.slice("other".into(), 1, [other]));
        let (one, other) = (&one.vips[0], &other.vips[0]);
        assert!(Arc::ptr_eq(&one.pool, &other.pool));
        assert!(Arc::ptr_eq(one.bgp.as_ref().unwrap(), other.bgp.as_ref().unwrap()));
        assert!(Arc::ptr_eq(one.layer2.as_ref().unwrap(), other.layer2.as_ref().unwrap()));
    }

    #[test]
    fn what_nobody_has_any_more_is_not_kept() {
        let mut shared = Shared::<str>::default();
        let held: Vec<Arc<str>> = (0..100).map(|number| shared.share(format!("held {number}"))).collect();
        for number in 0..10_000 {
            shared.share(format!("dropped {number}"));
        }
        assert!(shared.values.len() <= 2 * held.len() + 1, "{}", shared.values.len());
        assert!(held.iter().all(|value| Arc::ptr_eq(value, &shared.share(&**value))));
    }
}
