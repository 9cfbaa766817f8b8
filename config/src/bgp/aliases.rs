//! The names that `Community` objects give to communities.

use std::collections::BTreeMap;

use ferrolb_api::Community;

use super::{
    community::{CommunityEntry, CommunitySet, CommunityValue, is_name, well_known},
    name_and_age,
};
use crate::Error;

/// What each name stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(BTreeMap<String, CommunityValue>);

/// What is wrong with a `Community` object; what is right of it is in force all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasProblem {
    /// An entry makes no sense.
    Invalid(Error),
    /// An older object gives the name to another community.
    Taken {
        /// The name.
        alias: String,
        /// The older object.
        by: String,
    },
}

impl Aliases {
    /// The names that these objects give, and what is wrong with each object. Of two that give one name the older counts.
    pub fn of<'a>(
        objects: impl IntoIterator<Item = &'a Community>,
    ) -> (Self, BTreeMap<String, Vec<AliasProblem>>) {
        let mut ordered: Vec<_> =
            objects.into_iter().map(|object| (name_and_age(&object.metadata), object)).collect();
        ordered.sort_by_key(|((name, created), _)| (*created, name.clone()));
        let (mut known, mut problems) =
            (BTreeMap::<String, (CommunityValue, String)>::new(), BTreeMap::new());
        for ((name, _), object) in ordered {
            let of_object: &mut Vec<AliasProblem> = problems.entry(name.clone()).or_default();
            for (index, alias) in object.spec.communities.iter().enumerate() {
                let field = format!("spec.communities[{index}]");
                if !is_name(&alias.name) || well_known(&alias.name).is_some() {
                    let problem = format!("{:?} is no name that a community can be given", alias.name);
                    of_object.push(AliasProblem::Invalid(Error::new(format!("{field}.name"), problem)));
                    continue;
                }
                match (alias.value.parse(), known.get(&alias.name)) {
                    (Err(problem), _) => {
                        of_object.push(AliasProblem::Invalid(Error::new(format!("{field}.value"), problem)));
                    }
                    (Ok(value), None) => drop(known.insert(alias.name.clone(), (value, name.clone()))),
                    (Ok(value), Some((other, _))) if *other == value => {}
                    (Ok(_), Some((_, by))) => {
                        of_object.push(AliasProblem::Taken { alias: alias.name.clone(), by: by.clone() });
                    }
                }
            }
        }
        let known = known.into_iter().map(|(alias, (value, _))| (alias, value)).collect();
        (Self(known), problems)
    }

    /// The communities, or the names that no object gives.
    ///
    /// # Errors
    /// Those names.
    pub fn resolve(&self, entries: &[CommunityEntry]) -> Result<CommunitySet, Vec<String>> {
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                CommunityEntry::Value(value) => values.push(*value),
                CommunityEntry::Alias(alias) => match self.0.get(alias) {
                    Some(value) => values.push(*value),
                    None => missing.push(alias.clone()),
                },
            }
        }
        if missing.is_empty() { Ok(values.into_iter().collect()) } else { Err(missing) }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{CommunityAlias, CommunitySpec};

    use super::*;

    fn object(name: &str, second: i64, aliases: &[(&str, &str)]) -> Community {
        let alias =
            |(name, value): &(&str, &str)| CommunityAlias { name: (*name).into(), value: (*value).into() };
        let mut object =
            Community::new(name, CommunitySpec { communities: aliases.iter().map(alias).collect() });
        let created = serde_json::from_value(serde_json::json!(format!("2026-11-22T12:00:{second:02}Z")));
        object.metadata.creation_timestamp = Some(created.unwrap());
        object
    }

    #[test]
    fn the_older_object_has_the_name() {
        let objects = [
            object("b", 1, &[("x", "64500:1"), ("y", "64500:2")]),
            object("a", 2, &[("x", "64500:9"), ("y", "64500:2"), ("z", "1:2:3"), ("no-export", "1:1")]),
        ];
        let (aliases, problems) = Aliases::of(&objects);
        let entries: Vec<CommunityEntry> =
            ["x", "y", "no-export"].iter().map(|text| text.parse().unwrap()).collect();
        let set = aliases.resolve(&entries).unwrap();
        let texts: Vec<String> = set.standard.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["64500:1", "64500:2", "65535:65281"]);
        assert!(problems["b"].is_empty());
        assert_eq!(problems["a"][0], AliasProblem::Taken { alias: "x".into(), by: "b".into() });
        assert!(
            matches!(&problems["a"][1], AliasProblem::Invalid(error) if error.field == "spec.communities[2].value")
        );
        assert!(
            matches!(&problems["a"][2], AliasProblem::Invalid(error) if error.field == "spec.communities[3].name")
        );
    }

    #[test]
    fn names_that_nobody_gives_are_told() {
        let (aliases, _) = Aliases::of(&[object("a", 1, &[("x", "64500:1")])]);
        let entries: Vec<CommunityEntry> =
            ["x", "y", "64500:7", "z"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(aliases.resolve(&entries), Err(vec!["y".to_owned(), "z".to_owned()]));
    }
}
