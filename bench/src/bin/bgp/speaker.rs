//! The speaker's parts from what it has read to its sockets: what is known, what follows, the BGP thread.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail, ensure};
use ferrolb_api::{AnnouncementSlice, BGPAdvertisement, BGPPeer};
use ferrolb_ownership::{Interface, Mac, NodeName};
use ferrolb_runtime::watch::Change;
use ferrolb_speaker::bgp;
use ferrolb_speaker::index::Index;
use ferrolb_speaker::interfaces::Usable;
use ferrolb_speaker::sessions::setup::Surroundings;
use ferrolb_speaker::sessions::told::Told;
use ferrolb_speaker::sessions::{Command, Output, Report, Routers, Sessions};
use ferrolb_speaker::source::{Common, Slice};
use ferrolb_speaker::sys;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Receiver;

use crate::stage::{OURS, ROUTERS, node, router, vip};

/// VIPs to a slice, as the controller packs them.
pub(crate) const FULL: u32 = 8;

pub(crate) struct Speaker {
    runtime: Runtime,
    index: Index,
    told: Told,
    usable: Vec<Usable>,
    sessions: Sessions,
    outputs: Receiver<Output>,
}

impl Speaker {
    /// One with a session to each of these routers. Call it inside the network that it is to be in.
    pub(crate) fn start(routers: &[u8]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sessions, outputs) = Sessions::start(Default::default(), 7)?;
        let interface = Interface {
            index: nix::net::if_::if_nametoindex("eth0")?,
            name: "eth0".into(),
            mac: Mac([2, 0, 0, 0, 0, 11]),
            addresses: vec![format!("{}/24", node(1)).parse()?],
            gateways: Vec::new(),
            carrier: true,
        };
        let usable = vec![Usable { interface, default_v4: true, default_v6: false }];
        let name = NodeName::new("n1").context("a node's name")?;
        let mut speaker =
            Self { runtime, index: Index::new(name), told: Told::default(), usable, sessions, outputs };
        let peers = routers.iter().map(|number| peer(router(*number))).collect::<Result<_>>()?;
        for change in [
            bgp::Change::Peers(Change::All(peers)),
            bgp::Change::Advertisements(Change::All(vec![advertisement()?])),
            bgp::Change::Profiles(Change::All(Vec::new())),
            bgp::Change::Communities(Change::All(Vec::new())),
        ] {
            speaker.index.apply_bgp(change);
        }
        let usable = speaker.usable.clone();
        speaker.index.apply_interfaces(usable);
        speaker.read(Change::All(Vec::new()))?;
        Ok(speaker)
    }

    /// Takes what was read of slices, and has its sessions tell what follows.
    pub(crate) fn read(&mut self, change: Change<Slice>) -> Result<()> {
        // In the order of the speaker, for which layer 2 comes after.
        self.index.apply_slices(change);
        let desired = self.index.bgp();
        ensure!(desired.problems.is_empty(), "{:?}", desired.problems);
        let around = Surroundings {
            node: "n1",
            usable: &self.usable,
            links: &[],
            routers: &Routers::default(),
            passwords: &BTreeMap::new(),
        };
        let commands = self.told.changes(sys::now(), &desired, &around);
        self.runtime.block_on(async {
            for command in commands {
                self.sessions.send(command).await?;
            }
            Ok(())
        })
    }

    /// Whether all sessions are up and nothing is owed.
    pub(crate) fn is_settled(&mut self) -> Result<bool> {
        self.runtime.block_on(async {
            self.sessions.send(Command::Report(Report::default())).await?;
            loop {
                match self.outputs.recv().await {
                    Some(Output::Report(report)) => {
                        let up = |peer: &ferrolb_speaker::sessions::PeerReport| {
                            peer.state == ferrolb_bgp::session::StateName::Established && peer.owed == 0
                        };
                        return Ok(report.peers.iter().all(up));
                    }
                    Some(Output::Event { .. } | Output::Routers(_)) => {}
                    Some(Output::NotListening { problem }) => bail!("{problem}"),
                    None => bail!("the BGP thread has ended"),
                }
            }
        })
    }
}

fn peer(address: Ipv4Addr) -> Result<BGPPeer> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "ferrolb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": address.to_string()},
        "spec": {"myASN": OURS, "peerASN": ROUTERS, "peerAddress": address, "connectTime": "1s"},
    }))?)
}

fn advertisement() -> Result<BGPAdvertisement> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "ferrolb.io/v1beta1", "kind": "BGPAdvertisement", "metadata": {"name": "all"}, "spec": {},
    }))?)
}

/// The slices of so many VIPs.
pub(crate) fn slices(count: u32) -> Result<Vec<Slice>> {
    let mut common = Common::default();
    let numbers = 0..count.div_ceil(FULL);
    numbers.map(|number| read(manifest(number, (count - number * FULL).min(FULL))?, &mut common)).collect()
}

/// The slice with this number, with so many of the VIPs that have a place there.
pub(crate) fn slice(number: u32, count: u32) -> Result<Slice> {
    read(manifest(number, count)?, &mut Common::default())
}

fn read(object: AnnouncementSlice, common: &mut Common) -> Result<Slice> {
    Ok(common.slice(object.metadata.name.unwrap_or_default(), 0, object.spec.vips))
}

/// The same as the object.
pub(crate) fn manifest(number: u32, count: u32) -> Result<AnnouncementSlice> {
    let vips = (0..count).map(|place| {
        json!({
            "ip": vip(number * FULL + place), "pool": "far", "trafficPolicy": "Cluster",
            "bgp": {"advertisements": [{"name": "all"}]},
        })
    });
    Ok(serde_json::from_value(json!({
        "apiVersion": "ferrolb.io/v1beta1", "kind": "AnnouncementSlice",
        "metadata": {"name": format!("vips-{number}")}, "spec": {"vips": vips.collect::<Vec<_>>()},
    }))?)
}
