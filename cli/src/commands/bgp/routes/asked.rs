//! Which routes the names on the command line mean.

use std::{collections::BTreeMap, net::IpAddr};

use anyhow::{Result, bail};
use ferrolb_api::VipAnnouncement;
use ipnet::IpNet;

use super::route::RouteOut;
use crate::{cluster::Cluster, names::suggestion};

/// One of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Prefix(IpNet),
    Address(IpAddr),
    /// `namespace/name`.
    Service(String),
    Namespace(String),
}

impl Asked {
    /// Whether the route is meant.
    pub(super) fn is(&self, route: &RouteOut) -> bool {
        match self {
            Self::Prefix(prefix) => route.prefix == *prefix,
            Self::Address(address) => route.prefix.contains(address),
            Self::Service(_) | Self::Namespace(_) => {
                route.vips.iter().any(|vip| vip.services.iter().any(|id| self.is_of(id)))
            }
        }
    }

    /// Whether the VIP is meant, whether or not a route tells of it.
    pub(super) fn has(&self, address: IpAddr, vip: &VipAnnouncement) -> bool {
        match self {
            Self::Prefix(prefix) => prefix.contains(&address),
            Self::Address(asked) => address == *asked,
            Self::Service(_) | Self::Namespace(_) => {
                vip.services.iter().any(|one| self.is_of(&format!("{}/{}", one.namespace, one.name)))
            }
        }
    }

    fn is_of(&self, id: &str) -> bool {
        match self {
            Self::Service(asked) => asked == id,
            Self::Namespace(asked) => id.split_once('/').is_some_and(|(namespace, _)| namespace == asked),
            Self::Prefix(_) | Self::Address(_) => false,
        }
    }
}

/// What the names mean; nothing, if there are none.
///
/// # Errors
/// A name means nothing.
pub(super) fn asked(
    names: &[String],
    all_namespaces: bool,
    cluster: &Cluster,
    vips: &BTreeMap<IpAddr, &VipAnnouncement>,
    routes: &[RouteOut],
) -> Result<Vec<Asked>> {
    let mut all = Vec::new();
    for name in names {
        let services = |name: &str| cluster.service_ids(name, all_namespaces);
        let meant = meant(name, services)?;
        let any = |one: &Asked| {
            routes.iter().any(|route| one.is(route))
                || vips.iter().any(|(address, vip)| one.has(*address, vip))
        };
        if !meant.iter().any(any) {
            nothing(&meant, name, vips, routes)?;
        }
        all.extend(meant);
    }
    Ok(all)
}

/// What one name means.
fn meant(name: &str, services: impl Fn(&str) -> Result<Vec<String>>) -> Result<Vec<Asked>> {
    if let Ok(prefix) = name.parse::<IpNet>() {
        return Ok(vec![Asked::Prefix(prefix.trunc())]);
    }
    if let Ok(address) = name.parse() {
        return Ok(vec![Asked::Address(address)]);
    }
    let service = match name.split_once('/') {
        None => name,
        Some(("svc" | "service" | "services", service)) => service,
        Some((_, service)) => bail!(
            "{name:?} names no route; write a prefix, an address or svc/{service}, and the namespace with -n"
        ),
    };
    Ok(services(service)?.into_iter().map(Asked::Service).collect())
}

/// Says what is wrong with a name of which no slice and no route has anything.
fn nothing(
    meant: &[Asked],
    name: &str,
    vips: &BTreeMap<IpAddr, &VipAnnouncement>,
    routes: &[RouteOut],
) -> Result<()> {
    match meant {
        [Asked::Prefix(prefix), ..] => {
            let known: Vec<String> = routes.iter().map(|route| route.prefix.to_string()).collect();
            bail!("no VIP lies in {prefix}{}", suggestion(name, known.iter().map(String::as_str)))
        }
        [Asked::Address(address), ..] => {
            let known: Vec<String> = vips.keys().map(ToString::to_string).collect();
            bail!(
                "no AnnouncementSlice names {address}, and no prefix that is told holds it{}",
                suggestion(name, known.iter().map(String::as_str))
            )
        }
        [Asked::Service(id), ..] => {
            let service = id.split_once('/').map_or(id.as_str(), |(_, service)| service);
            bail!(
                "the speakers were told of no VIP of Service {service}: kubectl ferrolb explain svc/{service} says why"
            )
        }
        [Asked::Namespace(_), ..] | [] => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_prefixes_addresses_and_services() {
        let services = |name: &str| match name {
            "web" => Ok(vec!["default/web".to_owned()]),
            _ => bail!("namespace default has no Service {name}"),
        };
        let of = |name: &str| meant(name, services);
        let service = || vec![Asked::Service("default/web".into())];
        assert_eq!(of("192.0.2.77/24").unwrap(), [Asked::Prefix("192.0.2.0/24".parse().unwrap())]);
        assert_eq!(of("2001:db8::1").unwrap(), [Asked::Address("2001:db8::1".parse().unwrap())]);
        assert_eq!((of("svc/web").unwrap(), of("web").unwrap()), (service(), service()));
        assert_eq!(of("wbe").unwrap_err().to_string(), "namespace default has no Service wbe");
        let error = of("pod/web").unwrap_err().to_string();
        assert!(error.contains("write a prefix, an address or svc/web"), "{error}");
    }

    #[test]
    fn a_name_that_nothing_has_is_an_error_with_its_neighbour() {
        let vip = VipAnnouncement {
            ip: "192.0.2.10".into(),
            pool: String::new(),
            services: Vec::new(),
            traffic_policy: ferrolb_api::TrafficPolicy::Cluster,
            layer2: None,
            bgp: None,
        };
        let vips = BTreeMap::from([("192.0.2.10".parse().unwrap(), &vip)]);
        let error = |name: &str| {
            let meant = meant(name, |_| Ok(vec!["default/web".to_owned()])).unwrap();
            nothing(&meant, name, &vips, &[]).unwrap_err().to_string()
        };
        assert_eq!(
            error("192.0.2.11"),
            "no AnnouncementSlice names 192.0.2.11, and no prefix that is told holds it; did you mean 192.0.2.10?"
        );
        assert_eq!(error("198.51.100.0/24"), "no VIP lies in 198.51.100.0/24");
        assert!(error("svc/web").ends_with("kubectl ferrolb explain svc/web says why"));
    }
}
