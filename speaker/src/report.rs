//! Writes the `SpeakerState`: on change, jittered, at most once a second, and nothing when nothing changed.

use std::time::Duration;

use ferrolb_api::{SpeakerState, SpeakerStateStatus};
use ferrolb_runtime::client::{RequestError, bounded};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch::Receiver;

/// What is to be written, and to which Node the object belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// The Node's uid; nothing is written before it is known.
    pub node_uid: String,
    /// The status.
    pub status: SpeakerStateStatus,
}

/// Writes each new statement for the node, until nobody can make any more.
pub async fn write(client: Client, node: String, mut statements: Receiver<Option<Statement>>, seed: u64) {
    let api = Api::<SpeakerState>::all(client);
    let mut jitter = ferrolb_sansio::Rng::new(seed);
    let mut written = None;
    let mut pause = PAUSE;
    while statements.changed().await.is_ok() {
        tokio::time::sleep(jitter.jitter(JITTER)).await;
        // What changed meanwhile goes into the same write.
        while let Some(statement) = pending(&mut statements, written.as_ref()) {
            match put(&api, &node, &statement).await {
                Ok(()) => {
                    written = Some(statement);
                    pause = PAUSE;
                }
                Err(error) => {
                    tracing::warn!(%error, "The SpeakerState cannot be written; it is tried again.");
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
            tokio::time::sleep(pause + jitter.jitter(pause / 2)).await;
        }
    }
}

fn pending(statements: &mut Receiver<Option<Statement>>, written: Option<&Statement>) -> Option<Statement> {
    let newest = statements.borrow_and_update();
    let newest = newest.as_ref().filter(|statement| !statement.node_uid.is_empty());
    newest.filter(|statement| Some(*statement) != written).cloned()
}

async fn put(api: &Api<SpeakerState>, node: &str, statement: &Statement) -> Result<(), RequestError> {
    match patch(api, node, statement).await {
        Err(error) if error.code() == Some(404) => {
            create(api, node, &statement.node_uid).await?;
            patch(api, node, statement).await
        }
        result => result,
    }
}

async fn patch(api: &Api<SpeakerState>, node: &str, statement: &Statement) -> Result<(), RequestError> {
    let object = json!({
        "apiVersion": format!("{}/{}", ferrolb_api::GROUP, ferrolb_api::VERSION),
        "kind": "SpeakerState",
        "metadata": { "name": node },
        "status": statement.status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    bounded(api.patch_status(node, &parameters, &Patch::Apply(&object))).await.map(drop)
}

async fn create(api: &Api<SpeakerState>, node: &str, node_uid: &str) -> Result<(), RequestError> {
    let owner = OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: node.to_owned(),
        uid: node_uid.to_owned(),
        ..OwnerReference::default()
    };
    let mut state = SpeakerState::new(node, ferrolb_api::SpeakerStateSpec {});
    state.metadata = ObjectMeta { owner_references: Some(vec![owner]), ..state.metadata };
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match bounded(api.create(&parameters, &state)).await {
        Err(error) if error.code() == Some(409) => Ok(()),
        result => result.map(drop),
    }
}

/// The one writer of every field of the object.
const FIELD_MANAGER: &str = "ferrolb-speaker";
/// At most one write in this time.
const PAUSE: Duration = Duration::from_secs(1);
/// So that the speakers of a cluster do not all write at one moment.
const JITTER: Duration = Duration::from_millis(300);
const MAX_PAUSE: Duration = Duration::from_secs(30);
