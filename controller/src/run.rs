//! The process: stand by, lead while the lease holds, stand by again, until told to end.
//!
//! A controller whose lease is lost does not end: it drops all it believed and stands by again. Kubernetes restarts a
//! container that ends again and again more and more slowly, so that a cluster whose API server falters would be left
//! without a standby when it needs one. Nothing survives a turn of leading anyway: what it knows lives in one future
//! ([`turn`](crate::turn)) that is dropped, and its connections refuse to send from the moment the lease is over.

use std::{future::Future, time::Duration};

use ferrolb_runtime::{
    admin::{self, Admin},
    client::{self, Gate, REQUEST_TIMEOUT, connect_to},
    shutdown,
    watch::{Patience, Report},
};
use futures::{FutureExt as _, future::BoxFuture, future::Shared};
use kube::{Client, Config};
use prometheus_client::registry::Registry;

use crate::{
    Args,
    definitions::Definitions,
    lease::{self, Holder},
    metrics::Metrics,
    phase::{Phase, Progress},
    turn::{self, Turn},
};

/// The Lease that controllers compete for.
const LEASE: &str = "ferrolb-controller";

/// How long things may take; other than by default only in tests.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A write, until its outcome counts as unknown.
    pub request: Duration,
    /// Around the lease.
    pub lease: lease::Timing,
    /// How soon a watch notices what goes wrong unseen.
    pub patience: Patience,
    /// How often it is looked whether missing CustomResourceDefinitions are there.
    pub await_definitions: Duration,
    /// How often it is looked whether they were replaced by older ones.
    pub check_definitions: Duration,
    /// How often what was decided event by event is compared with what would be decided anew.
    pub audit: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            request: REQUEST_TIMEOUT,
            lease: lease::Timing::default(),
            patience: Patience::ONE_OF_A_KIND,
            await_definitions: Duration::from_secs(2),
            check_definitions: Duration::from_secs(60),
            audit: Duration::from_secs(600),
        }
    }
}

/// The wish that the process end; may be asked for in several places.
pub(crate) type Stop = Shared<BoxFuture<'static, ()>>;

/// Runs the controller in the cluster around it until SIGTERM or SIGINT.
///
/// # Errors
/// No API server is configured, or the admin address is taken.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = client::cluster().await?;
    let stop = async {
        if let Err(error) = shutdown::requested().await {
            tracing::error!(%error, "Signals cannot be heard, so this process ends.");
        }
    };
    run_until(args, config, Timing::default(), stop).await
}

/// Runs the controller against the API server that `config` names, until `stop`.
///
/// # Errors
/// The credentials cannot be read, or the admin address is taken.
pub async fn run_until(
    args: Args,
    config: Config,
    timing: Timing,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let metrics = Metrics::default();
    let report = Report::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    report.register(registry.sub_registry_with_prefix("ferrolb_controller"));
    let progress = Progress::new(report.clone());
    let ready = progress.clone();
    let admin = Admin { registry, healthy: Box::new(|| Ok(())), ready: Box::new(move || ready.ready()) };
    let admin = admin::serve(args.admin_address, admin);

    let controller = Controller { args, config, timing, metrics, report, progress };
    tokio::select! {
        failed = admin => failed,
        ended = controller.take_turns(stop.boxed().shared()) => ended,
    }
}

/// What every turn needs.
pub(crate) struct Controller {
    pub(crate) args: Args,
    pub(crate) config: Config,
    pub(crate) timing: Timing,
    pub(crate) metrics: Metrics,
    pub(crate) report: Report,
    pub(crate) progress: Progress,
}

impl Controller {
    /// A client with connections of its own.
    pub(crate) fn client(&self, gate: Gate) -> anyhow::Result<Client> {
        connect_to(self.config.clone(), gate)
    }

    async fn take_turns(&self, stop: Stop) -> anyhow::Result<()> {
        let instance = format!("{}_{:x}", self.args.name, getrandom::u32()?);
        let mut holder = Holder::new(
            self.client(Gate::open())?,
            &self.args.namespace,
            LEASE,
            instance,
            self.timing.lease,
            self.metrics.clone(),
        );
        let definitions = Definitions::new(self.client(Gate::open())?, self.timing.request);
        loop {
            self.metrics.stand_by();
            tokio::select! {
                () = stop.clone() => break,
                () = self.stand_by(&definitions, &mut holder) => {}
            }
            self.metrics.leader.set(1);
            self.progress.set(Phase::Lists);
            let turn = Turn::new(self, &definitions, holder.leadership())?;
            tokio::select! {
                biased;
                () = holder.keep() => tracing::warn!("All that this controller knew is dropped, and it stands by."),
                ended = turn::lead(turn, stop.clone()) => {
                    ended?;
                    break;
                }
            }
        }
        tracing::info!("The controller was told to end.");
        holder.release().await;
        Ok(())
    }

    /// Waits until this process is fit to lead, then until it does.
    async fn stand_by(&self, definitions: &Definitions, holder: &mut Holder) {
        let await_definitions = self.timing.await_definitions;
        definitions
            .wait(await_definitions, |problem| {
                self.metrics.observe_definitions(Some(problem));
                self.progress.set(Phase::AwaitsDefinitions(problem.text.clone()));
            })
            .await;
        self.metrics.observe_definitions(None);
        self.progress.set(Phase::StandsBy);
        tracing::info!(lease = LEASE, "Waiting for the lease.");
        holder.acquire().await;
    }
}
