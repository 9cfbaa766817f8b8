use super::event::TransportId;
use super::link::{Link, Side};

/// The transports of a session.
#[derive(Debug, Default)]
pub(crate) struct Links {
    dialled: Option<Link>,
    accepted: Option<Link>,
}

impl Links {
    pub(crate) fn get(&self, side: Side) -> Option<&Link> {
        match side {
            Side::Dialled => self.dialled.as_ref(),
            Side::Accepted => self.accepted.as_ref(),
        }
    }

    pub(crate) fn get_mut(&mut self, side: Side) -> Option<&mut Link> {
        self.place(side).as_mut()
    }

    /// Puts a transport into its place, and says which was there.
    pub(crate) fn put(&mut self, side: Side, link: Link) -> Option<Link> {
        self.place(side).replace(link)
    }

    pub(crate) fn take(&mut self, side: Side) -> Option<Link> {
        self.place(side).take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.dialled.is_none() && self.accepted.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.dialled.iter().chain(&self.accepted)
    }

    /// Which of them a transport is; none if it has ended.
    pub(crate) fn side(&self, transport: TransportId) -> Option<Side> {
        Side::ALL.into_iter().find(|&side| self.get(side).is_some_and(|link| link.transport == transport))
    }

    /// The one on which the session is up.
    pub(crate) fn established(&self) -> Option<Side> {
        Side::ALL.into_iter().find(|&side| self.get(side).is_some_and(Link::is_established))
    }

    fn place(&mut self, side: Side) -> &mut Option<Link> {
        match side {
            Side::Dialled => &mut self.dialled,
            Side::Accepted => &mut self.accepted,
        }
    }
}
