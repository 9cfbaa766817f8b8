//! Unreachable routes for what is announced and no Service has. A prefix that is shorter than an address draws the traffic of
//! all its addresses; without such a route a node would send what it cannot serve to its default gateway, which sends it back.

mod kernel;

use std::collections::BTreeSet;
use std::io;

use ipnet::IpNet;

use crate::bgp::BgpDesired;

/// The routes that the kernel has from this speaker.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    /// `None`: not known, as after a start or a failure.
    has: Option<BTreeSet<IpNet>>,
}

impl Rejects {
    /// Has the kernel refuse what follows from `desired`. If it cannot, aggregates are taken out of `desired`: they are never
    /// announced without.
    pub(crate) async fn settle(&mut self, desired: &mut BgpDesired) {
        if self.has.as_ref() == Some(&desired.aggregates) {
            return;
        }
        if let Err(error) = self.set(desired.aggregates.clone()).await {
            let named = desired.aggregates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            desired.problems.push(format!(
                "what no Service has of {named} cannot be refused ({error}), so only single addresses are announced"
            ));
            desired.withhold_aggregates();
        }
    }

    /// Takes all of them back.
    pub(crate) async fn end(mut self) {
        if self.has.as_ref().is_none_or(|has| !has.is_empty())
            && let Err(error) = self.set(BTreeSet::new()).await
        {
            tracing::warn!(%error, "Unreachable routes of this speaker are left behind: ip route show proto {}.", kernel::PROTOCOL);
        }
    }

    async fn set(&mut self, wanted: BTreeSet<IpNet>) -> io::Result<()> {
        self.has = None;
        let set = wanted.clone();
        tokio::task::spawn_blocking(move || kernel::set(&set)).await.map_err(io::Error::other)??;
        self.has = Some(wanted);
        Ok(())
    }
}
