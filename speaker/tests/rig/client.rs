//! A host on the segment that asks for VIPs.

use std::net::{IpAddr, Ipv6Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use ferrolb_neighbor::Mac;
use ferrolb_speaker::sys::{Acceptance, Batch, Burst, PacketSocket, program};

/// A host that asks who has an address, and hears every answer.
pub struct Client {
    socket: PacketSocket,
    batch: Batch,
    mac: Mac,
    /// The kernel's time stamp of the answer heard last, in nanoseconds of wall-clock time.
    heard_at: Option<u64>,
}

impl Client {
    pub(super) fn new(interface: &str) -> Self {
        let index = nix::net::if_::if_nametoindex(interface).unwrap();
        let nothing_else = Acceptance { port: 0, cluster_offset: 8, cluster: 0 };
        let socket = PacketSocket::open(index, &program(nothing_else)).unwrap();
        Self { socket, batch: Batch::default(), mac: mac_of(interface), heard_at: None }
    }

    /// Asks once and gathers who answers within `wait`, each once.
    pub fn ask(&mut self, vip: IpAddr, wait: Duration) -> Vec<Mac> {
        self.send(vip);
        self.gather(vip, wait)
    }

    /// The same with an 802.1Q tag of this VLAN on the question; 0 is a priority without one.
    pub fn ask_tagged(&mut self, vlan: u8, vip: IpAddr, wait: Duration) -> Vec<Mac> {
        let mut frame = self.question(vip);
        frame.splice(12..12, [0x81, 0, 0, vlan]);
        self.inject(&frame).unwrap();
        self.gather(vip, wait)
    }

    fn gather(&mut self, vip: IpAddr, wait: Duration) -> Vec<Mac> {
        let mut heard = Vec::new();
        let until = Instant::now() + wait;
        while Instant::now() < until {
            match self.hear(vip) {
                Some(mac) if !heard.contains(&mac) => heard.push(mac),
                Some(_) => {}
                None => std::thread::sleep(Duration::from_micros(200)),
            }
        }
        heard
    }

    /// Asks every two milliseconds until one that `accept` approves of answers; how long that took.
    pub fn until(
        &mut self,
        vip: IpAddr,
        limit: Duration,
        accept: impl Fn(Mac) -> bool,
    ) -> Option<(Duration, Mac)> {
        let begin = Instant::now();
        let mut asked = None::<Instant>;
        while begin.elapsed() < limit {
            if asked.is_none_or(|at| at.elapsed() > Duration::from_millis(2)) {
                self.send(vip);
                asked = Some(Instant::now());
            }
            match self.hear(vip) {
                Some(mac) if accept(mac) => return Some((begin.elapsed(), mac)),
                Some(_) => {}
                None => std::thread::sleep(Duration::from_micros(100)),
            }
        }
        None
    }

    fn send(&self, vip: IpAddr) {
        self.inject(&self.question(vip)).unwrap();
    }

    fn question(&self, vip: IpAddr) -> Vec<u8> {
        match vip {
            IpAddr::V4(vip) => {
                let mut frame = [[0xff; 6], self.mac.0].concat();
                frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
                frame.extend(self.mac.0);
                frame.extend([192, 0, 2, 100]);
                frame.extend([0; 6]);
                frame.extend(vip.octets());
                frame
            }
            IpAddr::V6(vip) => self.solicit(vip),
        }
    }

    fn solicit(&self, vip: Ipv6Addr) -> Vec<u8> {
        let own: Ipv6Addr = "2001:db8::100".parse().unwrap();
        let [.., a, b, c] = vip.octets();
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
        let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
        message.extend(vip.octets());
        message.extend([1, 1]);
        message.extend(self.mac.0);
        let mut pseudo = [own.octets(), group.octets()].concat();
        pseudo.extend([0, 0, 0, 32, 0, 0, 0, 58]);
        pseudo.extend(&message);
        let sum = checksum(&pseudo);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut frame = vec![0x33, 0x33, 0xff, a, b, c];
        frame.extend(self.mac.0);
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255]);
        frame.extend(own.octets());
        frame.extend(group.octets());
        frame.extend(message);
        frame
    }

    /// The next answer for `vip` to this host, if one has come.
    fn hear(&mut self, vip: IpAddr) -> Option<Mac> {
        while let Some(received) = self.socket.receive(&mut self.batch).unwrap() {
            let frame = self.batch.frame(received);
            if frame.get(..6) != Some(&self.mac.0[..]) {
                continue;
            }
            let (answered, at) = match vip {
                IpAddr::V4(vip) => {
                    (frame.get(20..22) == Some(&[0, 2]) && frame.get(28..32) == Some(&vip.octets()[..]), 22)
                }
                IpAddr::V6(vip) => {
                    (frame.get(54) == Some(&136) && frame.get(62..78) == Some(&vip.octets()[..]), 80)
                }
            };
            if answered {
                self.heard_at = received.wall;
                return Some(Mac(frame[at..at + 6].try_into().unwrap()));
            }
        }
        None
    }

    /// Asks once; how long the answer took on the wire, by the kernel's time stamp.
    pub fn time(&mut self, vip: IpAddr, limit: Duration) -> Option<Duration> {
        while self.socket.receive(&mut self.batch).unwrap().is_some() {}
        let sent = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        self.send(vip);
        let begin = Instant::now();
        while begin.elapsed() < limit {
            if self.hear(vip).is_some() {
                return Some(Duration::from_nanos(self.heard_at.unwrap()).saturating_sub(sent));
            }
            std::hint::spin_loop();
        }
        None
    }

    /// Sends bytes as they are.
    pub fn inject(&self, frame: &[u8]) -> std::io::Result<()> {
        let mut burst = Burst::default();
        burst.push(|room| {
            room.extend_from_slice(frame);
            true
        });
        if self.socket.send(&mut burst) == 1 { Ok(()) } else { Err(std::io::Error::other("not taken")) }
    }

    /// The client's own address.
    pub fn mac_address(&self) -> Mac {
        self.mac
    }
}

/// RFC 1071 §1.
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The address of an interface of the caller's namespace.
pub(super) fn mac_of(interface: &str) -> Mac {
    let text = Command::new("ip").args(["-o", "link", "show", interface]).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    let mac = text.split_whitespace().skip_while(|word| *word != "link/ether").nth(1).unwrap();
    let octets: Vec<u8> = mac.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    Mac(octets.try_into().unwrap())
}
