//! What went wrong elsewhere, and seeds that once failed here.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use ferrolb_model::ServiceId;

use super::{
    draw::Scenario,
    end::play,
    fault::Fault,
    mistake::Mistake,
    op::{Edit, Hand, Op, Shape},
    streams::Kind,
    user::{addresses, service_id},
    world::World,
};
use crate::write::FIELD_MANAGER;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn plain() -> Shape {
    Shape { port: 80, ..Shape::default() }
}

/// Plays these events, which nothing may go wrong with.
fn story(controllers: usize, ops: Vec<(Duration, Op)>) -> World {
    told(7, controllers, ops)
}

/// The same with other chances.
fn told(seed: u64, controllers: usize, ops: Vec<(Duration, Op)>) -> World {
    let scenario =
        Scenario { seed, controllers, default_class: true, cleanup_finalizer: false, calm: false, ops };
    let world = play(&scenario, false);
    assert!(world.checks.violations.is_empty(), "{:#?}", world.checks.violations);
    world
}

fn all_addresses(world: &World) -> BTreeMap<ServiceId, Vec<IpAddr>> {
    world.store.services.iter().map(|(id, service)| (id.clone(), addresses(service))).collect()
}

fn create(numbers: std::ops::Range<u64>, at: Duration) -> Vec<(Duration, Op)> {
    numbers.map(|number| (at, Op::Create(number, plain()))).collect()
}

/// Seed 7351: two leaders after a restore of etcd, one of which did not know of a pool yet, undid each other's writes.
#[test]
fn who_undoes_every_write_is_answered_once_a_second() {
    let mut ops = create(0..1, seconds(2));
    let every = |number: u64| seconds(20) + Duration::from_millis(50 * number);
    ops.extend((0..100).map(|number| (every(number), Op::Status(0, Hand::ClearIngress))));
    let world = story(1, ops);
    let id = service_id(0);
    assert_eq!(addresses(&world.store.services[&id]).len(), 1);
    // A few give it and say who announces it; three at once, then one a second, put it right.
    let patches = world.checks.patches[&id];
    assert!((8..=15).contains(&patches), "{patches} patches");
}

/// MetalLB #1774, #2443, #2479: after a restart a Service that waited got an address that another had.
#[test]
fn a_restart_gives_nobodys_address_to_one_that_waits() {
    // Eight addresses may be had without asking, so two of ten wait.
    let mut ops = create(0..10, seconds(5));
    let before = all_addresses(&story(1, ops.clone()));
    assert_eq!(before.values().filter(|addresses| addresses.is_empty()).count(), 2);
    ops.push((seconds(20), Op::Fault(Fault::Crash { controller: 0, away: seconds(1) })));
    ops.push((seconds(60), Op::Fault(Fault::Stop { controller: 0, away: seconds(1) })));
    let after = story(1, ops);
    assert_eq!(all_addresses(&after), before);
}

/// MetalLB #725, #2629: two controllers at once gave one address to two Services.
#[test]
fn of_three_controllers_one_gives_addresses() {
    let mut ops = create(0..4, seconds(5));
    ops.push((seconds(6), Op::Fault(Fault::Stop { controller: 0, away: seconds(2) })));
    ops.push((seconds(7), Op::Fault(Fault::Crash { controller: 1, away: seconds(2) })));
    ops.extend(create(4..8, seconds(8)));
    ops.push((seconds(30), Op::Fault(Fault::Cut { controller: 2, lasts: seconds(20) })));
    let world = story(3, ops);
    assert!(all_addresses(&world).values().all(|addresses| addresses.len() == 1));
}

/// Calico #12503: at a cold start addresses were given before all Services were known.
#[test]
fn a_slow_list_delays_addresses_and_gives_none_twice() {
    let mut ops = create(0..6, seconds(2));
    ops.push((seconds(20), Op::Fault(Fault::Slow { lasts: seconds(40) })));
    ops.push((seconds(21), Op::Fault(Fault::Crash { controller: 0, away: seconds(1) })));
    ops.extend(create(6..8, seconds(21)));
    let world = story(1, ops);
    assert!(all_addresses(&world).values().all(|addresses| addresses.len() == 1));
}

/// kube-vip #665: two leaders, one address. Here the first is frozen with a write on its way.
#[test]
fn a_frozen_leaders_last_write_takes_no_address_from_anybody() {
    for milliseconds in (0..60).step_by(3) {
        let mut ops = create(0..8, seconds(5));
        let freeze = Fault::Freeze { controller: 0, lasts: seconds(40), holds_requests: true };
        ops.push((seconds(5) + Duration::from_millis(milliseconds), Op::Fault(freeze)));
        ops.push((seconds(10), Op::Delete(1)));
        ops.push((seconds(25), Op::Create(9, plain())));
        story(2, ops);
    }
}

/// The same, and the write takes effect after the next leader gave the address to somebody else, for whom it is announced by
/// then. It stays there, whether that leader sees it happen or another, later, finds two with one address.
#[test]
fn a_frozen_leaders_duplicate_is_healed() {
    let mut late = [0, 0];
    for seed in 0..20 {
        let crash = seed % 2 == 1;
        let mut ops = create(0..2, seconds(3));
        ops.push((seconds(10), Op::Fault(Fault::FreezeInWrite { lasts: seconds(19) })));
        ops.push((seconds(10), Op::Create(3, plain())));
        ops.push((seconds(12), Op::Delete(1)));
        ops.push((seconds(13), Op::Create(4, plain())));
        ops.push((seconds(14), Op::Fault(Fault::Refuse { service: 3, lasts: seconds(20) })));
        // All faults end after the last event.
        ops.push((seconds(40), Op::Delete(9)));
        if crash {
            // The next leader is gone when it happens, or a moment later.
            let away = seconds(2);
            ops.extend([0, 1].map(|controller| {
                (Duration::from_millis(28_500 + seed * 10), Op::Fault(Fault::Crash { controller, away }))
            }));
            ops.sort_by_key(|(at, _)| *at);
        }
        let world = told(seed, 2, ops);
        if world.checks.late > 0 {
            let after = all_addresses(&world);
            let third: IpAddr = [192, 0, 2, 3].into();
            assert!(after[&service_id(4)].contains(&third), "seed {seed}: {after:?}");
        }
        late[usize::from(crash)] += world.checks.late;
    }
    assert!(late.iter().all(|late| *late > 5), "{late:?} writes came late");
}

/// The finalizer is Kubernetes' own, and other load balancers put it on their Services.
#[test]
fn another_load_balancers_finalizer_stays() {
    let other = Shape { class: Some("other.io/lb"), ..plain() };
    let mut ops = vec![(seconds(5), Op::Create(0, other.clone())), (seconds(5), Op::Create(1, other))];
    ops.extend([0, 1].map(|number| (seconds(10), Op::Edit(number, Edit::Finalizer("another")))));
    ops.push((seconds(12), Op::Edit(0, Edit::Leave)));
    ops.push((seconds(13), Op::Delete(1)));
    ops.push((seconds(20), Op::Fault(Fault::Crash { controller: 0, away: seconds(1) })));
    let scenario =
        Scenario { seed: 7, controllers: 1, default_class: true, cleanup_finalizer: true, calm: false, ops };
    let world = play(&scenario, false);
    assert!(world.checks.violations.is_empty(), "{:#?}", world.checks.violations);
    assert!(world.store.services.values().all(|service| service.metadata.finalizers.is_some()));
}

/// Once finalizers are not asked for any more ours goes, also if it is the leader's first sight of it, and another's stays.
#[test]
fn of_two_served_services_only_our_finalizer_goes() {
    let mut ops = create(0..4, seconds(5));
    let puts = |number, manager| Op::Edit(number, Edit::Finalizer(manager));
    ops.extend([(seconds(10), puts(0, FIELD_MANAGER)), (seconds(10), puts(1, "another"))]);
    ops.push((seconds(20), Op::Fault(Fault::Crash { controller: 0, away: seconds(10) })));
    ops.extend([(seconds(22), puts(2, FIELD_MANAGER)), (seconds(22), puts(3, "another"))]);
    ops.extend((0..4).map(|number| (seconds(50), Op::Edit(number, Edit::Label(number)))));
    let world = story(1, ops);
    let has = |number| world.store.services[&service_id(number)].metadata.finalizers.is_some();
    assert_eq!([0, 1, 2, 3].map(has), [false, true, false, true]);
    assert!(all_addresses(&world).values().all(|addresses| addresses.len() == 1));
}

/// MetalLB compares a status without `ipMode` with one that the API server has filled in, and writes for ever.
#[test]
fn what_the_api_server_fills_in_is_not_written_again() {
    let world = story(1, create(0..3, seconds(5)));
    assert!(world.checks.patches.values().all(|patches| *patches == 2), "the address, and who announces it");
}

/// Nobody watched when a Service was deleted, and when another stopped being a load balancer.
#[test]
fn what_left_while_no_controller_ran_leaves_its_address() {
    let mut ops = create(0..10, seconds(5));
    ops.push((seconds(20), Op::Fault(Fault::Crash { controller: 0, away: seconds(10) })));
    ops.push((seconds(25), Op::Delete(0)));
    ops.push((seconds(25), Op::Edit(1, Edit::Leave)));
    let world = story(1, ops);
    let after = all_addresses(&world);
    assert_eq!(after.values().filter(|addresses| !addresses.is_empty()).count(), 8, "who waited is served");
    assert!(world.store.services[&service_id(1)].status.conditions.is_empty());
}

/// A status edited by hand says again what it said.
#[test]
fn a_status_edited_by_hand_is_put_right() {
    let before = all_addresses(&story(1, create(0..2, seconds(5))));
    for hand in [
        Hand::ClearIngress,
        Hand::ClearAll,
        Hand::Add("10.9.9.9"),
        Hand::Replace("192.0.2.4"),
        Hand::DropCondition,
        Hand::EditCondition,
        Hand::Proxy,
        Hand::CopyOf(1),
    ] {
        let mut ops = create(0..2, seconds(5));
        ops.push((seconds(20), Op::Status(0, hand.clone())));
        assert_eq!(all_addresses(&story(1, ops)), before, "{hand:?}");
    }
}

/// A Service that is deleted waits for us only as long as it is announced.
#[test]
fn a_finalizer_goes_when_its_service_does() {
    let mut ops = create(0..4, seconds(5));
    ops.push((seconds(15), Op::Delete(0)));
    ops.push((seconds(15), Op::Edit(1, Edit::Leave)));
    ops.push((seconds(20), Op::Fault(Fault::Crash { controller: 0, away: seconds(20) })));
    ops.push((seconds(25), Op::Delete(2)));
    ops.push((seconds(25), Op::Edit(3, Edit::Leave)));
    let scenario =
        Scenario { seed: 7, controllers: 1, default_class: true, cleanup_finalizer: true, calm: false, ops };
    let world = play(&scenario, false);
    assert!(world.checks.violations.is_empty(), "{:#?}", world.checks.violations);
    let left: Vec<_> = world.store.services.keys().cloned().collect();
    assert_eq!(left, [service_id(1), service_id(3)]);
    assert!(world.store.services.values().all(|service| service.metadata.finalizers.is_none()));
}

/// Seed 1308: after etcd was restored, a slice of an older version was not believed, and nothing was announced any more.
#[test]
fn after_a_restore_slices_are_what_the_list_says() {
    let mut ops = create(0..1, seconds(3));
    ops.push((seconds(4), Op::Fault(Fault::Snapshot)));
    ops.push((seconds(5), Op::Create(1, plain())));
    ops.push((seconds(13), Op::Fault(Fault::Restore { bump: false, noticed: seconds(13) })));
    ops.push((seconds(46), Op::Delete(0)));
    story(1, ops);
}

/// Seed 382: a Service whose condition somebody had removed by hand kept our finalizer when it left, for ever.
#[test]
fn a_finalizer_goes_even_if_our_condition_went_before() {
    let mut ops = create(0..2, seconds(5));
    ops.push((seconds(10), Op::Fault(Fault::Faulty { per_mille: 1000, lasts: seconds(3) })));
    ops.push((seconds(11), Op::Status(0, Hand::ClearAll)));
    ops.push((seconds(11), Op::Status(1, Hand::ClearAll)));
    ops.push((seconds(12), Op::Edit(0, Edit::Leave)));
    ops.push((seconds(12), Op::Delete(1)));
    ops.push((seconds(20), Op::Delete(0)));
    let scenario =
        Scenario { seed: 7, controllers: 1, default_class: true, cleanup_finalizer: true, calm: false, ops };
    let world = play(&scenario, false);
    assert!(world.checks.violations.is_empty(), "{:#?}", world.checks.violations);
    assert!(world.store.services.is_empty());
}

/// Seed 595: a pool of the same generation but another spec was not looked at.
#[test]
fn a_pool_made_anew_under_its_name_is_another() {
    let mut ops = create(0..2, seconds(5));
    let gap = Fault::Break { controller: 0, kind: Kind::Pools, pause: seconds(5) };
    ops.push((seconds(10), Op::Fault(gap)));
    ops.push((seconds(11), Op::DeletePool(0)));
    ops.push((seconds(12), Op::Pool(0, 1)));
    let world = story(1, ops);
    assert_eq!(world.store.pools["lan"].status.as_ref().unwrap().available_ipv4, 8);
}

/// Seed 7321: a bad pool was given the addresses of a good one that had had its name.
#[test]
fn a_bad_pool_made_anew_has_no_good_version() {
    let mut ops = create(0..1, seconds(5));
    let gap = Fault::Break { controller: 0, kind: Kind::Pools, pause: seconds(5) };
    ops.push((seconds(10), Op::Fault(gap)));
    ops.push((seconds(11), Op::DeletePool(0)));
    ops.push((seconds(12), Op::Pool(0, 6)));
    ops.push((seconds(20), Op::Create(1, plain())));
    let world = story(1, ops);
    let told = |number| world.store.services[&service_id(number)].status.conditions[0].reason.clone();
    assert_eq!(told(0), "PoolMissing", "it keeps its address");
    let other: IpAddr = [198, 51, 100, 1].into();
    assert_eq!(all_addresses(&world)[&service_id(1)], [other]);
}

/// Seed 1614: after a restore a list told of an older version than the one a refused write was from, and the write was
/// never tried again.
#[test]
fn after_a_restore_a_refused_write_is_tried_again() {
    let freeze = Fault::Freeze { controller: 0, lasts: seconds(6), holds_requests: false };
    let mut ops = create(0..1, seconds(3));
    ops.push((seconds(4), Op::Fault(Fault::Snapshot)));
    ops.push((seconds(8), Op::DeletePool(0)));
    ops.push((seconds(15), Op::Fault(freeze)));
    ops.push((seconds(16), Op::Fault(Fault::Restore { bump: true, noticed: seconds(10) })));
    // The order in which lists come is chance.
    (0..10).for_each(|seed| drop(told(seed, 1, ops.clone())));
}

/// Seed 258: a Service that became Local was announced as Cluster for ever, as long as its candidates were the same.
#[test]
fn a_service_that_becomes_local_is_announced_as_local() {
    let mut ops = create(1..2, seconds(5));
    ops.push((seconds(19), Op::Edit(1, Edit::Local(true))));
    let world = story(1, ops);
    let vips = world.store.slices.values().flat_map(|slice| &slice.spec.vips);
    assert!(vips.into_iter().all(|vip| vip.traffic_policy == ferrolb_api::TrafficPolicy::Local));
}

/// Seed 132: a Service that left while the only leader's watch was broken kept our conditions.
#[test]
fn a_service_that_leaves_during_a_gap_of_the_watch_loses_our_conditions() {
    let mut ops = create(0..1, seconds(5));
    let gap = Fault::Break { controller: 0, kind: Kind::Services, pause: seconds(5) };
    ops.push((seconds(10), Op::Fault(gap)));
    ops.push((seconds(12), Op::Edit(0, Edit::Leave)));
    let world = story(1, ops);
    assert!(world.store.services[&service_id(0)].status.conditions.is_empty());
}

/// Seed 2688: a new leader deleted every slice before it knew the endpoints that a Service under Local made it ask for.
#[test]
fn a_new_leader_withdraws_nothing_while_it_does_not_know_all() {
    let local = Shape { local: true, ..plain() };
    let mut ops = create(0..3, seconds(2));
    ops.push((seconds(2), Op::Create(3, local)));
    ops.push((seconds(100), Op::Fault(Fault::Crash { controller: 0, away: seconds(1) })));
    story(1, ops);
}

/// Seeds 1614, 2582, 2688, 4728: a slice that the watch told of before its conflict was answered waited for ever.
#[test]
fn a_slice_is_written_after_a_list_that_was_older_than_it() {
    for milliseconds in (0..4000).step_by(250) {
        let mut ops = vec![
            (seconds(10), Op::Fault(Fault::Slow { lasts: seconds(15) })),
            (seconds(10), Op::Fault(Fault::Break { controller: 0, kind: Kind::Slices, pause: seconds(6) })),
        ];
        ops.push((seconds(15) + Duration::from_millis(milliseconds), Op::Create(0, plain())));
        ops.push((seconds(40), Op::Create(1, plain())));
        story(1, ops);
    }
}

/// Seed 4: a condition about announcing whose write had failed was never tried again.
#[test]
fn what_is_told_of_announcing_survives_failed_writes() {
    let mut ops = create(0..3, seconds(5));
    ops.push((seconds(5), Op::Fault(Fault::Faulty { per_mille: 800, lasts: seconds(12) })));
    story(1, ops);
}

/// No incident so far: whatever mistake there may be is found, named, and put right without anybody's address moving.
#[test]
fn a_mistake_in_the_program_is_found_and_put_right() {
    // Eight addresses may be had without asking, so two of ten wait; the other variant of the pool has room for them.
    let before = all_addresses(&story(1, create(0..10, seconds(5))));
    for (mistake, then, served) in [
        (Mistake::ForgetsService(1), Op::Create(10, plain()), 8),
        (Mistake::ForgetsPools, Op::Create(10, plain()), 8),
        (Mistake::ForgetsVip(1), Op::Create(10, plain()), 8),
        (Mistake::LosesDecisions(0, 1), Op::Pool(0, 1), 10),
    ] {
        let mut ops = create(0..10, seconds(5));
        ops.push((seconds(20), Op::Fault(Fault::Mistake(mistake))));
        // Right after it what matters is right; for what comes in between the first audit has to be over.
        let pause = if matches!(then, Op::Pool(..)) { Duration::ZERO } else { seconds(15) };
        ops.push((seconds(20) + pause, then));
        let world = story(1, ops);
        assert!(!world.checks.found.is_empty(), "{mistake:?} was not found");
        let mut after = all_addresses(&world);
        after.retain(|id, _| before.contains_key(id));
        for (id, addresses) in before.iter().filter(|(_, addresses)| !addresses.is_empty()) {
            assert_eq!(after[id], *addresses, "{id} after {mistake:?}");
        }
        assert_eq!(after.values().filter(|addresses| !addresses.is_empty()).count(), served, "{mistake:?}");
    }
}
