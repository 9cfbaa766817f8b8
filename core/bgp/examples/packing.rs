//! What it takes to put N host routes into UPDATEs, and to read them: `cargo run --release -p ferrolb-bgp --example packing`.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use ferrolb_bgp::wire::{Announcement, Framer, Negotiated, decode};
use ferrolb_bgp::{AsPath, Asn, Attributes, Family, NextHop, Prefix};

fn main() {
    let count: u32 = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number of routes"));
    let negotiated = Negotiated {
        families: Family::ALL.into_iter().collect(),
        four_octet_asns: true,
        ..Negotiated::default()
    };
    let attributes =
        Attributes::new(AsPath::repeated(Asn(65000), 1), NextHop::V4(Ipv4Addr::new(192, 0, 2, 1)));
    let routes: Vec<Prefix> =
        (0..count).map(|n| Prefix::from(IpAddr::V4(Ipv4Addr::from(0xC612_0000 + n)))).collect();

    let (mut best_write, mut best_read) = (f64::INFINITY, f64::INFINITY);
    let mut out = Vec::new();
    for _ in 0..50 {
        out = Vec::new();
        let began = Instant::now();
        let announcement =
            Announcement::new(Family::Ipv4Unicast, &attributes, &negotiated).expect("the session has IPv4");
        let mut rest = routes.iter().copied();
        while announcement.write(&mut out, &mut rest) > 0 {}
        best_write = best_write.min(began.elapsed().as_secs_f64());

        let began = Instant::now();
        let (mut framer, mut input) = (Framer::new(), out.as_slice());
        while let Some(frame) = framer.next(&mut input).expect("the header is right") {
            black_box(decode(frame, &negotiated).expect("the message is right"));
        }
        best_read = best_read.min(began.elapsed().as_secs_f64());
    }
    println!(
        "routes={count} octets={} write_us={:.1} read_us={:.1}",
        out.len(),
        best_write * 1e6,
        best_read * 1e6
    );
}
