use std::time::Duration;

use ferrolb_runtime::admin::{self, Admin};
use ferrolb_runtime::shutdown;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use crate::Options;
use crate::metrics::Metrics;
use crate::observe::Observed;
use crate::source::Event;
use crate::speaker::Speaker;

/// Runs the speaker until it is asked to end; then it hands everything over.
///
/// # Errors
/// What it cannot work without is missing: a cluster or a folder, packet sockets, the admin address.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let observed = Observed::default();
    let admin = tokio::spawn(admin::serve(options.admin_address, pages(&observed)));
    let (events, received) = channel(EVENTS);
    let mut speaker = Speaker::new(options, observed, events);
    let result = work(&mut speaker, admin, received).await;
    speaker.end().await;
    result
}

async fn work(
    speaker: &mut Speaker,
    mut admin: JoinHandle<anyhow::Result<()>>,
    mut events: Receiver<Event>,
) -> anyhow::Result<()> {
    let mut source = speaker.start_source().await?;
    speaker.follow_interfaces();
    let mut ending = std::pin::pin!(shutdown::requested());
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let news = speaker.news();
        tokio::select! {
            result = &mut ending => return result,
            result = &mut admin => return result?,
            result = &mut source => return result?,
            Some(event) = events.recv() => {
                speaker.take(event);
                while let Ok(event) = events.try_recv() {
                    speaker.take(event);
                }
                speaker.settle().await?;
            }
            output = speaker.output() => speaker.hear(output?).await?,
            () = until(news) => speaker.ask().await?,
            _ = look.tick() => speaker.look().await?,
        }
    }
}

fn pages(observed: &Observed) -> Admin {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(observed.clone())));
    let (healthy, ready) = (observed.clone(), observed.clone());
    Admin { registry, healthy: Box::new(move || healthy.healthy()), ready: Box::new(move || ready.ready()) }
}

/// Waits for ever without a moment to wait for.
async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Events that may wait.
const EVENTS: usize = 256;
/// How often the wire thread is asked how things are, when nothing happens.
const LOOK: Duration = Duration::from_secs(1);
