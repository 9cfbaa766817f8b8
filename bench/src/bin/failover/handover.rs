//! Owners that leave in order: a speaker that is asked to end, a node that is cordoned, and all speakers restarted, one after
//! another, as an upgrade of the DaemonSet does. Clients must not lose a packet.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use ferrolb_bench::Report;
use ferrolb_lab::wait;
use ferrolb_tests::metrics::get;

use crate::flows::{Counts, Flows};
use crate::plan::Plan;
use crate::rig::{ADMIN_PORT, Rig, Scheduling};
use crate::vips::Vips;

const READY_WITHIN: Duration = Duration::from_secs(10);
/// So that the clients have followed one move before the next, and see all of its consequences.
const REST: Duration = Duration::from_millis(300);

pub(crate) fn measure(rig: &Rig, plan: &Plan, report: &mut Report) -> Result<()> {
    rig.deploy(Scheduling::Realtime, &Vips::one())?;
    sleep(REST);
    let one = during(rig, || (0..plan.handovers).try_for_each(|_| hand_over(rig)))?;
    let cordoned = during(rig, || (0..plan.handovers).try_for_each(|_| drain(rig)))?;
    let all = during(rig, || (0..plan.upgrades).try_for_each(|_| upgrade(rig)))?;
    report
        .count("handovers", plan.handovers.into())
        .count("drains", plan.handovers.into())
        .count("upgrades", plan.upgrades.into());
    for (prefix, Counts { sent, lost, resets }) in [("handover", one), ("drain", cordoned), ("upgrade", all)]
    {
        report
            .count(&format!("{prefix}_sent"), sent)
            .count(&format!("{prefix}_lost"), lost)
            .count(&format!("{prefix}_resets"), resets);
        eprintln!("{prefix}: {lost} of {sent} lost, {resets} connections reset");
    }
    Ok(())
}

/// What the client counts while `moves` are made.
fn during(rig: &Rig, moves: impl FnOnce() -> Result<()>) -> Result<Counts> {
    let flows = Flows::start(rig)?;
    sleep(REST);
    let moved = moves();
    sleep(REST);
    let counts = flows.finish()?;
    moved.map(|()| counts)
}

fn owner(rig: &Rig) -> Result<String> {
    let owners = rig.owners(Scheduling::Realtime, 1)?;
    owners.into_iter().find_map(|(node, owned)| (owned == 1).then_some(node)).context("nobody owns the VIP")
}

/// The owner's node is cordoned until another owns the VIP.
fn drain(rig: &Rig) -> Result<()> {
    let before = owner(rig)?;
    rig.cordon(Some(&before))?;
    wait("the VIP is handed over", READY_WITHIN, || owner(rig).is_ok_and(|now| now != before))?;
    sleep(REST);
    rig.cordon(None)?;
    sleep(REST);
    Ok(())
}

/// The owner's speaker ends, and is started again once it has.
fn hand_over(rig: &Rig) -> Result<()> {
    restart(rig, &owner(rig)?)?;
    rig.wait_for_owners(Scheduling::Realtime, 1)?;
    sleep(REST);
    Ok(())
}

/// The speakers are restarted one after another; each once the one before is ready.
fn upgrade(rig: &Rig) -> Result<()> {
    for node in rig.nodes() {
        restart(rig, &node)?;
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT));
        wait("the speaker is ready", READY_WITHIN, || get(&rig.lab, &node, admin, "/readyz").is_ok())?;
    }
    rig.wait_for_owners(Scheduling::Realtime, 1)?;
    sleep(REST);
    Ok(())
}

fn restart(rig: &Rig, node: &str) -> Result<()> {
    rig.stop(node)?;
    rig.start_speaker(node, Scheduling::Realtime)
}
