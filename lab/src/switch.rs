//! What a switch does that it should not, or should: losing, filtering, snooping, isolating, waiting.
//!
//! Hosts are named as their ports are: `n1`, `client`, `cp`, `router`, and on the second segment `n1-eth1` and `client2`.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::lab::Lab;

/// Which way frames pass a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Direction {
    /// Those that its host sends.
    From,
    /// Those that its host is to get.
    To,
}

/// Whether a snooping switch asks hosts for their groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Querier {
    /// It asks; frames of a group then pass only where somebody said that they are wanted.
    Present,
    /// Nobody asks; Linux then lets all groups pass everywhere.
    Absent,
}

/// How long hosts may take to say which groups they want; snooping holds once this has passed.
const QUERY_RESPONSE: Duration = Duration::from_millis(500);

impl Lab {
    /// Loses `percent` of the frames from one host to another, in this direction only.
    ///
    /// # Errors
    /// When some are lost already, or it is no percentage.
    pub fn lose(&self, from: &str, to: &str, percent: u8) -> Result<()> {
        ensure!((1..=100).contains(&percent), "{percent} is not a percentage of what can be lost");
        if percent == 100 {
            return self.nft(&add_lossy(from, to, "drop"));
        }
        let chain = format!("lossy{percent}");
        self.nft(&format!(
            "add chain bridge lab {chain}
flush chain bridge lab {chain}
add rule bridge lab {chain} numgen random mod 100 < {percent} drop
{}",
            add_lossy(from, to, &format!("jump {chain}"))
        ))
    }

    /// Parts hosts from one another: each hears those of its own set, and of no other set. Who is in no set hears everybody.
    ///
    /// # Errors
    /// When some of their frames are lost already.
    pub fn partition(&self, sets: &[&[&str]]) -> Result<()> {
        let mut rules = String::new();
        for (number, set) in sets.iter().enumerate() {
            let others = sets.iter().enumerate().filter(|(other, _)| *other != number);
            let others = others.flat_map(|(_, set)| set.iter());
            rules.extend(others.flat_map(|to| set.iter().map(move |from| add_lossy(from, to, "drop"))));
        }
        self.nft(&rules)
    }

    /// Ends every loss and partition.
    ///
    /// # Errors
    /// When nft refuses.
    pub fn heal(&self) -> Result<()> {
        self.nft("flush map bridge lab lossy")
    }

    /// Keeps frames to a multicast group from passing a port one way.
    ///
    /// # Errors
    /// When nft refuses.
    pub fn filter_group(&self, way: Direction, name: &str, group: IpAddr) -> Result<()> {
        self.nft(&format!(
            "add element bridge lab {} {{ \"{name}\" . {} }}",
            filtered(way),
            ethernet_group(group)
        ))
    }

    /// Lets them pass again.
    ///
    /// # Errors
    /// When they do.
    pub fn unfilter_group(&self, way: Direction, name: &str, group: IpAddr) -> Result<()> {
        self.nft(&format!(
            "delete element bridge lab {} {{ \"{name}\" . {} }}",
            filtered(way),
            ethernet_group(group)
        ))
    }

    /// Storm control: of the broadcast and multicast frames that `name` sends, lets this many a second pass, and this many
    /// at once.
    ///
    /// # Errors
    /// When it has a cap already.
    pub fn cap_storms(&self, name: &str, per_second: u32, at_once: u32) -> Result<()> {
        let chain = format!("cap-{name}");
        self.nft(&format!(
            "add chain bridge lab {chain}
flush chain bridge lab {chain}
add rule bridge lab {chain} meta pkttype {{ broadcast, multicast }} limit rate over {per_second}/second burst {at_once} packets drop
add element bridge lab capped {{ \"{name}\" : jump {chain} }}"
        ))
    }

    /// Takes the cap off.
    ///
    /// # Errors
    /// When it has none.
    pub fn uncap_storms(&self, name: &str) -> Result<()> {
        self.nft(&format!("delete element bridge lab capped {{ \"{name}\" }}"))
    }

    /// Makes the ports of these hosts isolated, as in a private VLAN: none hears another of them; all hear and are heard by
    /// everybody else.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn isolate(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| self.isolated(name, "on"))
    }

    /// Lets them hear one another again.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn unisolate(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| self.isolated(name, "off"))
    }

    /// Makes the segment's switch learn who wants which group; returns once that holds. A querier needs an address, so the
    /// switch gets a link-local one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn snoop(&self, querier: Querier) -> Result<()> {
        let (asks, no_address) = match querier {
            Querier::Present => ("1", "0"),
            Querier::Absent => ("0", "1"),
        };
        let settings = [("accept_dad", "0"), ("accept_ra", "0"), ("disable_ipv6", no_address)];
        for (name, value) in settings {
            self.switch().check(["sysctl", "-qw", &format!("net.ipv6.conf.br0.{name}={value}")])?;
        }
        let response = (QUERY_RESPONSE.as_millis() / 10).to_string();
        let set = ["ip", "link", "set", "br0", "type", "bridge"];
        let timers = ["mcast_query_response_interval", &response, "mcast_startup_query_interval", "100"];
        let on = ["mcast_snooping", "1", "mcast_querier", asks];
        self.switch().check(set.iter().chain(&timers).chain(&on))?;
        std::thread::sleep(QUERY_RESPONSE * 3);
        Ok(())
    }

    /// Ends snooping.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unsnoop(&self) -> Result<()> {
        let off = ["mcast_snooping", "0", "mcast_querier", "0"];
        self.switch().check(["ip", "link", "set", "br0", "type", "bridge"].iter().chain(&off))?;
        self.switch().check(["sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1"]).map(drop)
    }

    /// Makes the segment's switch speak the spanning-tree protocol: a port that comes up has carrier at once, and passes
    /// frames only after twice this time (2 to 30 s).
    ///
    /// # Errors
    /// When the kernel refuses the time.
    pub fn span_tree(&self, forward_delay: Duration) -> Result<()> {
        let hundredths = (forward_delay.as_millis() / 10).to_string();
        let on = ["stp_state", "1", "forward_delay", &hundredths];
        self.switch().check(["ip", "link", "set", "br0", "type", "bridge"].iter().chain(&on)).map(drop)
    }

    fn isolated(&self, name: &str, state: &str) -> Result<()> {
        self.switch().check(["bridge", "link", "set", "dev", name, "isolated", state]).map(drop)
    }

    fn nft(&self, commands: &str) -> Result<()> {
        self.switch().check(["nft", commands]).map(drop)
    }
}

fn add_lossy(from: &str, to: &str, verdict: &str) -> String {
    format!("add element bridge lab lossy {{ \"{from}\" . \"{to}\" : {verdict} }}\n")
}

fn filtered(way: Direction) -> &'static str {
    match way {
        Direction::From => "filtered_from",
        Direction::To => "filtered_to",
    }
}

/// RFC 1112 §6.4, RFC 2464 §7.
fn ethernet_group(group: IpAddr) -> String {
    let bytes = match group {
        IpAddr::V4(group) => {
            let [_, b, c, d] = group.octets();
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            [0x33, 0x33, a, b, c, d]
        }
    };
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_ethernet_addresses() {
        let mac = |group: &str| ethernet_group(group.parse().unwrap());
        assert_eq!(mac("224.0.0.254"), "01:00:5e:00:00:fe");
        assert_eq!(mac("ff02::1:ff00:1234"), "33:33:ff:00:12:34");
    }
}
