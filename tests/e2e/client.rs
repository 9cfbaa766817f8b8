//! What clients outside the cluster see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::{Families, Lab, Space};
use ferrolb_tests::arp::Asker;
use ferrolb_tests::{inside, mac_text};

use crate::cluster::Cluster;
use crate::wait::{PATIENCE, wait_for};

/// The clients on segments of nodes.
const CLIENTS: [(&str, Ipv4Addr); 2] =
    [("client", Ipv4Addr::new(192, 0, 2, 100)), ("client2", Ipv4Addr::new(203, 0, 113, 100))];
/// Where a speaker's metrics are.
const SPEAKER_PORT: u16 = 7473;

/// `http://ADDRESS/PATH` as curl on `from` gets it.
pub(crate) fn http(from: &Space, address: IpAddr, path: &str) -> Result<String> {
    let url = format!("http://{}/{path}", SocketAddr::new(address, 80));
    from.check(["curl", "--silent", "--show-error", "--fail", "--max-time", "3", "--noproxy", "*", &url])
}

/// The answer to a UDP datagram.
pub(crate) fn udp(lab: &Lab, from: &Space, to: SocketAddr, request: &str) -> Result<String> {
    inside(lab, from.name(), || {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.connect(to)?;
        socket.send(request.as_bytes())?;
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).with_context(|| format!("{to} does not answer"))?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    })
}

/// The node that answers on layer 2 for `address` now; an error if none or more than one does.
pub(crate) fn owner(lab: &Lab, address: IpAddr) -> Result<String> {
    owner_near(lab, &lab.client(), address)
}

/// The same on the segment of `client`.
pub(crate) fn owner_near(lab: &Lab, client: &Space, address: IpAddr) -> Result<String> {
    let macs = answering(lab, client, address)?;
    ensure!(macs.len() == 1, "{address} is answered for by {macs:?}");
    lab.node_with_mac(&macs[0]).with_context(|| format!("{} is no node", macs[0]))
}

/// Everybody who answers on layer 2 for `address` on the segment of `client`, by MAC address.
pub(crate) fn answering(lab: &Lab, client: &Space, address: IpAddr) -> Result<Vec<String>> {
    match address {
        IpAddr::V4(address) => {
            let own = CLIENTS.iter().find(|(name, _)| *name == client.name());
            let (name, own) = own.with_context(|| format!("{} is on no segment of nodes", client.name()))?;
            let asker = Asker::open(lab, name, *own)?;
            Ok(asker.owners(address, Duration::from_millis(300))?.into_iter().map(mac_text).collect())
        }
        IpAddr::V6(address) => ndp_owners(client, &address.to_string()),
    }
}

fn ndp_owners(client: &Space, address: &str) -> Result<Vec<String>> {
    let asked = client.run(["ndisc6", "-m", "-q", "-r", "1", "-w", "300", address, "eth0"])?;
    Ok(asked.stdout.lines().map(|mac| mac.trim().to_lowercase()).filter(|mac| !mac.is_empty()).collect())
}

/// Waits until one node answers for `address`.
pub(crate) fn some_owner(lab: &Lab, address: IpAddr) -> Result<String> {
    wait_for(&format!("one node answers for {address}"), PATIENCE, || owner(lab, address))
}

/// Waits until `node` answers for `address`.
pub(crate) fn owned_by(lab: &Lab, address: IpAddr, node: &str) -> Result<()> {
    wait_for(&format!("{node} answers for {address}"), PATIENCE, || {
        let found = owner(lab, address)?;
        ensure!(found == node, "{found} does");
        Ok(())
    })
}

/// Waits until all speakers work from the same plan, none is still joining, and one of them answers for `address`; which.
pub(crate) fn settled_owner(cluster: &Cluster, address: IpAddr) -> Result<String> {
    wait_for("all speakers agree", PATIENCE, || {
        let digests = cluster.lab.kubectl(&[
            "get",
            "speakerstates",
            "-o",
            "jsonpath={.items[*].status.configuration.digest}",
        ])?;
        let digests: Vec<&str> = digests.split_whitespace().collect();
        ensure!(digests.len() == cluster.nodes().len(), "their plans are {digests:?}");
        ensure!(digests.iter().all(|digest| *digest == digests[0]), "their plans are {digests:?}");
        for node in &cluster.nodes() {
            let metrics = speaker_metrics(&cluster.lab, node)?;
            let joining = metrics.sum("ferrolb_speaker_vips", &["state=\"joining\""]);
            ensure!(joining == 0.0, "{node} is joining");
        }
        owner(&cluster.lab, address)
    })
}

/// What the speaker on `node` counts.
pub(crate) fn speaker_metrics(lab: &Lab, node: &str) -> Result<ferrolb_tests::metrics::Metrics> {
    let number: u8 = node.trim_start_matches('n').parse()?;
    let address: IpAddr = match lab.state().options.families {
        Families::Both => Ipv4Addr::new(192, 0, 2, 10 + number).into(),
        Families::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10 + u16::from(number)).into(),
    };
    ferrolb_tests::metrics::Metrics::read(lab, node, SocketAddr::new(address, SPEAKER_PORT))
}
