//! keepalived, as who wants its fastest take-over sets it up: VRRP version 3, an advert every 10 ms, which is the shortest it
//! knows, real-time scheduling, and no return of the VIP to a node that comes back.

use std::fs;
use std::net::Ipv4Addr;

use anyhow::{Result, ensure};

use crate::rig::Rig;

/// Its VIP; it puts it on the interface of whoever is master.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 129);

const PROGRAM: &str = "keepalived";

/// Starts it on all nodes, in place of what runs there.
pub(crate) fn start_all(rig: &Rig) -> Result<()> {
    rig.stop_all()?;
    let folder = rig.lab.folder().join(PROGRAM);
    fs::create_dir_all(&folder)?;
    for (place, node) in rig.nodes().iter().enumerate() {
        fs::write(folder.join(format!("{node}.conf")), configuration(place, node))?;
        start(rig, node)?;
    }
    Ok(())
}

/// Starts it on one node.
pub(crate) fn start(rig: &Rig, node: &str) -> Result<()> {
    let file = format!("/lab/{PROGRAM}/{node}.conf");
    let pid = format!("--pid=/run/{PROGRAM}-{node}.pid");
    let vrrp_pid = format!("--vrrp_pid=/run/{PROGRAM}-vrrp-{node}.pid");
    rig.start(
        node,
        PROGRAM,
        &[PROGRAM, "--dont-fork", "--log-console", "--vrrp", "--use-file", &file, &pid, &vrrp_pid],
    )
}

/// Its processes on a node: one that watches, one that speaks VRRP.
pub(crate) fn processes(rig: &Rig, node: &str) -> Result<Vec<i32>> {
    let pids = rig.lab.node(node).pids_of(PROGRAM)?;
    ensure!(pids.len() == 2, "keepalived on {node} has the processes {pids:?}, not two");
    Ok(pids)
}

/// `place` counts from the node that comes first. Without a router id keepalived asks DNS for one before it starts.
fn configuration(place: usize, node: &str) -> String {
    // The higher, the less is added to the three adverts that a backup waits for.
    let priority = 250 - 10 * place;
    format!(
        "global_defs {{
  router_id {node}
  vrrp_version 3
  vrrp_rt_priority 40
  max_auto_priority 60
  vrrp_garp_master_delay 1
  vrrp_garp_master_repeat 5
  vrrp_garp_master_refresh 60
}}
vrrp_instance bench {{
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int 0.01
  virtual_ipaddress {{
    {VIP}/32 dev eth0
  }}
}}
"
    )
}
