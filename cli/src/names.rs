//! Names as they are written on the command line, and those that are almost right.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

/// A kind of objects that are named by arguments, with or without the kind before the name: `pool/lan`, `lan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `IPAddressPool`
    Pool,
    /// `L2Advertisement`
    L2Advertisement,
    /// `BGPPeer`
    BgpPeer,
    /// `Node`
    Node,
}

impl Kind {
    /// The name in the argument.
    ///
    /// # Errors
    /// It names an object of another kind.
    pub(crate) fn name(self, argument: &str) -> Result<&str> {
        match argument.split_once('/') {
            None => Ok(argument),
            Some((kind, name)) if self.words().contains(&kind) && !name.contains('/') => Ok(name),
            Some(_) => bail!("{argument:?} names no {}; write {}/NAME", self.told(), self.words()[0]),
        }
    }

    /// The names in the arguments.
    ///
    /// # Errors
    /// One names an object of another kind, or one that is not among those that are `known`.
    pub(crate) fn names(self, arguments: &[String], known: &[&str]) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for argument in arguments {
            let name = self.name(argument)?;
            if !known.contains(&name) {
                bail!("there is no {} {name}{}", self.told(), suggestion(name, known.iter().copied()));
            }
            names.insert(name.to_owned());
        }
        Ok(names)
    }

    /// What may be written before the slash; the first is the one that is told.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Pool => &["pool", "pools", "ipaddresspool", "ipaddresspools", "flbpool"],
            Self::L2Advertisement => &["l2advertisement", "l2advertisements", "flbl2"],
            Self::BgpPeer => &["bgppeer", "bgppeers", "flbpeer"],
            Self::Node => &["node", "nodes", "no"],
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Pool => "IPAddressPool",
            Self::L2Advertisement => "L2Advertisement",
            Self::BgpPeer => "BGPPeer",
            Self::Node => "node",
        }
    }
}

/// The known names nearest to a misspelt one, nearest first, at most three.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|other| {
            let distance = strsim::osa_distance(&name.to_lowercase(), &other.to_lowercase());
            let is_part =
                name.len() >= 3 && other.len() >= 3 && (other.contains(name) || name.contains(other));
            (if is_part { distance.min(limit) } else { distance }, other)
        })
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, other)| other).collect()
}

/// `; did you mean a, b?`, or nothing.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_its_kind_before_it_and_no_other() {
        let known = ["lan", "dmz"];
        let names = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
            Kind::Pool.names(&arguments, &known).map_err(|error| error.to_string())
        };
        let both: BTreeSet<String> = known.map(str::to_owned).into();
        assert_eq!(names(&["pool/lan", "flbpool/lan", "dmz"]), Ok(both));
        assert_eq!(names(&[]), Ok(BTreeSet::new()));
        for other in ["svc/lan", "x/lan", "pool/x/lan", "/lan"] {
            let error = format!("{other:?} names no IPAddressPool; write pool/NAME");
            assert_eq!(names(&["dmz", other]), Err(error));
        }
        assert_eq!(names(&["pool/lam"]), Err("there is no IPAddressPool lam; did you mean lan?".into()));
        let node = Kind::Node.name("svc/n1").unwrap_err().to_string();
        assert_eq!(node, "\"svc/n1\" names no node; write node/NAME");
        assert_eq!(Kind::Node.name("node/n1").unwrap(), "n1");
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["web", "website", "api", "database", "web-2"];
        assert_eq!(nearest("wbe", known), ["web"]);
        assert_eq!(nearest("databse", known), ["database"]);
        assert_eq!(nearest("WEB", known), ["web"]);
        assert_eq!(nearest("frontend", known), Vec::<&str>::new());
        assert_eq!(suggestion("apo", known), "; did you mean api?");
        assert_eq!(suggestion("frontend", known), "");
    }
}
