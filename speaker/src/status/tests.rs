use ferrolb_api::{ExceptionKind, MAX_EXCEPTIONS};
use ferrolb_ownership::{Counters, Plan, StateName, VipPlan, VipStatus};

use super::*;
use crate::wire::{PortReport, SocketCounters};

fn vip(last: u8, state: StateName) -> VipStatus {
    VipStatus {
        vip: IpAddr::from([192, 0, 2, last]),
        state,
        owner: Some(NodeName::new("node-b").unwrap()),
        term: 4,
        ballot: None,
        since: Instant::from_millis(1_500),
        contestant: None,
        damped_until: None,
    }
}

fn placed(first: &str, ready: bool) -> VipPlan {
    VipPlan { candidates: vec![NodeName::new(first).unwrap()], move_to: None, revision: 1, ready }
}

fn interface(index: u32) -> ferrolb_ownership::Interface {
    ferrolb_ownership::Interface {
        index,
        name: "eth0".to_owned(),
        mac: Mac([2; 6]),
        addresses: vec!["192.0.2.10/24".parse().unwrap()],
        gateways: Vec::new(),
        carrier: true,
    }
}

fn with_status<T>(
    plans: &[(u8, VipPlan)],
    vips: Vec<VipStatus>,
    leaving: &str,
    check: impl FnOnce(SpeakerStateStatus) -> T,
) -> T {
    let vip_plans = plans.iter().map(|(last, plan)| (IpAddr::from([192, 0, 2, *last]), plan.clone()));
    let plan = Plan { revision: 1, vips: vip_plans.collect() };
    let interfaces = BTreeMap::from([(2, (interface(2), plan))]);
    with_desired(&Desired { interfaces, leaving: leaving.to_owned(), ..Desired::default() }, vips, check)
}

fn with_desired<T>(
    desired: &Desired,
    vips: Vec<VipStatus>,
    check: impl FnOnce(SpeakerStateStatus) -> T,
) -> T {
    check(after(&mut Said::default(), desired, 1, vips))
}

/// The status once a report with this edition of the VIPs has come.
fn after(said: &mut Said, desired: &Desired, edition: u64, vips: Vec<VipStatus>) -> SpeakerStateStatus {
    let port = PortReport {
        interface: "eth0".into(),
        counters: Counters::default(),
        socket: SocketCounters::default(),
        segment: SegmentStatus {
            interval: Duration::from_micros(25_600),
            heard: vec![NodeName::new("node-b").unwrap()],
            filtered: Vec::new(),
            isolated: false,
        },
        acquainted: true,
        edition: (Instant::ZERO, edition),
        vips,
    };
    let report = Report { ports: vec![port], ..Report::default() };
    let mut hearing = Hearing::default();
    hearing.hear(&report);
    let mac = Mac([2, 0, 0, 0, 0, 9]);
    let heard = Duplicate { mac, since: Instant::from_millis(9_000), last: Instant::from_millis(9_000) };
    let facts = Facts {
        node: &NodeName::new("node-a").unwrap(),
        desired,
        report: &report,
        sessions: &Sessions::default(),
        paths: &Paths::default(),
        waiting: &BTreeMap::new(),
        hearing: &hearing,
        duplicates: &Duplicates::from([((IpAddr::from([192, 0, 2, 9]), Arc::from("eth0")), heard)]),
        calendar: Calendar::new(Instant::from_millis(3_000), Timestamp::from_second(1_000).unwrap()),
        realtime: true,
        problem: Some("one"),
        stale: false,
    };
    status(&facts, said)
}

#[test]
fn what_is_not_as_planned_is_listed() {
    let plans = [
        (1, placed("node-a", true)),
        (2, placed("node-b", true)),
        (3, placed("node-a", true)),
        (4, placed("node-a", false)),
        (5, placed("node-b", true)),
        (9, placed("node-a", true)),
    ];
    let states = vec![
        vip(1, StateName::Owner),
        vip(2, StateName::Owner),
        vip(3, StateName::Backup),
        vip(4, StateName::Backup),
        vip(5, StateName::Backup),
        vip(9, StateName::Owner),
    ];
    with_status(&plans, states, "", |status| {
        assert_eq!(status.vips_owned, 3);
        let listed: Vec<_> = status.exceptions.iter().map(|e| (e.ip.as_str(), e.kind)).collect();
        assert_eq!(
            listed,
            [
                ("192.0.2.2", ExceptionKind::Taken),
                ("192.0.2.3", ExceptionKind::Missing),
                ("192.0.2.4", ExceptionKind::Missing),
                ("192.0.2.9", ExceptionKind::Duplicate),
            ]
        );
        assert_eq!(status.exceptions[1].reason, "node-b answers for it");
        assert!(status.exceptions[2].reason.contains("no ready endpoint"));
        assert!(status.exceptions[3].reason.contains("02:00:00:00:00:09"));
        assert_eq!(status.exceptions[0].since.as_second(), 999, "a second and a half before boot 3 s");
        assert_eq!(status.exceptions[3].since.as_second(), 1_006);
        assert_eq!(status.configuration.problem, "one");
        assert_eq!(status.interfaces[0].addresses, ["192.0.2.10/24"]);
        let segment = Segment {
            heartbeat_milliseconds: 26,
            relaxed: true,
            heard: vec!["node-b".to_owned()],
            ..Segment::default()
        };
        assert_eq!(status.interfaces[0].segment, Some(segment), "32 speakers, and real-time scheduling");
    });
}

#[test]
fn vips_are_looked_at_again_in_another_edition_or_when_the_plan_has_changed() {
    let desired = |first: &str| {
        let plan = Plan { revision: 1, vips: [(IpAddr::from([192, 0, 2, 1]), placed(first, true))].into() };
        Desired { interfaces: BTreeMap::from([(2, (interface(2), plan))]), ..Desired::default() }
    };
    let (ours, theirs, mut said) = (desired("node-a"), desired("node-b"), Said::default());
    let mut owned = |desired, edition, vips: &[VipStatus]| {
        let status = after(&mut said, desired, edition, vips.to_vec());
        (status.vips_owned, status.exceptions.len())
    };
    let owner = [vip(1, StateName::Owner)];
    assert_eq!(owned(&ours, 1, &owner), (1, 0));
    assert_eq!(owned(&ours, 1, &[]), (1, 0), "the same edition bears the same VIPs");
    assert_eq!(owned(&ours, 2, &[]), (0, 0));
    assert_eq!(owned(&ours, 3, &owner), (1, 0));
    said.forget();
    assert_eq!(after(&mut said, &theirs, 3, owner.to_vec()).exceptions.len(), 1);
}

#[test]
fn interfaces_where_no_vip_lives_are_told_of_after_those_where_one_does() {
    let interfaces = BTreeMap::from([(2, (interface(2), Plan::default()))]);
    let idle = vec![ferrolb_ownership::Interface { name: "eth1".to_owned(), ..interface(1) }];
    with_desired(&Desired { interfaces, idle, ..Desired::default() }, Vec::new(), |status| {
        let told = status.interfaces.iter().map(|one| (one.name.as_str(), one.segment.is_some()));
        assert_eq!(told.collect::<Vec<_>>(), [("eth0", true), ("eth1", false)]);
    });
}

#[test]
fn a_vip_that_moves_and_a_node_that_leaves_are_told_of() {
    let moved = |first: &str| VipPlan { move_to: NodeName::new(first).ok(), ..placed(first, true) };
    let plans = [(1, moved("node-a")), (2, moved("node-b"))];
    let states = vec![vip(1, StateName::Backup), vip(2, StateName::Ceding)];
    with_status(&plans, states.clone(), "", |status| {
        let reasons: Vec<_> = status.exceptions.iter().map(|exception| exception.reason.as_str()).collect();
        let wanted =
            ["node-b answers for it and is to hand it over", "node-b is to take it over as soon as it can"];
        assert_eq!((reasons, status.leaving.as_str()), (wanted.to_vec(), ""));
    });
    let damped = VipStatus { damped_until: Some(Instant::from_millis(91_000)), ..vip(2, StateName::Owner) };
    with_status(&plans, vec![damped], "", |status| {
        let wanted =
            "it was moved twice within three minutes; node-b is to take it over at 1970-01-01T00:18:08Z";
        assert_eq!(status.exceptions[0].reason, wanted);
    });
    with_status(&plans, states, "cordoned", |status| {
        assert_eq!(status.exceptions[0].reason, "this node is cordoned; node-b answers for it");
        assert_eq!(status.leaving, "cordoned");
    });
}

#[test]
fn a_station_that_keeps_a_vip_from_being_claimed_is_named() {
    let mac = Mac([2, 0, 0, 0, 0, 7]);
    let waits = |last, owner: Option<&str>| VipStatus {
        owner: owner.map(|owner| NodeName::new(owner).unwrap()),
        contestant: Some(mac),
        ..vip(last, StateName::Backup)
    };
    let [first, second] = ["node-a", "node-b"].map(|node| placed(node, true));
    let plans = [(1, first.clone()), (2, first.clone()), (3, first), (4, second)];
    let states = vec![waits(1, None), waits(2, Some("node-a")), waits(3, Some("node-b")), waits(4, None)];
    with_status(&plans, states, "", |status| {
        let kinds = |ip: &str| -> Vec<_> {
            status.exceptions.iter().filter(|one| one.ip == ip).map(|one| one.kind).collect()
        };
        for ip in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
            assert_eq!(kinds(ip), [ExceptionKind::Missing, ExceptionKind::Duplicate]);
        }
        assert_eq!(kinds("192.0.2.4"), [ExceptionKind::Duplicate], "another is its first candidate");
        let waits = "it is claimed once the station 02:00:00:00:00:07, which uses it, is silent";
        assert_eq!(status.exceptions[0].reason, waits);
        assert_eq!(status.exceptions[2].reason, waits, "its own ballot stands");
        assert_eq!(status.exceptions[4].reason, "node-b answers for it");
        assert_eq!(
            status.exceptions[1].reason,
            "the station 02:00:00:00:00:07 uses this address; take it off that station"
        );
    });
}

#[test]
fn at_most_500_exceptions_are_listed() {
    let plan = placed("node-b", true);
    let vips = (0..=250).map(|last| vip(last, StateName::Owner)).collect::<Vec<_>>();
    let plans: Vec<_> = (0..=250).map(|last| (last, plan.clone())).collect();
    // The same 251 VIPs reported three times over.
    with_status(&plans, [vips.clone(), vips.clone(), vips].concat(), "", |status| {
        assert_eq!(status.exceptions.len(), MAX_EXCEPTIONS);
        assert!(status.truncated);
    });
}

/// The API server would refuse the whole report otherwise.
#[test]
fn no_more_interfaces_are_described_than_the_api_permits() {
    let interfaces = (1..=70).map(|index| (index, (interface(index), Plan::default()))).collect();
    with_desired(&Desired { interfaces, ..Desired::default() }, Vec::new(), |status| {
        assert_eq!(status.interfaces.len(), 64);
    });
}

#[test]
fn long_texts_are_cut_between_characters() {
    assert_eq!(bounded("äöü".to_owned(), 2), "äö");
    assert_eq!(bounded("ab".to_owned(), 2), "ab");
}

/// The API server would refuse the whole report otherwise.
#[test]
fn no_more_nodes_of_a_segment_are_named_than_the_api_permits() {
    let nodes: Vec<_> = (0..300).map(|number| NodeName::new(&format!("n{number}")).unwrap()).collect();
    let told = SegmentStatus { heard: nodes.clone(), filtered: nodes, ..SegmentStatus::default() };
    let segment = segment(true, &told);
    assert_eq!((segment.heard.len(), segment.multicast_filtered.len()), (256, 256));
}
