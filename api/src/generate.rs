//! The CRDs as files.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

use crate::{
    AnnouncementSlice, BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement,
    SpeakerState,
};

/// Every CRD, in the order they are listed in the documentation.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        IPAddressPool::crd(),
        L2Advertisement::crd(),
        BGPAdvertisement::crd(),
        BGPPeer::crd(),
        BFDProfile::crd(),
        Community::crd(),
        AnnouncementSlice::crd(),
        SpeakerState::crd(),
    ]
}

/// Every CRD as a file: its name under `deploy/crds` and its content.
///
/// # Errors
/// A CRD that cannot be written as YAML, which would be a defect of the types above.
pub fn crd_files() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    crds()
        .into_iter()
        .map(|crd| {
            let name = format!("{}_{}.yaml", crate::GROUP, crd.spec.names.plural);
            Ok((name, format!("{HEADER}{}", serde_saphyr::to_string(&crd)?)))
        })
        .collect()
}

const HEADER: &str = "# Generated from the types in api/ by `make crds`; edits are overwritten.\n";
