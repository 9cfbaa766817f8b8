//! Nodes with two cables: each VIP lives where its network is.

use std::net::{IpAddr, Ipv4Addr};

use ferrolb_lab::{Options, wait};
use ferrolb_tests::arp::Asker;
use ferrolb_tests::mac_text;

use crate::rig::{LIMIT, Rig, SOON, VIP, options, tell};
use crate::watch::{Moment, Watch, served_by_another};

const FAR_VIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 128);

#[test]
fn each_segment_has_its_vips_and_a_cable_that_dies_moves_only_those() {
    tell(|| {
        let options = Options { second_segment: true, ..options("segments", 3) };
        let mut rig = Rig::up(&options, &[VIP.into(), FAR_VIP.into()]);
        for node in ["n1", "n2", "n3"] {
            rig.start(node);
        }
        rig.joined();
        rig.settles(VIP.into(), "n1");
        wait("n1 alone answers on the second segment", crate::rig::SETTLED, || {
            far_owners(&rig, FAR_VIP) == ["n1"]
        })
        .unwrap();
        assert_eq!(rig.owners(FAR_VIP.into()), Vec::<String>::new(), "it is of the other segment");
        assert_eq!(far_owners(&rig, VIP), Vec::<String>::new(), "it is of the other segment");

        let watch = Watch::start(&rig, VIP);
        let near = rig.probe(&rig.lab.client(), VIP.into(), "n1");
        let far = rig.probe(&rig.lab.client_second(), IpAddr::V4(FAR_VIP), "n1");
        let cut = Moment::now();
        rig.lab.link_down("n1-eth1").unwrap();
        let (heir, took) = served_by_another(&far, "n1", cut, LIMIT);
        println!("{heir} served the second segment after {took:?}");
        assert_eq!(far_owners(&rig, FAR_VIP), [heir], "one owner there");
        assert_eq!(watch.nodes(cut), ["n1"], "the first segment's VIP stays");
        drop((near, far));
        rig.lab.link_up("n1-eth1").unwrap();
        std::thread::sleep(SOON);
        assert_eq!(watch.nodes(cut), ["n1"]);
        assert_eq!(far_owners(&rig, FAR_VIP).len(), 1, "the cable that comes back moves nothing twice");
    });
}

/// Who answers client2.
fn far_owners(rig: &Rig, vip: Ipv4Addr) -> Vec<String> {
    let asker = Asker::open(&rig.lab, "client2", Ipv4Addr::new(203, 0, 113, 100)).unwrap();
    let macs = asker.owners(vip, std::time::Duration::from_millis(100)).unwrap();
    macs.into_iter().map(|mac| rig.node_with(&mac_text(mac))).collect()
}
