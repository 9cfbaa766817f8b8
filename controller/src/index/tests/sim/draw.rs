//! Random scenarios.

use std::time::Duration;

use ferrolb_sansio::Rng;

use super::{
    fault::Fault,
    objects::POOLS,
    op::{Edit, Families, Hand, Op, Shape},
    streams::Kind,
};

/// What is simulated: who takes part, and what happens when.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) controllers: usize,
    pub(super) default_class: bool,
    pub(super) cleanup_finalizer: bool,
    /// Nothing goes wrong and nobody edits anything: writes are counted.
    pub(super) calm: bool,
    /// By time, which counts from the start.
    pub(super) ops: Vec<(Duration, Op)>,
}

const SERVICES: u64 = 10;

/// The scenario of a seed.
pub(super) fn draw(seed: u64) -> Scenario {
    let mut rng = Rng::new(seed ^ 0x5EED);
    let calm = seed.is_multiple_of(10);
    let restores = !calm && rng.below(8) == 0;
    let lasts = Duration::from_secs(20 + rng.below(60));
    let count = 5 + rng.below(25);
    let mut ops: Vec<(Duration, Op)> = (0..count)
        .map(|_| {
            let op = match rng.below(100) {
                _ if calm => Op::Create(rng.below(SERVICES), shape(&mut rng)),
                0..70 => user(&mut rng),
                _ => Op::Fault(fault(&mut rng)),
            };
            (rng.jitter(lasts), op)
        })
        .collect();
    for number in 0..rng.below(SERVICES) {
        ops.push((rng.jitter(Duration::from_secs(5)), Op::Create(number, shape(&mut rng))));
    }
    if restores {
        let at = rng.jitter(lasts / 2);
        let noticed = Duration::from_millis(rng.below(20_000));
        ops.push((at, Op::Fault(Fault::Snapshot)));
        let restore = Fault::Restore { bump: rng.below(2) == 0, noticed };
        ops.push((at + rng.jitter(lasts / 2), Op::Fault(restore)));
    }
    ops.sort_by_key(|(at, _)| *at);
    let freezes = !calm && rng.below(8) == 0;
    if freezes {
        ops.extend(late_write(&mut rng));
        ops.sort_by_key(|(at, _)| *at);
    }
    let controllers = if calm {
        1
    } else {
        1 + usize::from(freezes) + usize::try_from(rng.below(2 + u64::from(!freezes))).unwrap_or(0)
    };
    Scenario {
        seed,
        controllers,
        default_class: rng.below(10) != 0,
        cleanup_finalizer: !calm && rng.below(4) == 0,
        calm,
        ops,
    }
}

/// What makes it likely that a frozen leader's write lands after the next leader has given the address to somebody else:
/// a lower address is freed meanwhile, so who waits gets that one, and the new leader's write of it fails.
fn late_write(rng: &mut Rng) -> Vec<(Duration, Op)> {
    let at = Duration::from_secs(5 + rng.below(40));
    let milliseconds = |rng: &mut Rng, from: u64, to: u64| Duration::from_millis(from + rng.below(to - from));
    let plain = || Shape { port: 80, ..Shape::default() };
    let mut ops = vec![
        (at - Duration::from_secs(2), Op::Create(0, plain())),
        (at, Op::Fault(Fault::FreezeInWrite { lasts: milliseconds(rng, 14_000, 28_000) })),
        (at, Op::Recreate(3, plain())),
        (at + milliseconds(rng, 500, 12_000), Op::Delete(rng.below(2))),
        (at + milliseconds(rng, 500, 12_000), Op::Create(4 + rng.below(6), plain())),
        (at + milliseconds(rng, 500, 12_000), Op::Create(4 + rng.below(6), plain())),
    ];
    let refuse = Fault::Refuse { service: 3, lasts: milliseconds(rng, 5_000, 40_000) };
    ops.push((at + Duration::from_secs(1), Op::Fault(refuse)));
    if rng.below(3) == 0 {
        let crash = Fault::Crash { controller: any(rng), away: milliseconds(rng, 10, 5_000) };
        ops.push((at + milliseconds(rng, 16_000, 30_000), Op::Fault(crash)));
    }
    ops
}

fn user(rng: &mut Rng) -> Op {
    let number = rng.below(SERVICES);
    match rng.below(100) {
        0..25 => Op::Create(number, shape(rng)),
        25..37 => Op::Delete(number),
        37..43 => Op::Recreate(number, shape(rng)),
        43..63 => Op::Edit(number, edit(rng)),
        63..73 => Op::Status(number, hand(rng)),
        73..85 => {
            let pool = pick(rng, &[0, 0, 1, 2]);
            Op::Pool(pool, usize::try_from(rng.below(POOLS[pool].1.len() as u64)).unwrap_or(0))
        }
        85..89 => Op::DeletePool(pick(rng, &[0, 1, 2])),
        89..94 => Op::Label(pick(rng, &["a", "b"]), rng.below(2) == 0),
        94..97 => Op::AddNode(rng.below(3)),
        97..99 => Op::RemoveNode(1 + rng.below(2)),
        _ => Op::Rebalance(rng.next()),
    }
}

fn fault(rng: &mut Rng) -> Fault {
    let seconds = |rng: &mut Rng, most: u64| rng.jitter(Duration::from_secs(most));
    match rng.below(100) {
        0..15 => Fault::Crash { controller: any(rng), away: seconds(rng, 20) },
        15..25 => Fault::Stop { controller: any(rng), away: seconds(rng, 20) },
        25..45 => {
            Fault::Freeze { controller: any(rng), lasts: seconds(rng, 40), holds_requests: rng.below(2) == 0 }
        }
        45..55 => Fault::Cut { controller: any(rng), lasts: seconds(rng, 25) },
        55..75 => Fault::Break { controller: any(rng), kind: pick(rng, &Kind::ALL), pause: seconds(rng, 8) },
        75..90 => Fault::Faulty { per_mille: 50 + rng.below(700), lasts: seconds(rng, 15) },
        _ => Fault::Slow { lasts: seconds(rng, 20) },
    }
}

/// Any of three; the world takes it modulo those there are.
fn any(rng: &mut Rng) -> usize {
    usize::try_from(rng.below(3)).unwrap_or(0)
}

fn shape(rng: &mut Rng) -> Shape {
    let (families, policy) = families(rng);
    Shape {
        families,
        policy,
        port: 80 + u16::try_from(rng.below(3)).unwrap_or(0),
        key: sometimes(rng, 30, &["k", "l"]),
        address: sometimes(rng, 20, ADDRESSES),
        pool: sometimes(rng, 15, &["lan", "wan", "named"]),
        class: sometimes(rng, 15, &["ferrolb.io/lb", "other.io/lb"]),
        local: rng.below(6) == 0,
    }
}

fn families(rng: &mut Rng) -> (Families, Option<&'static str>) {
    match rng.below(10) {
        0..5 => (Families::V4, None),
        5 => (Families::V6, None),
        6 => (Families::V4, Some("PreferDualStack")),
        7 => (Families::Both, Some("PreferDualStack")),
        8 => (Families::SixFirst, Some("PreferDualStack")),
        _ => (Families::Both, Some("RequireDualStack")),
    }
}

fn edit(rng: &mut Rng) -> Edit {
    match rng.below(10) {
        0 => Edit::Address(sometimes(rng, 70, ADDRESSES)),
        1 => Edit::Pool(sometimes(rng, 70, &["lan", "wan", "named"])),
        2 => Edit::Key(sometimes(rng, 70, &["k", "l"])),
        3 => Edit::Port(80 + u16::try_from(rng.below(3)).unwrap_or(0)),
        4 => {
            let (families, policy) = families(rng);
            Edit::Families(families, policy)
        }
        5 => Edit::Local(rng.below(2) == 0),
        6 => Edit::Label(rng.next()),
        7 => Edit::Leave,
        8 => Edit::MoveTo(sometimes(rng, 70, &["n0", "n1", "n2", "n9"])),
        _ => Edit::Return(sometimes(rng, 30, &["ferrolb.io/lb", "other.io/lb"])),
    }
}

fn hand(rng: &mut Rng) -> Hand {
    match rng.below(9) {
        0 => Hand::ClearIngress,
        1 => Hand::ClearAll,
        2 => Hand::Replace(pick(rng, ADDRESSES)),
        3 => Hand::Replace("10.9.9.9"),
        4 => Hand::Add(pick(rng, &["10.9.9.9", "192.0.2.3", "2001:db8::3"])),
        5 => Hand::CopyOf(rng.below(SERVICES)),
        6 => Hand::DropCondition,
        7 => Hand::EditCondition,
        _ => Hand::Proxy,
    }
}

const ADDRESSES: &[&str] =
    &["192.0.2.2", "192.0.2.4", "192.0.2.9", "198.51.100.1", "203.0.113.2", "2001:db8::2"];

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[usize::try_from(rng.below(from.len() as u64)).unwrap_or(0)]
}

fn sometimes(rng: &mut Rng, percent: u64, from: &[&'static str]) -> Option<&'static str> {
    (rng.below(100) < percent).then(|| pick(rng, from))
}
