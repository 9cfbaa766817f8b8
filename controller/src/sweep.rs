//! Services that stopped being load balancers while no controller watched: our conditions, and our finalizer, are still
//! on them, and the watch of load balancers does not show them.

use ferrolb_runtime::{backoff, backoff::Backoff, kinds};
use kube::{Api, Client, api::ListParams};
use tokio::sync::mpsc;

use crate::index::{Event, has_finalizer, has_our_condition};

/// Services read at a time.
const PAGE: u32 = 500;

/// Reads all other Services once, page by page, and tells of those that still have something of ours.
pub(crate) async fn sweep(client: Client, cleanup_finalizer: bool, events: mpsc::Sender<Event>) {
    let mut backoff = Backoff::default();
    while let Err(error) = all(&client, cleanup_finalizer, &events).await {
        if backoff.failures() == 0 {
            tracing::warn!(%error, "Services that are no load balancers any more could not be listed; trying again.");
        }
        tokio::time::sleep(backoff.failed(backoff::random())).await;
    }
}

async fn all(client: &Client, cleanup_finalizer: bool, events: &mpsc::Sender<Event>) -> kube::Result<()> {
    let api: Api<kinds::Service> = Api::all(client.clone());
    let mut page = ListParams::default().fields("spec.type!=LoadBalancer").limit(PAGE);
    loop {
        let services = api.list(&page).await?;
        for service in &services {
            // A finalizer is written before the condition, and may be all there is.
            let ours = has_our_condition(service) || (cleanup_finalizer && has_finalizer(service));
            if ours && events.send(Event::Left(ferrolb_config::service_id(service))).await.is_err() {
                return Ok(());
            }
        }
        match services.metadata.continue_ {
            Some(next) if !next.is_empty() => page = page.continue_token(&next),
            Some(_) | None => return Ok(()),
        }
    }
}
