//! Requests to the API server: what is to be written, how it is sent, what became of it.
//!
//! The [`Index`](crate::index::Index) decides and is asked for one [`Write`] at a time, so what has not been sent yet
//! is always the newest wish. The [`Writer`] keeps as many requests in flight as the API server bears and hands back an
//! [`Outcome`] for each.

mod body;
mod event;
mod forget;
mod limit;
mod outcome;
mod send;
mod writer;

#[cfg(test)]
pub(crate) use self::{forget::Found, send::FIELD_MANAGER};
pub(crate) use body::{AnnouncedStatus, ServiceStatus, announced_patch, finalizer_patch, service_patch};
pub(crate) use outcome::{Outcome, Target, Verdict};
pub(crate) use writer::{LOOK_AGAIN, Writer};

use ferrolb_api::AnnouncementSlice;
use ferrolb_model::ServiceId;
use serde_json::Value;

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// A Service's addresses and condition, in one patch.
    ServiceStatus {
        /// Which.
        service: ServiceId,
        /// The strategic merge patch, guarded by a resourceVersion.
        patch: Value,
    },
    /// A Service's finalizer is added or removed.
    Finalizer {
        /// Which.
        service: ServiceId,
        /// The strategic merge patch, guarded by a resourceVersion.
        patch: Value,
    },
    /// A Service that is no load balancer any more, or is being deleted: our conditions and our finalizer go. Of one that
    /// is served only the finalizer goes, if none is asked for.
    ForgetService {
        /// Which.
        service: ServiceId,
        /// Whether Services that are served have our finalizer.
        cleanup_finalizer: bool,
    },
    /// A new slice.
    CreateSlice(Box<AnnouncementSlice>),
    /// A slice's new content, guarded by its resourceVersion.
    ReplaceSlice(Box<AnnouncementSlice>),
    /// A slice nobody needs, if it is still the one that was seen.
    DeleteSlice {
        /// Its name.
        name: String,
        /// Its resourceVersion.
        resource_version: Option<String>,
    },
    /// The status of one of our own objects.
    ObjectStatus {
        /// Which kind.
        kind: ConfigKind,
        /// Its name.
        name: String,
        /// The merge patch.
        patch: Value,
    },
    /// An Event about a Service.
    Event(Box<ServiceEvent>),
}

/// Kinds whose status the controller writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ConfigKind {
    /// `IPAddressPool`
    Pool,
    /// `L2Advertisement`
    L2Advertisement,
    /// `BGPAdvertisement`
    BgpAdvertisement,
    /// `BGPPeer`
    BgpPeer,
    /// `BFDProfile`
    BfdProfile,
    /// `Community`
    Community,
}

/// Something worth telling about a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceEvent {
    /// The Service.
    pub(crate) service: ServiceId,
    /// Its uid.
    pub(crate) uid: String,
    /// Whether it is a warning.
    pub(crate) warning: bool,
    /// One word, stable.
    pub(crate) reason: String,
    /// A sentence.
    pub(crate) note: String,
    /// What it is called, if others may tell the same: the API server takes a name once. `None`: it is called by its time.
    pub(crate) name: Option<String>,
}
