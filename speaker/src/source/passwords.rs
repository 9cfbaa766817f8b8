//! Passwords of BGP sessions, from Secrets.

use std::collections::BTreeMap;

use ferrolb_api::PASSWORD_KEY;
use ferrolb_runtime::watch::{Change, Selection, watch};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::Event;
use crate::sys::tcp::Password;

/// The passwords that are known, by the name of their Secret, or why one is of no use.
pub type Passwords = BTreeMap<String, Result<Password, String>>;

/// Reads the password of a Secret.
///
/// # Errors
/// It has none, or one that cannot be used; in words.
pub fn read(secret: &Secret) -> Result<Password, String> {
    let given = secret.string_data.as_ref().and_then(|data| data.get(PASSWORD_KEY));
    let stored = secret.data.as_ref().and_then(|data| data.get(PASSWORD_KEY));
    let octets = given.map(|text| text.as_bytes()).or_else(|| stored.map(|octets| octets.0.as_slice()));
    let octets = octets.ok_or_else(|| format!("it has no key {PASSWORD_KEY:?}"))?;
    Password::new(octets).map_err(|error| error.to_string())
}

/// Follows the Secrets that peers name, each by its name, in the namespace that this process is in.
pub(crate) struct Follower {
    client: Client,
    events: Sender<Event>,
    tasks: BTreeMap<String, JoinHandle<()>>,
}

impl Follower {
    /// Follows none yet.
    pub(crate) fn new(client: Client, events: Sender<Event>) -> Self {
        Self { client, events, tasks: BTreeMap::new() }
    }

    /// Follows these from now on and no others; the names of those no longer followed.
    pub(crate) fn follow<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Vec<String> {
        let wanted: std::collections::BTreeSet<&str> = names.collect();
        let gone: Vec<String> =
            self.tasks.keys().filter(|name| !wanted.contains(name.as_str())).cloned().collect();
        for name in &gone {
            if let Some(task) = self.tasks.remove(name) {
                task.abort();
            }
        }
        for name in wanted {
            if !self.tasks.contains_key(name) {
                let task = tokio::spawn(follow(self.client.clone(), name.to_owned(), self.events.clone()));
                self.tasks.insert(name.to_owned(), task);
            }
        }
        gone
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.tasks.values().for_each(JoinHandle::abort);
    }
}

async fn follow(client: Client, name: String, events: Sender<Event>) {
    let secrets = Api::<Secret>::default_namespaced(client);
    let selection = Selection { fields: Some(format!("metadata.name={name}")), ..Selection::default() };
    watch(secrets, selection, events, Some, move |change: Change<Secret>| {
        let found = match change {
            Change::All(secrets) => secrets.into_iter().find(|secret| secret.name_any() == name),
            Change::Applied(secret) => Some(secret),
            Change::Deleted(_) => None,
        };
        Event::Password { secret: name.clone(), password: found.as_ref().map(read) }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_read_from_its_key() {
        let read = |json: &str| read(&serde_json::from_str(json).unwrap());
        let secret = Password::new(b"s3cret").map_err(|error| error.to_string());
        assert_eq!(read(r#"{"data":{"password":"czNjcmV0"}}"#), secret);
        assert_eq!(read(r#"{"stringData":{"password":"s3cret"}}"#), secret);
        assert!(read(r#"{"data":{"other":"czNjcmV0"}}"#).unwrap_err().contains("no key \"password\""));
        assert!(read(r#"{"data":{"password":""}}"#).unwrap_err().contains("empty"));
    }
}
