//! The classic BPF program before a packet socket: whatever is not for the segment never wakes the process.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD,
    BPF_LDX, BPF_MSH, BPF_RET, BPF_W, sock_filter,
};

/// What the program lets through besides ARP and neighbour discovery.
#[derive(Clone, Copy, Debug)]
pub struct Acceptance {
    /// The UDP port of speaker frames.
    pub port: u16,
    /// Where in the UDP payload the cluster id stands, in bytes.
    pub cluster_offset: u8,
    /// The cluster id, in network order.
    pub cluster: u64,
}

/// The program: passes whole ARP frames, ICMPv6 types 133–137 (RFC 4861 §4), and UDP datagrams to the port that bear
/// the cluster id. The last two need hop limit 255, so a router cannot have forwarded them (RFC 4861 §7.1). Frames to
/// other stations, our own, and frames of another VLAN (whose tag the kernel has taken off) are dropped.
pub fn program(accept: Acceptance) -> Vec<sock_filter> {
    let cluster_high = (accept.cluster >> 32) as u32;
    let cluster_low = (accept.cluster & 0xffff_ffff) as u32;
    let port = u32::from(accept.port);
    let id_at = UDP_HEADER + u32::from(accept.cluster_offset);

    let mut asm = Assembler::default();
    asm.load(BPF_W, PACKET_TYPE);
    asm.if_equal(PACKET_OTHERHOST, Drop);
    asm.load(BPF_W, PACKET_TYPE);
    asm.if_equal(PACKET_OUTGOING, Drop);
    asm.load(BPF_W, VLAN_TAG);
    asm.push(BPF_ALU | BPF_AND | BPF_K, 0x0fff);
    asm.unless_equal(0, Drop);
    asm.load(BPF_H, 12);
    asm.if_equal(ETHERTYPE_ARP, Pass);
    asm.if_equal(ETHERTYPE_IPV6, Ipv6);
    asm.unless_equal(ETHERTYPE_IPV4, Drop);

    asm.load(BPF_B, IP + 9);
    asm.unless_equal(UDP, Drop);
    asm.load(BPF_H, IP + 6);
    asm.jump(BPF_JSET, FRAGMENT_BITS, Some(Drop), None);
    asm.load(BPF_B, IP + 8);
    asm.unless_equal(255, Drop);
    asm.push(BPF_LDX | BPF_B | BPF_MSH, IP);
    asm.load_indexed(BPF_H, IP + 2);
    asm.unless_equal(port, Drop);
    asm.load_indexed(BPF_W, IP + id_at);
    asm.unless_equal(cluster_high, Drop);
    asm.load_indexed(BPF_W, IP + id_at + 4);
    asm.unless_equal(cluster_low, Drop);
    asm.place(Pass);
    asm.push(BPF_RET | BPF_K, WHOLE_FRAME);

    asm.place(Ipv6);
    asm.load(BPF_B, IP + 7);
    asm.unless_equal(255, Drop);
    asm.load(BPF_B, IP + 6);
    asm.if_equal(ICMPV6, Icmpv6);
    asm.unless_equal(UDP, Drop);
    asm.load(BPF_H, IP + 40 + 2);
    asm.unless_equal(port, Drop);
    asm.load(BPF_W, IP + 40 + id_at);
    asm.unless_equal(cluster_high, Drop);
    asm.load(BPF_W, IP + 40 + id_at + 4);
    asm.unless_equal(cluster_low, Drop);
    asm.push(BPF_RET | BPF_K, WHOLE_FRAME);

    asm.place(Icmpv6);
    asm.load(BPF_B, IP + 40);
    asm.jump(BPF_JGE, 138, Some(Drop), None);
    asm.jump(BPF_JGE, 133, None, Some(Drop));
    asm.push(BPF_RET | BPF_K, WHOLE_FRAME);
    asm.place(Drop);
    asm.push(BPF_RET | BPF_K, 0);
    asm.finish()
}

/// A place in the program that is jumped to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Label {
    Pass,
    Drop,
    Ipv6,
    Icmpv6,
}
use Label::{Drop, Icmpv6, Ipv6, Pass};

/// Puts instructions in a row and fills in how far each jump goes.
#[derive(Default)]
struct Assembler {
    code: Vec<sock_filter>,
    places: Vec<(Label, usize)>,
    jumps: Vec<(usize, Option<Label>, Option<Label>)>,
}

impl Assembler {
    fn push(&mut self, code: u32, k: u32) {
        let code = u16::try_from(code).expect("operation codes have 16 bits");
        self.code.push(sock_filter { code, jt: 0, jf: 0, k });
    }

    fn load(&mut self, width: u32, at: u32) {
        self.push(BPF_LD | width | BPF_ABS, at);
    }

    fn load_indexed(&mut self, width: u32, at: u32) {
        self.push(BPF_LD | width | BPF_IND, at);
    }

    fn if_equal(&mut self, value: u32, then: Label) {
        self.jump(BPF_JEQ, value, Some(then), None);
    }

    fn unless_equal(&mut self, value: u32, otherwise: Label) {
        self.jump(BPF_JEQ, value, None, Some(otherwise));
    }

    fn jump(&mut self, test: u32, value: u32, then: Option<Label>, otherwise: Option<Label>) {
        self.jumps.push((self.code.len(), then, otherwise));
        self.push(BPF_JMP | test | BPF_K, value);
    }

    fn place(&mut self, label: Label) {
        self.places.push((label, self.code.len()));
    }

    fn finish(mut self) -> Vec<sock_filter> {
        for (at, then, otherwise) in std::mem::take(&mut self.jumps) {
            self.code[at].jt = self.distance(at, then);
            self.code[at].jf = self.distance(at, otherwise);
        }
        self.code
    }

    fn distance(&self, from: usize, to: Option<Label>) -> u8 {
        let Some(to) = to else { return 0 };
        let (_, at) =
            self.places.iter().find(|(label, _)| *label == to).expect("every label is placed above");
        u8::try_from(at - from - 1)
            .expect("the program is shorter than 256 instructions and jumps forward only")
    }
}

const IP: u32 = 14;
const UDP_HEADER: u32 = 8;
const ETHERTYPE_ARP: u32 = 0x0806;
const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const UDP: u32 = 17;
const ICMPV6: u32 = 58;
/// More fragments, or an offset (RFC 791 §3.1).
const FRAGMENT_BITS: u32 = 0x3fff;
const PACKET_OTHERHOST: u32 = 3;
const PACKET_OUTGOING: u32 = 4;
const WHOLE_FRAME: u32 = 0x0004_0000;
/// Ancillary data of the kernel's (linux/filter.h, SKF_AD_OFF −0x1000): the packet's type.
const PACKET_TYPE: u32 = 0xffff_f000 + 4;
/// The VLAN tag taken off the frame; zero without one.
const VLAN_TAG: u32 = 0xffff_f000 + 44;

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPT: Acceptance = Acceptance { port: 7114, cluster_offset: 8, cluster: 0x0102_0304_0506_0708 };

    /// What the kernel knows about a frame besides its bytes.
    #[derive(Clone, Copy, Default)]
    struct Ancillary {
        packet_type: u32,
        vlan_tag: u32,
    }

    /// Classic BPF, as far as the program uses it; a load beyond the frame drops it, as in the kernel.
    fn passes(frame: &[u8], ancillary: Ancillary) -> bool {
        run(&program(ACCEPT), frame, ancillary).unwrap_or(0) > 0
    }

    fn run(program: &[sock_filter], frame: &[u8], ancillary: Ancillary) -> Option<u32> {
        let byte = |at: u32| frame.get(at as usize).map(|&b| u32::from(b));
        let load = |code: u32, at: u32| match code & 0x18 {
            BPF_B => byte(at),
            BPF_H => Some(byte(at)? << 8 | byte(at + 1)?),
            _ => Some(byte(at)? << 24 | byte(at + 1)? << 16 | byte(at + 2)? << 8 | byte(at + 3)?),
        };
        let (mut a, mut x, mut pc) = (0, 0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[pc];
            let code = u32::from(code);
            pc += 1;
            let jump = |taken: bool| usize::from(if taken { jt } else { jf });
            if code == BPF_RET | BPF_K {
                return Some(k);
            } else if code == BPF_LD | BPF_W | BPF_ABS && k == PACKET_TYPE {
                a = ancillary.packet_type;
            } else if code == BPF_LD | BPF_W | BPF_ABS && k == VLAN_TAG {
                a = ancillary.vlan_tag;
            } else if code & 0xe7 == BPF_LD | BPF_ABS {
                a = load(code, k)?;
            } else if code & 0xe7 == BPF_LD | BPF_IND {
                a = load(code, k + x)?;
            } else if code == BPF_LDX | BPF_B | BPF_MSH {
                x = 4 * (byte(k)? & 0xf);
            } else if code == BPF_ALU | BPF_AND | BPF_K {
                a &= k;
            } else if code == BPF_JMP | BPF_JEQ | BPF_K {
                pc += jump(a == k);
            } else if code == BPF_JMP | BPF_JGE | BPF_K {
                pc += jump(a >= k);
            } else if code == BPF_JMP | BPF_JSET | BPF_K {
                pc += jump(a & k != 0);
            } else {
                panic!("the program uses operation {code:#x}, which this interpreter lacks");
            }
        }
    }

    fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![2; 12];
        frame.extend(ethertype.to_be_bytes());
        frame.extend(payload);
        frame
    }

    fn udp(port: u16, cluster: u64) -> Vec<u8> {
        let mut datagram = vec![0, 9, 0, 0, 0, 0, 0, 0];
        datagram[2..4].copy_from_slice(&port.to_be_bytes());
        datagram.extend([0xf1; 8]);
        datagram.extend(cluster.to_be_bytes());
        datagram
    }

    fn ipv4(ttl: u8, fragment: u16, options: usize, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 20 + options];
        packet[0] = 0x45 + u8::try_from(options / 4).unwrap();
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[8] = ttl;
        packet[9] = 17;
        packet.extend(payload);
        ethernet(0x0800, &packet)
    }

    fn ipv6(next_header: u8, hop_limit: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[6] = next_header;
        packet[7] = hop_limit;
        packet.extend(payload);
        ethernet(0x86dd, &packet)
    }

    #[test]
    fn passes_arp_and_nothing_addressed_elsewhere() {
        let arp = ethernet(0x0806, &[0; 28]);
        assert!(passes(&arp, Ancillary::default()));
        assert!(passes(&arp, Ancillary { packet_type: 1, vlan_tag: 0 }), "broadcast");
        assert!(passes(&arp, Ancillary { packet_type: 0, vlan_tag: 0x8000 }), "a priority tag is no VLAN");
        assert!(!passes(&arp, Ancillary { packet_type: 3, vlan_tag: 0 }), "to another station");
        assert!(!passes(&arp, Ancillary { packet_type: 4, vlan_tag: 0 }), "our own");
        assert!(!passes(&arp, Ancillary { packet_type: 0, vlan_tag: 100 }), "of VLAN 100");
        assert!(!passes(&[2; 13], Ancillary::default()), "shorter than a header");
    }

    #[test]
    fn passes_neighbour_discovery_from_this_link_only() {
        for kind in [133, 135, 136, 137] {
            assert!(passes(&ipv6(58, 255, &[kind, 0, 0, 0]), Ancillary::default()), "type {kind}");
        }
        for kind in [0, 128, 132, 138, 255] {
            assert!(!passes(&ipv6(58, 255, &[kind, 0, 0, 0]), Ancillary::default()), "type {kind}");
        }
        assert!(!passes(&ipv6(58, 254, &[135, 0, 0, 0]), Ancillary::default()), "forwarded by a router");
    }

    #[test]
    fn passes_this_clusters_speakers_in_both_families() {
        let heard = udp(7114, ACCEPT.cluster);
        assert!(passes(&ipv4(255, 0, 0, &heard), Ancillary::default()));
        assert!(passes(&ipv4(255, 0x4000, 8, &heard), Ancillary::default()), "with options, do not fragment");
        assert!(passes(&ipv6(17, 255, &heard), Ancillary::default()));

        assert!(!passes(&ipv4(254, 0, 0, &heard), Ancillary::default()), "forwarded by a router");
        assert!(!passes(&ipv4(255, 0x2000, 0, &heard), Ancillary::default()), "a first fragment");
        assert!(!passes(&ipv4(255, 7, 0, &heard), Ancillary::default()), "a later fragment");
        assert!(!passes(&ipv6(17, 64, &heard), Ancillary::default()));
        for wrong in
            [udp(53, ACCEPT.cluster), udp(7114, ACCEPT.cluster + 1), udp(7114, ACCEPT.cluster + (1 << 32))]
        {
            assert!(!passes(&ipv4(255, 0, 0, &wrong), Ancillary::default()));
            assert!(!passes(&ipv6(17, 255, &wrong), Ancillary::default()));
        }
        assert!(!passes(&ipv4(255, 0, 0, &heard[..20]), Ancillary::default()), "cut off in the cluster id");
        assert!(!passes(&ethernet(0x88cc, &[0; 60]), Ancillary::default()), "LLDP");
    }
}
