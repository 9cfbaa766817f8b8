//! What a run is made of before anything befalls it.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr};

use ferrolb_ownership::{Plan, Timing, VipPlan};
use ferrolb_sansio::Rng;

use crate::client::Client;
use crate::speaker::{mac, node};

pub(crate) const CLIENTS: usize = 2;

/// What a run is made of, apart from its faults.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    pub(crate) speakers: usize,
    pub(crate) vips: Vec<IpAddr>,
    /// For each VIP its candidates.
    pub(crate) candidates: Vec<Vec<usize>>,
    pub(crate) gateway: bool,
    pub(crate) ipv6_only: bool,
    pub(crate) boot: Boot,
    /// How often each speaker beats: not all of them may be scheduled in real time.
    pub(crate) paces: Vec<Timing>,
    /// Somebody asks for the VIPs all the time, so that what speakers say of themselves is compared with what they do.
    pub(crate) prober: bool,
}

impl Scene {
    /// Speakers, clients, the gateway, the prober.
    pub(crate) fn ports(&self) -> usize {
        self.speakers + CLIENTS + 2
    }

    /// The plan at the start.
    pub(crate) fn plan(&self) -> Plan {
        let orders = self.vips.iter().zip(&self.candidates);
        Plan { revision: 1, vips: orders.map(|(&vip, order)| (vip, plan_of(order, 1))).collect() }
    }

    /// The pace of the slowest speaker.
    pub(crate) fn slowest(&self) -> Timing {
        self.paces.iter().copied().max_by_key(|pace| pace.min_interval).expect("there is a speaker")
    }

    /// How many hosts send to VIPs: the clients, and the gateway for those behind it.
    pub(crate) fn users(&self) -> usize {
        CLIENTS + usize::from(self.gateway)
    }

    /// The client of this number; the gateway comes after the others.
    pub(crate) fn client(&self, index: usize) -> Client {
        let host = if index < CLIENTS { 200 + u8::try_from(index).unwrap() } else { 1 };
        let ip = (Ipv4Addr::new(192, 0, 2, host), format!("2001:db8::{host}").parse().unwrap());
        Client::new(mac(self.speakers + index), ip, &self.vips)
    }
}

/// A VIP that anybody of `order` can serve.
pub(crate) fn plan_of(order: &[usize], revision: u64) -> VipPlan {
    let candidates = order.iter().map(|&index| node(index)).collect();
    VipPlan { candidates, move_to: None, revision, ready: true }
}

/// When speakers start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Boot {
    /// 20 ms after each other.
    InOrder,
    /// At random within 60 ms.
    Random,
    /// After so many milliseconds each.
    At(&'static [u64]),
}

impl Boot {
    /// How long after the start the speaker of this number boots.
    pub(crate) fn after(self, index: usize, rng: &mut Rng) -> Duration {
        match self {
            Self::InOrder => Duration::from_millis(20) * u32::try_from(index).unwrap(),
            Self::Random => rng.jitter(Duration::from_millis(60)),
            Self::At(millis) => Duration::from_millis(millis[index]),
        }
    }
}
