//! How soon a watch notices what goes wrong unseen.

use std::time::Duration;

/// How soon a watch notices what goes wrong unseen. Shorter costs requests: one small list per `probe`, one watch per
/// `turn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// After how long the API server ends a stream, which is then opened anew from the last version; up to half of it
    /// more, by chance.
    pub turn: Duration,
    /// How long a stream may be silent. The API server sends a bookmark at least every minute and at the end of a turn.
    pub silence: Duration,
    /// How often it is asked whether versions run backwards.
    pub probe: Duration,
}

impl Patience {
    /// For one process a cluster: half a minute of deafness at most.
    pub const ONE_OF_A_KIND: Self = Self {
        turn: Duration::from_secs(20),
        silence: Duration::from_secs(35),
        probe: Duration::from_secs(20),
    };
    /// For a process on each of thousands of nodes: a request every two minutes or so.
    pub const ONE_OF_MANY: Self = Self {
        turn: Duration::from_secs(300),
        silence: Duration::from_secs(90),
        probe: Duration::from_secs(300),
    };
}

impl Default for Patience {
    fn default() -> Self {
        Self::ONE_OF_MANY
    }
}
