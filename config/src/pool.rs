//! `IPAddressPool`.

use std::net::IpAddr;

use ferrolb_api::{IPAddressPool, ServiceAllocation, Sharing};
use ferrolb_model::{self as model, IpRange, Pool};
use ipnet::IpNet;

use crate::{Error, address::unusable, selector::selectors};

/// Parses a pool.
///
/// # Errors
/// The first entry of `addresses` or `exclude` that is neither a CIDR nor a range, or the first of `addresses` that holds
/// others than unicast addresses.
pub fn pool(object: &IPAddressPool) -> Result<Pool, Error> {
    let spec = &object.spec;
    Ok(Pool {
        name: object.metadata.name.as_deref().unwrap_or_default().into(),
        labels: object.metadata.labels.as_ref().into(),
        ranges: usable("spec.addresses", ranges("spec.addresses", &spec.addresses)?)?,
        exclude: ranges("spec.exclude", &spec.exclude)?,
        auto_assign: spec.auto_assign,
        avoid_buggy_ips: spec.avoid_buggy_ips,
        drain: spec.drain,
        allow_requests: spec.allow_requests,
        sharing: match spec.sharing {
            Sharing::SameNamespace => model::Sharing::SameNamespace,
            Sharing::AnyNamespace => model::Sharing::AnyNamespace,
        },
        allocation: spec.service_allocation.as_ref().map(allocation),
        created: object.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
    })
}

fn allocation(allocation: &ServiceAllocation) -> model::ServiceAllocation {
    model::ServiceAllocation {
        priority: u32::try_from(allocation.priority).unwrap_or_default(),
        namespaces: allocation.namespaces.clone(),
        namespace_selectors: selectors(&allocation.namespace_selectors),
        service_selectors: selectors(&allocation.service_selectors),
    }
}

fn ranges(field: &str, entries: &[String]) -> Result<Vec<IpRange>, Error> {
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            range(entry).map_err(|problem| Error::new(format!("{field}[{index}]"), problem))
        })
        .collect()
}

/// The ranges, if each consists of addresses that a Service can have.
fn usable(field: &str, ranges: Vec<IpRange>) -> Result<Vec<IpRange>, Error> {
    for (index, range) in ranges.iter().enumerate() {
        if let Some(what) = unusable(*range) {
            let problem =
                format!("{range} holds {what}, which no Service can have; write ranges without them");
            return Err(Error::new(format!("{field}[{index}]"), problem));
        }
    }
    Ok(ranges)
}

fn range(entry: &str) -> Result<IpRange, String> {
    let entry = entry.trim();
    if let Ok(net) = entry.parse::<IpNet>() {
        return match net == net.trunc() {
            true => Ok(net.into()),
            false => Err(format!("{entry} names no network address; write {} or a range", net.trunc())),
        };
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let Some((first, last)) = entry.split_once('-') else {
        return Err(format!(
            "{entry:?} is neither a CIDR such as 192.0.2.0/24 nor a range such as 192.0.2.10-192.0.2.20"
        ));
    };
    let end = |text: &str| {
        let text = text.trim();
        text.parse::<IpAddr>().map_err(|_| format!("{text:?} in {entry:?} is not an IP address"))
    };
    let (first, last) = (end(first)?, end(last)?);
    IpRange::new(first, last).ok_or_else(|| {
        format!("{entry:?} must begin with its lower address, and both ends must be of one family")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cidrs_ranges_and_single_addresses() {
        for (entry, expected) in [
            ("192.0.2.0/30", "192.0.2.0-192.0.2.3"),
            (" 192.0.2.1 - 192.0.2.9 ", "192.0.2.1-192.0.2.9"),
            ("2001:db8::/127", "2001:db8::-2001:db8::1"),
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7-192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(range(entry).unwrap().to_string(), expected, "{entry}");
        }
    }

    #[test]
    fn errors_name_the_entry_and_what_to_write() {
        for (entry, part) in [
            ("lan", "neither a CIDR"),
            ("192.0.2.1/24", "write 192.0.2.0/24"),
            ("192.0.2.1-20", "\"20\" in"),
            ("192.0.2.9-192.0.2.1", "lower address"),
            ("192.0.2.9-2001:db8::1", "one family"),
        ] {
            let problem = range(entry).unwrap_err();
            assert!(problem.contains(part), "{entry}: {problem}");
        }
        let error = ranges("spec.addresses", &["192.0.2.0/24".into(), "x".into()]).unwrap_err();
        assert_eq!(error.field, "spec.addresses[1]");
    }
}
