//! A peer that lives, by its KEEPALIVEs, and reads nothing, beside our speaker and a router that reads. No routing program does that:
//! one that stands still is silent, too, and the hold timer ends its session.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::inside;
use ferrolb_tests::routing::{HOLD_TIME, Instance, Peer, SETTLED};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::rig::{OTHER, OWN, Rig, router_v4};
use crate::speaker::Speaker;
use crate::trouble::{FLAT, VIP, dialled, far, manifest, resident, slices};

/// Each with attributes of its own, of more than 720 octets: their UPDATEs are more than the kernels and the speaker keep ready for one
/// peer.
const ROUTES: usize = 300;
const TABLE: usize = ROUTES * 720;
/// A change of one route, with what a busy machine adds.
const AT_ONCE: Duration = Duration::from_secs(2);

/// RFC 9687: the session ends when nothing could be sent for eight minutes, which is more than a test's time
/// (`core/bgp/tests/session/states.rs` has it). Until then the peer costs what it cost when it fell silent, however often
/// routes change, nobody else waits for it, and once it reads it hears what is so by then, once.
#[test]
fn a_peer_that_reads_nothing_costs_no_memory_and_nobodys_time() {
    let rig = Rig::up("deaf", 1, 2);
    let well = Instance::new(OTHER, router_v4(1), &[dialled()]);
    let well = Peer::start(&rig, "r1", RouterProgram::Bird, well);
    let deaf = Deaf::wait(&rig, "r2");
    let peers = manifest("r1", 1, "") + &manifest("r2", 2, "");
    let (many, one) = (many(), slices("one", &[VIP.to_owned()]));
    let files =
        [("peers.yaml", &*peers), ("round.yaml", &community(1)), ("many.yaml", &many), ("one.yaml", &one)];
    let speaker = Speaker::start(&rig, "n1", &files);
    let (deaf, fell_deaf) = (deaf.join().unwrap(), Instant::now());
    let knows_all = |round: u32| {
        let ask = format!("show route table master4 where bgp_community ~ [({OWN}, {round})] count");
        let all = format!("{ROUTES} of");
        let has_all = || well.router.control(&[&ask]).is_ok_and(|shown| shown.contains(&all));
        wait("the router that reads has all", SETTLED, has_all).unwrap();
    };
    let counts = |name: &str| {
        let name = format!("ferrolb_speaker_{name}");
        speaker.metrics().unwrap().sum(&name, &["peer=\"r2\""])
    };
    knows_all(1);
    assert!(counts("bgp_prefixes_owed") > 0.0, "the connection is not full");

    let has_one = || {
        let shown = well.router.control(&["show route 203.0.113.7/32"]);
        shown.is_ok_and(|shown| shown.contains("203.0.113.7/32"))
    };
    let mut before = None;
    let mut round = 1;
    while round < 8 || fell_deaf.elapsed() < Duration::from_secs(u64::from(HOLD_TIME) * 2) {
        round += 1;
        speaker.write("round.yaml", &community(round));
        knows_all(round);
        for exists in [false, true] {
            match exists {
                true => speaker.write("one.yaml", &one),
                false => speaker.remove("one.yaml"),
            }
            let took = wait("the change is heard", SETTLED, || has_one() == exists);
            let took = took.unwrap();
            assert!(took < AT_ONCE, "the router that reads waited for {took:?}");
        }
        // By then every route has changed while it waited.
        if round == 3 {
            before = Some(resident(&rig));
        }
    }
    let grown = resident(&rig).saturating_sub(before.unwrap());
    println!("{round} changes of {ROUTES} routes: the speaker holds {grown} KiB more than after three");
    assert!(grown < FLAT, "the speaker holds {grown} KiB more than after three changes");
    assert_eq!(counts("bgp_sessions_established_total"), 1.0, "the session stands");
    assert!(counts("bgp_prefixes_owed") > 0.0, "something was read");

    let deaf = deaf.reads();
    wait("it is owed nothing", SETTLED, || counts("bgp_prefixes_owed") == 0.0).unwrap();
    sleep(Duration::from_secs(1));
    let heard = deaf.end();
    println!("it has heard {heard} octets, of tables of {TABLE} octets");
    assert!(heard > TABLE && heard < 3 * TABLE, "it was told {heard} octets");
    assert!(well.is_established(&well.instance().sessions[0].remote) && has_one());
}

/// VIPs, and for each an advertisement that says much.
fn many() -> String {
    let mut text =
        "apiVersion: ferrolb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: all}\nspec: {}\n"
            .to_owned();
    let mut vips = Vec::new();
    for (number, vip) in far(ROUTES).into_iter().enumerate() {
        let communities: Vec<String> = (0..60).map(|part| format!("'large:{OWN}:{number}:{part}'")).collect();
        text += &format!(
            "---\napiVersion: ferrolb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {{name: a{number}}}\n\
             spec: {{communities: [round, {}]}}\n",
            communities.join(", ")
        );
        vips.push(format!("{{ip: {vip}, bgp: {{advertisements: [{{name: a{number}}}]}}}}"));
    }
    text + &format!(
        "---\napiVersion: ferrolb.io/v1beta1\nkind: AnnouncementSlice\nmetadata: {{name: many}}\nspec: {{vips: [{}]}}\n",
        vips.join(", ")
    )
}

/// What all these say beside: with another number every route changes.
fn community(round: u32) -> String {
    format!(
        "apiVersion: ferrolb.io/v1beta1\nkind: Community\nmetadata: {{name: round}}\n\
         spec: {{communities: [{{name: round, value: '{OWN}:{round}'}}]}}\n"
    )
}

/// Its connection, on which another thread gives signs of life.
struct Deaf(TcpStream);

impl Deaf {
    /// Waits on `host` for the speaker, brings the session up, and reads no more.
    fn wait(rig: &Rig, host: &str) -> JoinHandle<Self> {
        let listener = inside(rig, host, || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_recv_buffer_size(4096)?;
            socket.bind(&SockAddr::from(SocketAddr::from((router_v4(2), 179))))?;
            socket.listen(1)?;
            Ok(socket)
        })
        .unwrap();
        spawn(move || {
            let mut stream: TcpStream = listener.accept().unwrap().0.into();
            stream.set_read_timeout(Some(SETTLED)).unwrap();
            let open = read(&mut stream);
            assert_eq!(open[18], 1, "{open:?}");
            // Version 4, the AS, the hold time, an identifier, and the capability of IPv4 unicast (RFC 4760 §8).
            let asn = u16::try_from(OTHER).unwrap().to_be_bytes();
            let body = [
                &[4][..],
                &asn,
                &HOLD_TIME.to_be_bytes(),
                &router_v4(2).octets(),
                &[8, 2, 6, 1, 4, 0, 1, 0, 1],
            ];
            write(&mut stream, 1, &body.concat()).unwrap();
            write(&mut stream, 4, &[]).unwrap();
            let keepalive = read(&mut stream);
            assert_eq!(keepalive[18], 4, "{keepalive:?}");
            let mut alive = stream.try_clone().unwrap();
            spawn(move || {
                while write(&mut alive, 4, &[]).is_ok() {
                    sleep(Duration::from_secs(1));
                }
            });
            Self(stream)
        })
    }

    /// Begins to read all there is.
    fn reads(self) -> Reading {
        SockRef::from(&self.0).set_recv_buffer_size(1 << 20).unwrap();
        let mut stream = self.0.try_clone().unwrap();
        let counted = spawn(move || stream.read_to_end(&mut Vec::new()).unwrap());
        Reading { stream: self.0, counted }
    }
}

struct Reading {
    stream: TcpStream,
    counted: JoinHandle<usize>,
}

impl Reading {
    /// Closes the connection; how many octets were read.
    fn end(self) -> usize {
        self.stream.shutdown(Shutdown::Both).unwrap();
        self.counted.join().unwrap()
    }
}

/// One message (RFC 4271 §4.1), with its header.
fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut message = vec![0; 19];
    stream.read_exact(&mut message).unwrap();
    message.resize(usize::from(u16::from_be_bytes([message[16], message[17]])), 0);
    stream.read_exact(&mut message[19..]).unwrap();
    message
}

fn write(stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let length = u16::try_from(19 + body.len()).unwrap().to_be_bytes();
    stream.write_all(&[&[0xff; 16], &length[..], &[kind], body].concat())
}
