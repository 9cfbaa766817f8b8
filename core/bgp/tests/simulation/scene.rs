use std::time::Duration;

use ferrolb_bgp::session::{GracefulSettings, Opening, PeerAs, Settings};
use ferrolb_bgp::{Asn, RouterId};
use ferrolb_sansio::Rng;

/// What two speakers are configured to be.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    pub(crate) openings: [Opening; 2],
    pub(crate) hold_times: [u64; 2],
    pub(crate) graceful: [bool; 2],
    pub(crate) internal: bool,
    /// The same identifier for both, which peers of different ASes may have.
    pub(crate) same_identifier: bool,
    pub(crate) routes: u32,
}

impl Scene {
    pub(crate) fn draw(seed: u64, rng: &mut Rng) -> Self {
        let openings = match rng.below(4) {
            0 => [Opening::Active, Opening::Passive],
            1 => [Opening::Either, Opening::Passive],
            _ => [Opening::Either, Opening::Either],
        };
        let mut hold_time = || [3, 9, 30, 90][rng.below(4) as usize];
        let hold_times = [hold_time(), hold_time()];
        let internal = rng.below(3) == 0;
        Self {
            seed,
            openings,
            hold_times,
            graceful: [rng.below(3) == 0, rng.below(3) == 0],
            internal,
            same_identifier: !internal && rng.below(4) == 0,
            routes: [0, 1, 5, 40, 400][rng.below(5) as usize],
        }
    }

    pub(crate) fn settings(&self, host: usize) -> Settings {
        let asn = |host: usize| Asn(if self.internal { 64512 } else { 64512 + host as u32 });
        let last = if self.same_identifier { 1 } else { 1 + host as u8 };
        let identifier = RouterId::new([192, 0, 2, last].into()).unwrap();
        let graceful = GracefulSettings { restart_time: Duration::from_secs(30) };
        Settings {
            hold_time: Duration::from_secs(self.hold_times[host]),
            opening: self.openings[host],
            graceful_restart: self.graceful[host].then_some(graceful),
            ..Settings::new(asn(host), PeerAs::Number(asn(1 - host)), identifier)
        }
    }
}
