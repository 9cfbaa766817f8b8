use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_api::VipAnnouncement;
use sha2::{Digest as _, Sha256};

use crate::source::Slice;

/// A VIP of a slice whose address could be read.
pub(super) struct Placed<'a> {
    pub(super) announcement: &'a VipAnnouncement,
    pub(super) revision: u64,
}

/// Each VIP once: while the controller moves it from one slice to another, both may hold it; the newer one counts.
pub(super) fn placed<'a>(
    slices: &'a BTreeMap<String, Slice>,
    problems: &mut Vec<String>,
) -> BTreeMap<IpAddr, Placed<'a>> {
    let mut all = BTreeMap::<IpAddr, Placed<'a>>::new();
    for slice in slices.values() {
        for announcement in &slice.vips {
            let Ok(vip) = announcement.ip.parse::<IpAddr>() else {
                problems.push(format!(
                    "slice {} holds {:?}, which is no IP address; that entry is left out",
                    slice.name, announcement.ip
                ));
                continue;
            };
            let revision = announcement.layer2.as_ref().map_or(0, |layer2| layer2.revision);
            let revision = u64::try_from(revision).unwrap_or(0);
            if all.get(&vip).is_none_or(|known| known.revision < revision) {
                all.insert(vip, Placed { announcement, revision });
            }
        }
    }
    all
}

/// A digest of all VIPs and their placement, whatever slices they are in.
pub(super) fn digest(slices: &BTreeMap<String, Slice>) -> String {
    let mut hash = Sha256::new();
    for (vip, placed) in placed(slices, &mut Vec::new()) {
        let announcement = serde_json::to_vec(placed.announcement).expect("an announcement is plain data");
        hash.update(vip.to_string());
        hash.update(announcement);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
