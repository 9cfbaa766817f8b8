//! The objects of one kind: the newest good version of each, and what is wrong with a newer one.

use std::{collections::BTreeMap, fmt::Debug};

use ferrolb_api::ConditionsStatus;
use ferrolb_config::Error;
use ferrolb_runtime::watch::Change;
use kube::{
    Resource, ResourceExt as _,
    core::{ObjectMeta, object::HasStatus},
};

use super::super::objects::{Objects, Status};
use crate::write::ConfigKind;

/// Every object of a kind, by name.
#[derive(Debug)]
pub(super) struct Book<T>(BTreeMap<String, Known<T>>);

/// One object.
#[derive(Debug, PartialEq)]
pub(super) struct Known<T> {
    /// An object made anew under its name is another, and what was good before is not its.
    uid: Option<String>,
    /// Its last good version: a bad edit takes nothing away.
    pub(super) good: Option<T>,
    /// What is wrong with the newest version.
    problem: Option<String>,
}

impl<T> Default for Book<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: PartialEq> Book<T> {
    /// Takes what a watch saw. Returns whether anything but statuses changed.
    pub(super) fn apply<K>(
        &mut self,
        kind: ConfigKind,
        change: Change<K>,
        read: impl Fn(&K) -> Result<T, Error>,
        objects: &mut Objects,
    ) -> bool
    where
        K: Resource<DynamicType = ()> + HasStatus<Status = ConditionsStatus>,
    {
        match change {
            Change::All(all) => {
                let gone = |name: &&String| all.iter().all(|object| object.name_any() != **name);
                let gone: Vec<String> = self.0.keys().filter(gone).cloned().collect();
                for name in &gone {
                    self.remove(kind, name, objects);
                }
                all.iter().fold(!gone.is_empty(), |changed, object| {
                    self.upsert(kind, object, &read, objects) | changed
                })
            }
            Change::Applied(object) => self.upsert(kind, &object, &read, objects),
            Change::Deleted(object) => {
                self.remove(kind, &object.name_any(), objects);
                true
            }
        }
    }

    /// Every one, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Known<T>)> {
        self.0.iter().map(|(name, known)| (name.as_str(), known))
    }

    /// What is in force, by name.
    pub(super) fn good(&self) -> impl Iterator<Item = &T> {
        self.0.values().filter_map(|known| known.good.as_ref())
    }

    /// What is in force under this name.
    pub(super) fn find(&self, name: &str) -> Option<&T> {
        self.0.get(name)?.good.as_ref()
    }

    /// Whether there is one of this name, good or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn upsert<K>(
        &mut self,
        kind: ConfigKind,
        object: &K,
        read: impl Fn(&K) -> Result<T, Error>,
        objects: &mut Objects,
    ) -> bool
    where
        K: Resource<DynamicType = ()> + HasStatus<Status = ConditionsStatus>,
    {
        let ObjectMeta { generation, uid, .. } = object.meta().clone();
        let conditions = object.status().map(|status| status.conditions.clone()).unwrap_or_default();
        objects.seen(kind, &object.name_any(), generation, Status { conditions, ..Status::default() });
        let before = self.0.remove(&object.name_any());
        let (known, changed) = match (read(object), before) {
            (Ok(good), before) => {
                let known = Known { uid, good: Some(good), problem: None };
                let changed = before.as_ref() != Some(&known);
                (known, changed)
            }
            (Err(error), Some(before)) if before.uid == uid => {
                (Known { problem: Some(error.to_string()), ..before }, false)
            }
            (Err(error), before) => {
                (Known { uid, good: None, problem: Some(error.to_string()) }, before.is_some())
            }
        };
        self.0.insert(object.name_any(), known);
        changed
    }

    fn remove(&mut self, kind: ConfigKind, name: &str, objects: &mut Objects) {
        self.0.remove(name);
        objects.forget(kind, name);
    }
}

impl<T> Known<T> {
    /// What is wrong with the newest version, in a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let problem = self.problem.as_ref()?;
        Some(match self.good {
            Some(_) => format!("{problem}; until it is mended the last good version stays in force"),
            None => problem.clone(),
        })
    }
}
