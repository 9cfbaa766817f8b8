//! `BGPAdvertisement`.

use ferrolb_api::BGPAdvertisement;
use ferrolb_model as model;

use super::{bfd::octet, community::CommunityEntry, name_and_age};
use crate::{Error, selector::selectors};

/// An advertisement: what is told to whom, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Which VIPs, by which nodes, to which peers.
    pub selection: model::BgpAdvertisement,
    /// What of them.
    pub routes: Routes,
}

/// What peers are told of a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    /// The length of the prefix of an IPv4 address.
    pub length_v4: u8,
    /// The length of the prefix of an IPv6 address.
    pub length_v6: u8,
    /// What routers choose by.
    pub preference: Preference,
    /// Communities, some by name.
    pub communities: Vec<CommunityEntry>,
}

/// What routers choose by, of which a prefix has one only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Preference {
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// How often the own AS is repeated in the path.
    pub prepend: u8,
    /// Whether routers are told how many endpoints a node has.
    pub weighted: bool,
}

impl Routes {
    /// The length of the prefix in which addresses of this family are told.
    pub fn length(&self, family: model::Family) -> u8 {
        match family {
            model::Family::V4 => self.length_v4,
            model::Family::V6 => self.length_v6,
        }
    }
}

/// Parses an advertisement.
///
/// # Errors
/// The first field that makes no sense.
pub fn advertisement(object: &BGPAdvertisement) -> Result<Advertisement, Error> {
    let spec = &object.spec;
    let (name, created) = name_and_age(&object.metadata);
    let max_nodes = spec.max_nodes.map(|most| octet("spec.maxNodes", most, 1, 64)).transpose()?;
    let entries = spec.communities.iter().enumerate().map(|(index, text)| {
        text.parse::<CommunityEntry>()
            .map_err(|problem| Error::new(format!("spec.communities[{index}]"), problem))
    });
    Ok(Advertisement {
        selection: model::BgpAdvertisement {
            name,
            created,
            pools: spec.ip_address_pools.iter().map(|name| name.as_str().into()).collect(),
            pool_selectors: selectors(&spec.ip_address_pool_selectors),
            service_selectors: selectors(&spec.service_selectors),
            node_selectors: selectors(&spec.node_selectors),
            peers: spec.peers.clone(),
            max_nodes: max_nodes.map(usize::from),
        },
        routes: Routes {
            length_v4: octet("spec.aggregationLength", spec.aggregation_length, 1, 32)?,
            length_v6: octet("spec.aggregationLengthV6", spec.aggregation_length_v6, 1, 128)?,
            preference: Preference {
                local_pref: spec.local_pref.map(|value| wide("spec.localPref", value)).transpose()?,
                med: spec.med.map(|value| wide("spec.med", value)).transpose()?,
                prepend: octet("spec.asPathPrepend", spec.as_path_prepend, 0, 16)?,
                weighted: spec.weighted,
            },
            communities: entries.collect::<Result<_, _>>()?,
        },
    })
}

fn wide(field: &str, number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::new(field, format!("{number} must be 0 to 4294967295")))
}
