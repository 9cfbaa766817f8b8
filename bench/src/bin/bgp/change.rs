//! One VIP more or less among many: how soon its UPDATE is at the router, and that nothing else is in it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_bench::{Report, Samples};
use ferrolb_runtime::watch::Change;
use ferrolb_tests::inside;

use crate::floor::message;
use crate::speaker::{FULL, Speaker, slice, slices};
use crate::stage::{ROUTERS, SPEAKER, Stage, router};

const VIPS: u32 = 10_000;
const UPDATE: u8 = 2;
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the speaker gathers anything for.
const PAUSE: Duration = Duration::from_millis(5);

/// An UPDATE, and when it was there.
struct Arrival {
    at: Instant,
    body: Vec<u8>,
}

pub(crate) fn measure(stage: &Stage, changes: u32, report: &mut Report) -> Result<()> {
    let listener = inside(stage, "r2", || Ok(TcpListener::bind((router(2), 179))?))?;
    let mut speaker = inside(stage, SPEAKER, || Speaker::start(&[2]))?;
    let arrivals = answer(&listener)?;
    speaker.read(Change::All(slices(VIPS)?))?;
    let end = Instant::now() + PATIENCE;
    while !speaker.is_settled()? {
        ensure!(Instant::now() < end, "the session does not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    while arrivals.try_recv().is_ok() {}

    let mut took = Samples::default();
    for number in 0..changes {
        // The last VIP of some slice goes and comes back.
        let (place, there) = ((number / 2) % (VIPS / FULL), number % 2 == 1);
        let changed = slice(place, if there { FULL } else { FULL - 1 })?;
        let start = Instant::now();
        speaker.read(Change::Applied(changed))?;
        let arrival = arrivals.recv_timeout(PATIENCE).context("no UPDATE came")?;
        took.add(arrival.at.duration_since(start).as_secs_f64() * 1e3);
        ensure!(prefixes(&arrival.body)? == 1, "an UPDATE of one change carries more: {:?}", arrival.body);
        std::thread::sleep(PAUSE);
        ensure!(arrivals.try_recv().is_err(), "one change caused more than one UPDATE");
    }
    report.count("changes", changes.into());
    report.value("change_p50_ms", took.median());
    report.value("change_p99_ms", took.percentile(99));
    report.value("change_max_ms", took.max());
    Ok(())
}

/// The router's end of the session, by hand; it tells every UPDATE.
fn answer(listener: &TcpListener) -> Result<Receiver<Arrival>> {
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || -> Result<()> {
        let asn = u16::try_from(ROUTERS)?.to_be_bytes();
        // As in the floor's OPEN; hold time 0, so that nothing but UPDATEs is sent.
        let open = [&[4][..], &asn, &[0, 0], &router(2).octets(), &[8, 2, 6, 1, 4, 0, 1, 0, 1]].concat();
        stream.write_all(&message(1, &open))?;
        stream.write_all(&message(4, &[]))?;
        loop {
            let (kind, body) = read(&mut stream)?;
            let at = Instant::now();
            if kind == UPDATE && sender.send(Arrival { at, body }).is_err() {
                return Ok(());
            }
        }
    });
    Ok(receiver)
}

fn read(stream: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let mut header = [0; 19];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([header[16], header[17]])) - header.len()];
    stream.read_exact(&mut body)?;
    Ok((header[18], body))
}

/// How many prefixes of five octets are withdrawn and announced in it.
fn prefixes(update: &[u8]) -> Result<usize> {
    let length = |at: usize| -> Result<usize> {
        let two = update.get(at..at + 2).context("an UPDATE is cut short")?;
        Ok(usize::from(u16::from_be_bytes([two[0], two[1]])))
    };
    let withdrawn = length(0)?;
    let attributes = length(2 + withdrawn)?;
    Ok((withdrawn + update.len() - 4 - withdrawn - attributes) / 5)
}
