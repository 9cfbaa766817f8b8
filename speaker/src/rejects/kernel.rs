use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// Marks routes as this speaker's; no number of it is in iproute2's `rt_protos`.
pub(super) const PROTOCOL: u8 = 114;
/// Any other route to the same prefix is preferred.
const METRIC: u32 = u32::MAX - 1;
/// More than a netlink dump puts into one datagram.
const MAX_DATAGRAM: usize = 64 << 10;

/// Leaves exactly these unreachable routes of this speaker's in the main table.
///
/// # Errors
/// CAP_NET_ADMIN is missing, or the kernel refuses a route.
pub(super) fn set(wanted: &BTreeSet<IpNet>) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let has = list(&socket)?;
    for (prefix, known) in &has {
        // As the kernel told it: one that was made otherwise is not found by what this speaker would make.
        if !wanted.contains(prefix) {
            unless(libc::ESRCH, ask(&socket, RouteNetlinkMessage::DelRoute(known.clone()), NLM_F_ACK))?;
        }
    }
    for new in wanted.iter().filter(|prefix| !has.contains_key(prefix)) {
        let flags = NLM_F_ACK | NLM_F_CREATE;
        unless(libc::EEXIST, ask(&socket, RouteNetlinkMessage::NewRoute(route(*new)), flags))?;
    }
    Ok(())
}

/// Somebody else was faster: it is as it should be.
fn unless<T>(code: i32, answer: io::Result<T>) -> io::Result<()> {
    match answer {
        Err(error) if error.raw_os_error() != Some(code) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn list(socket: &Socket) -> io::Result<BTreeMap<IpNet, RouteMessage>> {
    let told = ask(socket, RouteNetlinkMessage::GetRoute(RouteMessage::default()), NLM_F_DUMP)?;
    let ours = told.into_iter().filter(|route| {
        let RouteHeader { protocol, kind, table, .. } = route.header;
        protocol == RouteProtocol::Other(PROTOCOL)
            && kind == RouteType::Unreachable
            && table == RouteHeader::RT_TABLE_MAIN
    });
    Ok(ours.filter_map(|route| Some((destination(&route)?, route))).collect())
}

fn destination(route: &RouteMessage) -> Option<IpNet> {
    let address = route.attributes.iter().find_map(|attribute| {
        if let RouteAttribute::Destination(RouteAddress::Inet(address)) = attribute {
            Some(IpAddr::V4(*address))
        } else if let RouteAttribute::Destination(RouteAddress::Inet6(address)) = attribute {
            Some(IpAddr::V6(*address))
        } else {
            None
        }
    })?;
    IpNet::new(address, route.header.destination_prefix_length).ok()
}

fn route(prefix: IpNet) -> RouteMessage {
    let mut route = RouteMessage::default();
    let (family, address) = match prefix.network() {
        IpAddr::V4(address) => (AddressFamily::Inet, RouteAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, RouteAddress::Inet6(address)),
    };
    route.header = RouteHeader {
        address_family: family,
        destination_prefix_length: prefix.prefix_len(),
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: RouteProtocol::Other(PROTOCOL),
        scope: RouteScope::Universe,
        kind: RouteType::Unreachable,
        ..RouteHeader::default()
    };
    route.attributes = vec![RouteAttribute::Destination(address), RouteAttribute::Priority(METRIC)];
    route
}

/// Sends a request and takes its answer to the end.
fn ask(socket: &Socket, inner: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteMessage>> {
    let mut message = NetlinkMessage::from(inner);
    message.header.flags = NLM_F_REQUEST | flags;
    message.header.sequence_number = 1;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut routes = Vec::new();
    let mut buffer = Vec::with_capacity(MAX_DATAGRAM);
    loop {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        let mut rest = buffer.as_slice();
        while !rest.is_empty() {
            let answer =
                NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(io::Error::other)?;
            // Messages stand at multiples of four octets.
            let length = (answer.header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
            if let NetlinkPayload::Error(error) = answer.payload {
                return if error.code.is_none() { Ok(routes) } else { Err(error.to_io()) };
            } else if let NetlinkPayload::Done(_) = answer.payload {
                return Ok(routes);
            } else if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) = answer.payload
            {
                routes.push(route);
            }
        }
    }
}
