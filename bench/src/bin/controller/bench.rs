//! What every measurement needs.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use ferrolb_bench::ApiServer;
use kube::Client;

use crate::plan::Plan;
use crate::population::Population;
use crate::tracker::Tracker;

/// The API server with its Services, the watch, and how much is measured.
pub(crate) struct Bench<'a> {
    pub(crate) server: &'a ApiServer,
    pub(crate) plan: &'a Plan,
    pub(crate) client: Client,
    pub(crate) tracker: Tracker,
    pub(crate) population: Population,
    names: AtomicU32,
}

impl<'a> Bench<'a> {
    pub(crate) async fn new(server: &'a ApiServer, plan: &'a Plan) -> Result<Self> {
        let client = server.client().await?;
        let tracker = Tracker::start(server.client().await?);
        let population = Population::new(client.clone(), tracker.clone());
        Ok(Self { server, plan, client, tracker, population, names: AtomicU32::new(0) })
    }

    /// A name for a Service that no other has had.
    pub(crate) fn new_name(&self) -> String {
        format!("single-{:06}", self.names.fetch_add(1, Ordering::Relaxed))
    }
}
