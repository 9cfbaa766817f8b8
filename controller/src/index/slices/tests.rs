use ferrolb_api::AnnouncementSliceSpec;

use super::{super::slice::MOMENT, *};

const BUSY: bool = true;

fn vip(number: u8) -> (IpAddr, VipAnnouncement) {
    let address: IpAddr = [192, 0, 2, number].into();
    let announcement = VipAnnouncement {
        ip: address.to_string(),
        pool: "lan".into(),
        services: Vec::new(),
        traffic_policy: ferrolb_api::TrafficPolicy::Cluster,
        layer2: None,
        bgp: None,
    };
    (address, announcement)
}

fn want(slices: &mut Slices, number: u8) {
    let (address, announcement) = vip(number);
    slices.want(address, Some(announcement));
}

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(1000 + milliseconds)
}

/// What goes a moment after something changed.
fn follows(slices: &mut Slices, now: Duration) -> Option<Write> {
    slices.poll_write(now, !BUSY).or_else(|| slices.poll_write(now + MOMENT, !BUSY))
}

fn done(version: &str) -> Verdict {
    Verdict::Done { resource_version: version.into() }
}

#[test]
fn while_more_come_a_write_takes_all_of_the_last_interval() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(slices.poll_write(at(0), BUSY).is_none(), "others may come");
    assert_eq!(slices.deadline(BUSY), Some(at(100)));
    want(&mut slices, 2);
    assert!(slices.poll_write(at(99), BUSY).is_none());
    assert!(
        matches!(slices.poll_write(at(100), BUSY), Some(Write::CreateSlice(slice)) if slice.spec.vips.len() == 2)
    );
    want(&mut slices, 3);
    want(&mut slices, 4);
    assert!(slices.poll_write(at(101), BUSY).is_none(), "one request a slice is in flight");
    slices.finished("vips-0", &done("5"), at(110));
    assert!(slices.poll_write(at(111), BUSY).is_none(), "the interval is not over");
    assert_eq!(slices.deadline(BUSY), Some(at(201)));
    assert!(matches!(slices.poll_write(at(201), BUSY), Some(Write::ReplaceSlice(slice))
        if slice.spec.vips.len() == 4 && slice.metadata.resource_version.as_deref() == Some("5")));
}

#[test]
fn what_gathered_goes_as_soon_as_no_more_come() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(slices.poll_write(at(0), BUSY).is_none());
    assert_eq!(slices.deadline(!BUSY), Some(at(3)));
    assert!(slices.poll_write(at(3), !BUSY).is_some());
}

#[test]
fn what_comes_alone_waits_a_moment_and_not_for_the_interval() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(slices.poll_write(at(0), !BUSY).is_none());
    assert_eq!(slices.deadline(!BUSY), Some(at(3)));
    assert!(slices.poll_write(at(3), !BUSY).is_some());
    slices.finished("vips-0", &done("5"), at(5));
    want(&mut slices, 2);
    assert_eq!(slices.deadline(!BUSY), Some(Duration::ZERO), "it is to be looked at");
    assert!(slices.poll_write(at(6), !BUSY).is_none());
    assert!(slices.poll_write(at(9), !BUSY).is_some());
}

#[test]
fn a_slice_holds_eight_and_one_that_has_room_again_is_filled() {
    let mut slices = Slices::default();
    (0..20).for_each(|number| want(&mut slices, number));
    let mut written = Vec::new();
    while let Some(Write::CreateSlice(slice)) = follows(&mut slices, at(0)) {
        written.push((slice.metadata.name.unwrap(), slice.spec.vips.len()));
    }
    let named = |name: &str, vips| (name.to_owned(), vips);
    assert_eq!(written, [named("vips-0", 8), named("vips-1", 8), named("vips-2", 4)]);
    written.iter().for_each(|(name, _)| slices.finished(name, &done("5"), at(1)));

    slices.want(vip(3).0, None);
    want(&mut slices, 30);
    assert!(matches!(follows(&mut slices, at(2)), Some(Write::ReplaceSlice(slice))
        if slice.metadata.name.as_deref() == Some("vips-0") && slice.spec.vips.len() == 7));
    slices.finished("vips-0", &done("6"), at(3));
    want(&mut slices, 31);
    let homes = [30, 31].map(|number| slices.home[&vip(number).0].as_str());
    assert_eq!(homes, ["vips-2", "vips-0"], "until it is written, what leaves counts");
}

#[test]
fn a_restart_writes_nothing_and_an_edit_by_hand_is_undone() {
    let (address, announcement) = vip(1);
    let mut object =
        AnnouncementSlice::new("vips-0", AnnouncementSliceSpec { vips: vec![announcement.clone()] });
    object.metadata.resource_version = Some("7".into());
    let mut slices = Slices::default();
    slices.observe(Change::All(vec![object.clone()]));
    slices.want(address, Some(announcement));
    slices.compare_all();
    assert!(follows(&mut slices, at(0)).is_none());

    object.spec.vips[0].pool = "other".into();
    object.metadata.resource_version = Some("8".into());
    slices.observe(Change::Applied(object));
    assert!(
        matches!(follows(&mut slices, at(0)), Some(Write::ReplaceSlice(slice)) if slice.spec.vips[0].pool == "lan")
    );
}

/// As the API server takes it: one empty entry, and nothing else, ends the record.
#[test]
fn a_slice_that_is_written_again_keeps_no_record_of_who_wrote_what() {
    let mut slices = Slices::default();
    slices.observe(applied("5", &[1]));
    want(&mut slices, 2);
    let Some(Write::ReplaceSlice(slice)) = follows(&mut slices, at(0)) else { panic!("no write") };
    let sent = serde_json::to_value(&*slice).unwrap();
    assert_eq!(sent["metadata"]["managedFields"], serde_json::json!([{}]));
}

#[test]
fn an_empty_slice_is_deleted_and_a_deleted_one_restored() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(follows(&mut slices, at(0)).is_some());
    slices.finished("vips-0", &done("5"), at(1));
    slices.observe(Change::All(Vec::new()));
    assert!(matches!(follows(&mut slices, at(200)), Some(Write::CreateSlice(_))));
    slices.finished("vips-0", &done("9"), at(201));
    slices.want(vip(1).0, None);
    assert!(
        matches!(follows(&mut slices, at(400)), Some(Write::DeleteSlice { name, .. }) if name == "vips-0")
    );
    slices.finished("vips-0", &done(""), at(401));
    assert!(follows(&mut slices, at(600)).is_none());
    assert!(slices.slices.is_empty());
}

fn applied(version: &str, numbers: &[u8]) -> Change<AnnouncementSlice> {
    let vips = numbers.iter().map(|number| vip(*number).1).collect();
    let mut object = AnnouncementSlice::new("vips-0", AnnouncementSliceSpec { vips });
    object.metadata.resource_version = Some(version.into());
    Change::Applied(object)
}

#[test]
fn a_conflict_is_resolved_by_what_was_seen_before_its_answer() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(matches!(follows(&mut slices, at(0)), Some(Write::CreateSlice(_))));
    slices.observe(applied("5", &[2]));
    slices.finished("vips-0", &Verdict::Conflict, at(1));
    assert!(matches!(follows(&mut slices, at(200)), Some(Write::ReplaceSlice(slice))
        if slice.metadata.resource_version.as_deref() == Some("5")));
}

#[test]
fn an_answer_says_nothing_about_what_was_edited_since() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(follows(&mut slices, at(0)).is_some());
    slices.observe(applied("6", &[2]));
    slices.finished("vips-0", &done("5"), at(1));
    assert!(matches!(follows(&mut slices, at(200)), Some(Write::ReplaceSlice(slice))
        if slice.metadata.resource_version.as_deref() == Some("6")));
}

#[test]
fn a_deletion_of_what_was_made_anew_is_no_news() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(follows(&mut slices, at(0)).is_some());
    slices.finished("vips-0", &done("7"), at(1));
    let Change::Applied(gone) = applied("6", &[]) else { unreachable!() };
    slices.observe(Change::Deleted(gone));
    assert!(follows(&mut slices, at(200)).is_none());
    let Change::Applied(gone) = applied("8", &[]) else { unreachable!() };
    slices.observe(Change::Deleted(gone));
    assert!(matches!(follows(&mut slices, at(200)), Some(Write::CreateSlice(_))));
}

/// Two that both take themselves for the leader, as after etcd was set back, must not write as fast as they can.
#[test]
fn what_somebody_else_wrote_right_after_is_undone_a_moment_later() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    assert!(follows(&mut slices, at(0)).is_some());
    slices.finished("vips-0", &done("5"), at(5));
    slices.observe(applied("6", &[2]));
    assert!(follows(&mut slices, at(6)).is_none());
    assert_eq!(slices.deadline(!BUSY), Some(at(103)));
    assert!(slices.poll_write(at(103), !BUSY).is_some());
    slices.finished("vips-0", &done("7"), at(105));
    slices.observe(applied("8", &[2]));
    assert!(follows(&mut slices, at(1_000)).is_some(), "long after it is undone at once");
}

/// Of two that both take themselves for the leader one wants a VIP and the other none.
#[test]
fn what_is_deleted_again_and_again_is_made_anew_once_a_second() {
    let mut slices = Slices::default();
    want(&mut slices, 1);
    let mut written = Vec::new();
    for millisecond in 0..4_000 {
        let Some(write) = slices.poll_write(at(millisecond), !BUSY) else { continue };
        assert!(matches!(write, Write::CreateSlice(_)), "{write:?}");
        written.push(millisecond);
        let version = (2 * written.len()).to_string();
        slices.finished("vips-0", &done(&version), at(millisecond));
        let Change::Applied(gone) = applied(&(2 * written.len() + 1).to_string(), &[1]) else {
            unreachable!()
        };
        slices.observe(Change::Deleted(gone));
    }
    assert_eq!(written, [3, 103, 203, 303, 1_303, 2_303, 3_303]);
}
