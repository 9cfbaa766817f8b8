use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use futures::future::poll_fn;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::route::RouteMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket as _, SocketAddr, TokioSocket};
use tokio::sync::mpsc::Sender;

use super::{Globs, Interfaces, Kind, Table};

/// Tells what is known of the interfaces, at once and after every change, until the receiver is gone; `wrap` makes its event.
pub async fn follow<E>(exclude: Globs, events: Sender<E>, wrap: impl Fn(Interfaces) -> E) {
    let mut told = None;
    loop {
        let error = match Follower::open() {
            Ok(mut follower) => match follower.run(&exclude, &mut told, &events, &wrap).await {
                Ok(()) => return,
                Err(error) => error,
            },
            Err(error) => error,
        };
        // ENOBUFS: more happened than the socket could hold, so what is known may be wrong.
        tracing::warn!(%error, "The kernel's notifications of interfaces broke off; all interfaces are listed again.");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One netlink socket for notifications and lists alike, so that they arrive in order.
struct Follower {
    socket: TokioSocket,
    buffer: Vec<u8>,
    table: Table,
    listing: Option<Listing>,
    wanted: BTreeSet<Kind>,
    sequence: u32,
    /// What the kernel addresses this socket by.
    port: u32,
}

struct Listing {
    kind: Kind,
    sequence: u32,
}

impl Follower {
    fn open() -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let port = socket.socket_mut().bind_auto()?.port_number();
        socket.socket_mut().set_rx_buf_sz(RECEIVE_BUFFER)?;
        for group in [
            libc::RTNLGRP_LINK,
            libc::RTNLGRP_IPV4_IFADDR,
            libc::RTNLGRP_IPV6_IFADDR,
            libc::RTNLGRP_IPV4_ROUTE,
            libc::RTNLGRP_IPV6_ROUTE,
        ] {
            socket.socket_mut().add_membership(group)?;
        }
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(MAX_DATAGRAM),
            table: Table::default(),
            listing: None,
            wanted: BTreeSet::from([Kind::Links, Kind::Addresses, Kind::Routes]),
            sequence: 0,
            port,
        })
    }

    async fn run<E>(
        &mut self,
        exclude: &Globs,
        told: &mut Option<Interfaces>,
        events: &Sender<E>,
        wrap: &impl Fn(Interfaces) -> E,
    ) -> io::Result<()> {
        loop {
            if self.listing.is_none() {
                if let Some(kind) = self.wanted.pop_first() {
                    self.request(kind).await?;
                } else {
                    let known = Interfaces {
                        usable: self.table.usable(exclude),
                        link_local: self.table.link_local(),
                    };
                    if told.as_ref() != Some(&known) {
                        *told = Some(known.clone());
                        if events.send(wrap(known)).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
            self.buffer.clear();
            poll_fn(|context| self.socket.poll_recv(context, &mut self.buffer)).await?;
            self.take_datagram()?;
        }
    }

    async fn request(&mut self, kind: Kind) -> io::Result<()> {
        self.table.forget(kind);
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let inner = match kind {
            Kind::Links => RouteNetlinkMessage::GetLink(LinkMessage::default()),
            Kind::Addresses => RouteNetlinkMessage::GetAddress(AddressMessage::default()),
            Kind::Routes => RouteNetlinkMessage::GetRoute(RouteMessage::default()),
        };
        let mut message = NetlinkMessage::from(inner);
        message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        poll_fn(|context| self.socket.poll_send_to(context, &bytes, &SocketAddr::new(0, 0))).await?;
        self.listing = Some(Listing { kind, sequence: self.sequence });
        Ok(())
    }

    fn take_datagram(&mut self) -> io::Result<()> {
        let datagram = std::mem::take(&mut self.buffer);
        let mut rest = datagram.as_slice();
        while let Some(message) = next_message(&mut rest) {
            // A message this library cannot read is of no kind it was written for.
            if let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message) {
                self.take(message)?;
            }
        }
        self.buffer = datagram;
        Ok(())
    }

    fn take(&mut self, message: NetlinkMessage<RouteNetlinkMessage>) -> io::Result<()> {
        let (header, payload) = message.into_parts();
        // Notifications bear the number and port of whoever made the change.
        let own = |listing: &&Listing| {
            (listing.sequence, self.port) == (header.sequence_number, header.port_number)
        };
        let answered = self.listing.as_ref().filter(own);
        let answered = answered.map(|listing| listing.kind);
        if let Some(kind) = answered
            && header.flags & NLM_F_DUMP_INTR != 0
        {
            self.wanted.insert(kind);
        }
        match payload {
            NetlinkPayload::InnerMessage(inner) if answered.is_some() => self.table.list(inner),
            NetlinkPayload::InnerMessage(inner) => self.wanted.extend(self.table.notify(inner)),
            NetlinkPayload::Done(_) if answered.is_some() => self.listing = None,
            NetlinkPayload::Error(error) if answered.is_some() => return Err(error.to_io()),
            NetlinkPayload::Overrun(_) => return Err(io::Error::other("the kernel reports an overrun")),
            NetlinkPayload::Done(_) | NetlinkPayload::Error(_) | NetlinkPayload::Noop | _ => {}
        }
        Ok(())
    }
}

/// Takes the next message off a datagram; `None` at its end or where it does not add up.
fn next_message<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::from_ne_bytes(rest.get(..4)?.try_into().ok()?) as usize;
    if len < 16 {
        return None;
    }
    let message = rest.get(..len)?;
    *rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    Some(message)
}

/// The kernel puts at most 32 KiB of a list into one datagram.
const MAX_DATAGRAM: usize = 64 << 10;
/// In bytes: bursts of notifications when hundreds of pods start wait here.
const RECEIVE_BUFFER: usize = 1 << 20;
