//! What may happen in a scenario.

use super::fault::Fault;

/// Something that users do, or that goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Create(u64, Shape),
    Delete(u64),
    /// Deletes a Service and makes another of its name at once.
    Recreate(u64, Shape),
    Edit(u64, Edit),
    /// Edits a Service's status by hand.
    Status(u64, Hand),
    /// Makes a pool, or edits it.
    Pool(usize, usize),
    DeletePool(usize),
    /// Gives a namespace the label that a pool selects by, or takes it.
    Label(&'static str, bool),
    AddNode(u64),
    RemoveNode(u64),
    /// Asks for balance.
    Rebalance(u64),
    Fault(Fault),
}

/// A Service as it is made.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) families: Families,
    pub(super) policy: Option<&'static str>,
    pub(super) port: u16,
    pub(super) key: Option<&'static str>,
    pub(super) address: Option<&'static str>,
    pub(super) pool: Option<&'static str>,
    pub(super) class: Option<&'static str>,
    pub(super) local: bool,
}

/// The families of a Service's cluster IPs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Families {
    #[default]
    V4,
    V6,
    Both,
    SixFirst,
}

/// An edit of a Service's spec or annotations.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Address(Option<&'static str>),
    Pool(Option<&'static str>),
    Key(Option<&'static str>),
    Port(u16),
    Families(Families, Option<&'static str>),
    Local(bool),
    /// Asks for a node, or no longer does.
    MoveTo(Option<&'static str>),
    /// Nothing that matters: a label.
    Label(u64),
    /// To `ClusterIP`, or back with this class.
    Leave,
    Return(Option<&'static str>),
    /// This field manager makes its deletion wait.
    Finalizer(&'static str),
}

/// An edit of a status by hand.
#[derive(Clone, Debug)]
pub(super) enum Hand {
    ClearIngress,
    ClearAll,
    Replace(&'static str),
    Add(&'static str),
    /// Says the same as another Service's status.
    CopyOf(u64),
    DropCondition,
    EditCondition,
    Proxy,
}
