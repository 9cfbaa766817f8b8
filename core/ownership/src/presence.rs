/// Whether a speaker's node is to own VIPs at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Presence {
    /// As the plan says.
    #[default]
    Staying,
    /// The node is about to be taken away: it hands over what a node that stays can take, claims behind all of those, and
    /// goes on answering for what nobody else takes.
    Leaving,
    /// It claims nothing, and hands over what anybody can take.
    Draining,
}
