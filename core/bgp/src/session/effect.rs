/// What a change of the configuration does to a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effect {
    /// Nothing is different.
    Unchanged,
    /// It holds from now on, and a session that is up stays up.
    InPlace,
    /// It is agreed on when a session begins: the session begins again.
    Reset,
}
