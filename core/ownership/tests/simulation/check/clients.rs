//! What clients must believe.

use core::time::Duration;

use ferrolb_sim::Port;

use super::Rule;
use crate::speaker::mac;
use crate::world::World;

/// A client must send to the only owner 300 ms after it claimed, or 600 ms after the last fault; after the next
/// announcement in its schedule where the client could not be reached and nobody could know.
pub(super) fn check(world: &mut World, index: usize, owners: &[usize]) {
    let (now, vip, count) = (world.now(), world.scene.vips[index], world.scene.speakers);
    let &[owner] = owners else {
        for client in 0..world.scene.users() {
            let slot = index * world.scene.users() + client;
            world.checks.wrong_since[slot] = None;
            let believes = world.clients[client].cache[index].mac;
            if owners.iter().any(|&owner| believes == Some(mac(owner))) {
                world.checks.rivalled_at[slot] = now;
            }
        }
        return;
    };
    if !world.network.conditions.is_whole() || world.network.conditions.loses() {
        for client in 0..world.scene.users() {
            let reached = world.network.conditions.passes(Port(owner), Port(count + client));
            if !reached || world.network.conditions.loses() {
                world.checks.cut_at[index * world.scene.users() + client] = now;
            }
        }
    }
    let whole = world.checks.whole;
    for client in 0..world.scene.users() {
        let (here, there) = (Port(owner), Port(count + client));
        let told =
            world.network.conditions.passes(here, there) && world.network.conditions.passes(there, here);
        let believes = world.clients[client].cache[index].mac;
        let wrong =
            whole && told && !world.network.conditions.loses() && believes.is_some_and(|at| at != mac(owner));
        let slot = index * world.scene.users() + client;
        if !wrong {
            world.checks.wrong_since[slot] = None;
            continue;
        }
        world.checks.open = true;
        let began = *world.checks.wrong_since[slot].get_or_insert(now);
        let claimed = world.speakers[owner].claimed_at(vip);
        let lasts = now.since(began.max(world.disturbed).max(claimed));
        world.checks.longest_wrong = world.checks.longest_wrong.max(lasts);
        let (rivalled, cut) = (world.checks.rivalled_at[slot], world.checks.cut_at[slot]);
        let limit = if world.disturbed < claimed {
            Duration::from_millis(300)
        } else if rivalled > world.disturbed || (rivalled < claimed && cut < claimed) {
            Duration::from_millis(600)
        } else {
            // It was cut off and is back, or a rival whom no speaker could hear moved it and died: nobody can know,
            // and it waits for the next announcement.
            Duration::from_millis(5_300)
        };
        if lasts > limit {
            world.checks.violate(Rule::ClientsView, now, || {
                format!("client {client} sends {vip} to {believes:?}, not to node-{owner}, for {lasts:?}")
            });
        }
    }
}
