use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_sansio::Rng;

use super::RibOut;
use crate::policy::{Addresses, NextHopSettings, NextHops, Policy, Route};
use crate::wire::{Announcement, Negotiated};
use crate::{Asn, Community, Families, Family, Prefix};

#[path = "../../tests/reader/mod.rs"]
mod reader;
use reader::{Change, Table, changes, messages};

fn policy(draining: bool) -> Policy {
    let addresses = Addresses {
        local: "192.0.2.1".parse().unwrap(),
        ipv6: Some("2001:db8::1".parse().unwrap()),
        ..Addresses::default()
    };
    let next_hops = NextHops::choose(&addresses, &NextHopSettings::default(), false);
    Policy { local_as: Asn(64512), internal: false, next_hops, draining }
}

fn negotiated(families: Families, enhanced: bool) -> Negotiated {
    Negotiated { families, four_octet_asns: true, enhanced_route_refresh: enhanced, ..Negotiated::default() }
}

fn both() -> Families {
    Family::ALL.into_iter().collect()
}

fn v4(n: u32) -> Prefix {
    Prefix::new((0xC633_6400_u32.wrapping_add(n)).to_be_bytes().into(), 32).unwrap()
}

fn v6(n: u16) -> Prefix {
    format!("2001:db8:1::{n:x}/128").parse().unwrap()
}

fn route(med: u32) -> Arc<Route> {
    Arc::new(Route { med: Some(med), ..Route::default() })
}

fn up(routes: &mut RibOut) -> Vec<u8> {
    routes.open(policy(false), negotiated(both(), false));
    drain(routes)
}

fn drain(routes: &mut RibOut) -> Vec<u8> {
    let mut out = Vec::new();
    routes.fill(&mut out, usize::MAX);
    out
}

#[test]
fn a_change_of_one_prefix_is_one_update_with_that_prefix() {
    let mut routes = RibOut::new();
    routes.set_complete(true);
    (0..1_000).for_each(|n| routes.set(v4(n), Some(route(1))));
    up(&mut routes);
    routes.set(v4(7), Some(route(2)));
    let sent = drain(&mut routes);
    assert_eq!(messages(&sent).len(), 1);
    assert!(matches!(changes(&sent)[..], [Change::Announced(prefix, _)] if prefix == v4(7)));
    routes.set(v4(8), None);
    assert_eq!(changes(&drain(&mut routes)), [Change::Withdrawn(v4(8))]);
    assert_eq!(routes.told(Family::Ipv4Unicast), 999);
}

#[test]
fn what_changes_before_it_is_sent_is_sent_once_or_not_at_all() {
    let mut routes = RibOut::new();
    routes.set(v4(1), Some(route(1)));
    up(&mut routes);
    routes.set(v4(2), Some(route(1)));
    routes.set(v4(2), None);
    routes.set(v4(1), None);
    routes.set(v4(1), Some(route(1)));
    assert_eq!((drain(&mut routes), routes.owed()), (vec![], 0));
    routes.set(v4(1), Some(route(2)));
    routes.set(v4(1), Some(route(3)));
    assert_eq!(changes(&drain(&mut routes)).len(), 1);
}

#[test]
fn what_looks_the_same_to_the_peer_is_not_sent() {
    let mut routes = RibOut::new();
    routes.set(v4(1), Some(route(1)));
    up(&mut routes);
    // An external peer never hears LOCAL_PREF.
    routes.set(v4(1), Some(Arc::new(Route { local_pref: Some(7), ..Route::clone(&route(1)) })));
    assert_eq!(drain(&mut routes), []);
}

#[test]
fn the_end_of_the_table_is_told_once_it_is_complete() {
    let mut routes = RibOut::new();
    routes.set(v4(1), Some(route(1)));
    assert_eq!(changes(&up(&mut routes)).len(), 1);
    routes.set(v6(1), Some(route(1)));
    assert_eq!(changes(&drain(&mut routes)).len(), 1);
    routes.set_complete(true);
    assert_eq!(changes(&drain(&mut routes)), [Change::EndOfRib(1), Change::EndOfRib(2)]);
    assert_eq!(drain(&mut routes), []);
}

#[test]
fn families_that_were_not_agreed_on_are_not_sent_and_say_why() {
    let mut routes = RibOut::new();
    routes.set(v4(1), Some(route(1)));
    routes.set(v6(1), Some(route(1)));
    routes.open(policy(false), negotiated([Family::Ipv4Unicast].into_iter().collect(), false));
    assert_eq!(changes(&drain(&mut routes)).len(), 1);
    assert!(routes.not_sent(&v6(1)).unwrap().to_string().contains("IPv6 unicast"));
    assert_eq!(routes.not_sent(&v4(1)), None);
}

#[test]
fn attributes_that_fit_into_no_message_take_the_route_back() {
    let mut routes = RibOut::new();
    routes.set(v4(1), Some(route(1)));
    up(&mut routes);
    let communities = (0..2_000).map(Community).collect();
    routes.set(v4(1), Some(Arc::new(Route { communities, ..Route::default() })));
    assert_eq!(changes(&drain(&mut routes)), [Change::Withdrawn(v4(1))]);
    assert_eq!((routes.oversized(), routes.owed()), (1, 0));
    routes.set(v4(1), Some(route(1)));
    assert_eq!(changes(&drain(&mut routes)).len(), 1);
}

/// Changes, partial drains, resets, refreshes and drains of the node in any order: the receiver ends with what should be
/// told, and where nobody asked for more has heard of no prefix that did not change.
#[test]
fn whatever_happens_the_receiver_ends_with_the_desired_table() {
    for seed in 0..3_000 {
        walk(seed);
    }
}

fn walk(seed: u64) {
    let mut rng = Rng::new(seed);
    let (strict, enhanced) = (rng.below(2) == 0, rng.below(2) == 0);
    let mut routes = RibOut::new();
    routes.set_complete(true);
    let (mut desired, mut table, mut draining) = (BTreeMap::new(), None::<Table>, false);
    for _ in 0..60 {
        let number = rng.below(6) as u32;
        let prefix = if rng.below(2) == 0 { v4(number) } else { v6(number as u16) };
        match rng.below(if strict { 12 } else { 16 }) {
            0..=4 => {
                let told = route(rng.below(3) as u32);
                desired.insert(prefix, Arc::clone(&told));
                routes.set(prefix, Some(told));
            }
            5..=6 => {
                desired.remove(&prefix);
                routes.set(prefix, None);
            }
            7 if rng.below(4) == 0 => {
                desired.clear();
                routes.clear();
            }
            7..=9 => read(seed, strict, &mut routes, table.as_mut(), 1 + rng.below(120) as usize),
            10 => {
                routes.open(policy(draining), negotiated(both(), enhanced));
                table = Some(Table::default());
            }
            11 => {
                routes.close();
                table = None;
            }
            12 => {
                draining = !draining;
                routes.change_policy(policy(draining));
            }
            13 => {
                routes.set_silent(true);
                read(seed, strict, &mut routes, table.as_mut(), rng.below(200) as usize);
                routes.set_silent(false);
            }
            _ => routes.refresh(if rng.below(2) == 0 { Family::Ipv4Unicast } else { Family::Ipv6Unicast }),
        }
    }
    if table.is_none() {
        routes.open(policy(draining), negotiated(both(), enhanced));
        table = Some(Table::default());
    }
    let mut table = table.unwrap();
    read(seed, strict, &mut routes, Some(&mut table), usize::MAX);
    let expected: BTreeMap<_, _> =
        desired.iter().map(|(prefix, route)| (*prefix, said(prefix, route, draining))).collect();
    assert_eq!(table.routes, expected, "seed {seed}");
    assert_eq!(routes.owed(), 0, "seed {seed}");
    assert_eq!(table.ends, [1, 2], "seed {seed}: each family's end is told once");
    assert!(table.refreshing.is_empty(), "seed {seed}: what is asked for is answered to the end");
    let told: usize = Family::ALL.into_iter().map(|family| routes.told(family)).sum();
    assert_eq!(told, expected.len(), "seed {seed}");
}

fn read(seed: u64, strict: bool, routes: &mut RibOut, table: Option<&mut Table>, enough: usize) {
    let mut out = Vec::new();
    routes.fill(&mut out, enough);
    let Some(table) = table else { return assert_eq!(out, []) };
    for change in changes(&out) {
        let idle = table.apply(&change);
        assert!(!(strict && idle), "seed {seed}: {change:?} changes nothing");
    }
}

/// What an announcement says of a prefix, if it is announced by itself.
fn said(prefix: &Prefix, route: &Route, draining: bool) -> Vec<u8> {
    let attributes = policy(draining).attributes(prefix, route).unwrap();
    let announcement =
        Announcement::new(Family::of(prefix), &attributes, &negotiated(both(), false)).unwrap();
    let mut out = Vec::new();
    announcement.write(&mut out, &mut [*prefix].into_iter());
    let [Change::Announced(_, said)] = &changes(&out)[..] else { panic!("one prefix is announced") };
    said.clone()
}
