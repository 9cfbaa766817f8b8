//! `Community`: names for BGP communities.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::ConditionsStatus;

/// Communities that have a name of their own everywhere, which no alias may take. RFC 1997, 3765, 7611, 7999, 8326, 9494.
pub const WELL_KNOWN_COMMUNITIES: [&str; 9] = [
    "no-export",
    "no-advertise",
    "no-export-subconfed",
    "no-peer",
    "accept-own",
    "blackhole",
    "graceful-shutdown",
    "llgr-stale",
    "no-llgr",
];

/// Names for BGP communities, which BGPAdvertisements may write in place of the values.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ferrolb.io",
    version = "v1beta1",
    kind = "Community",
    plural = "communities",
    shortname = "flbcommunity",
    category = "ferrolb",
    status = "ConditionsStatus",
    derive = "PartialEq",
    doc = "Names for BGP communities, which BGPAdvertisements may write in place of the values.",
    printcolumn(name = "Names", type_ = "string", json_path = ".spec.communities[*].name"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct CommunitySpec {
    /// The names and what they stand for.
    #[serde(default)]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub communities: Vec<CommunityAlias>,
}

/// A name and the community it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommunityAlias {
    /// The name: a letter, then letters, digits, `_`, `.` and `-`.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9_.-]*$')")
            .message("a name is a letter, then letters, digits, _ . and -"),
        validation = Rule::new(NOT_WELL_KNOWN).message("this name has a meaning of its own everywhere; choose another")
    )]
    pub name: String,
    /// What it stands for, as in `communities` of a BGPAdvertisement: `65535:666`, `large:64500:1:2`, `rt:64500:100`,
    /// `no-export`.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new(VALUE).message(VALUE_MESSAGE))]
    pub value: String,
}

const NOT_WELL_KNOWN: &str = "!(self in ['no-export', 'no-advertise', 'no-export-subconfed', 'no-peer', 'accept-own', \
     'blackhole', 'graceful-shutdown', 'llgr-stale', 'no-llgr'])";

// Of all values in short: which numbers fit a route target depends on whether its first is an address; the controller says
// that by the condition Accepted.
const VALUE: &str = "self in ['no-export', 'no-advertise', 'no-export-subconfed', 'no-peer', 'accept-own', \
     'blackhole', 'graceful-shutdown', 'llgr-stale', 'no-llgr'] || \
     (self.matches('^[0-9]{1,5}:[0-9]{1,5}$') ? self.split(':').all(n, int(n) <= 65535) : \
      self.matches('^large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$') ? \
        self.split(':').all(n, n == 'large' || int(n) <= 4294967295) : \
      self.matches('^(rt|soo):([0-9]{1,10}|[0-9]{1,3}([.][0-9]{1,3}){3}):[0-9]{1,10}$') || \
      self.matches('^extended:0x[0-9A-Fa-f]{16}$'))";
const VALUE_MESSAGE: &str = "a community is two numbers up to 65535 (64500:100), large: and three up to \
     4294967295 (large:64500:1:2), rt: or soo: and an AS number or IPv4 address and a number (rt:64500:100), extended:0x and \
     16 hexadecimal digits, or a well-known name such as no-export";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_every_well_known_community() {
        for name in WELL_KNOWN_COMMUNITIES {
            let quoted = format!("'{name}'");
            assert!(NOT_WELL_KNOWN.contains(&quoted) && VALUE.contains(&quoted), "{name}");
        }
    }
}
