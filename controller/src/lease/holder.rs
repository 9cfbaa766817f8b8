//! Taking, renewing and releasing the lease over a client of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ferrolb_runtime::{
    backoff::{self, Backoff},
    client::RequestError,
    clock::boot_time,
};
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::{
    Timing,
    state::{Decision, Observed, Watcher, decide, is_older},
};
use crate::metrics::Metrics;

/// Whether this process leads, readable from anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leadership(Arc<AtomicU64>);

impl Leadership {
    /// Whether the lease surely holds now.
    pub(crate) fn holds(&self) -> bool {
        self.lasts_until(boot_time())
    }

    /// Whether the lease will surely hold at `time`, boot time, even if it is not renewed any more.
    pub(crate) fn lasts_until(&self, time: Duration) -> bool {
        time < Duration::from_millis(self.0.load(Ordering::Acquire))
    }

    fn hold_until(&self, time: Duration) {
        self.0.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }
}

/// The one who takes and renews.
pub(crate) struct Holder {
    api: Api<Lease>,
    name: String,
    me: String,
    timing: Timing,
    metrics: Metrics,
    leadership: Leadership,
    held: Option<Lease>,
}

impl Holder {
    /// `me` must be unique to this process.
    pub(crate) fn new(
        client: Client,
        namespace: &str,
        name: &str,
        me: String,
        timing: Timing,
        metrics: Metrics,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            me,
            timing,
            metrics,
            leadership: Leadership::default(),
            held: None,
        }
    }

    /// A view of the leadership for those who write.
    pub(crate) fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Returns once this process holds the lease.
    pub(crate) async fn acquire(&mut self) {
        let mut watcher = Watcher::default();
        let mut backoff = Backoff::default();
        loop {
            let pause = match self.try_acquire(&mut watcher).await {
                Ok(true) => return,
                Ok(false) => {
                    backoff.succeeded();
                    self.timing.renew
                }
                // Somebody else was quicker.
                Err(error) if error.code() == Some(409) => self.timing.renew,
                Err(error) => {
                    if backoff.failures() == 0 {
                        tracing::warn!(%error, lease = self.name, "The lease could not be read or taken; trying again.");
                    }
                    // Who is asked to wait for long still looks once a lease: its holder may be gone by then.
                    pause(&error, backoff.failed(backoff::random())).min(self.timing.duration)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Renews until the lease is lost, then returns: what this process believes may be old by then.
    pub(crate) async fn keep(&mut self) {
        let mut backoff = Backoff::default();
        let mut wait = self.timing.renew;
        let mut renewed = boot_time();
        loop {
            tokio::time::sleep(wait).await;
            if !self.leadership.holds() {
                tracing::error!(lease = self.name, "The lease could not be renewed in time and is lost.");
                return;
            }
            let Some(held) = self.held.clone() else { return };
            wait = match self.write(held).await {
                Ok(()) => {
                    let now = boot_time();
                    if now.saturating_sub(renewed) > self.timing.renew * 2 {
                        self.metrics.late_renewals.inc();
                    }
                    renewed = now;
                    backoff.succeeded();
                    self.timing.renew
                }
                Err(error) if error.code() == Some(409) => {
                    if let Some(why) = self.after_conflict().await {
                        tracing::error!(lease = self.name, "{why}");
                        self.leadership.hold_until(Duration::ZERO);
                        return;
                    }
                    Backoff::FIRST
                }
                Err(error) => {
                    tracing::warn!(%error, lease = self.name, "The lease could not be renewed; trying again.");
                    pause(&error, backoff.failed(backoff::random())).min(self.timing.renew)
                }
            };
        }
    }

    /// Gives the lease back, so that the next controller need not wait.
    pub(crate) async fn release(&mut self) {
        self.leadership.hold_until(Duration::ZERO);
        let Some(mut lease) = self.held.take() else { return };
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
        }
        if let Err(error) = self.bounded(self.api.replace(&self.name, &PostParams::default(), &lease)).await {
            tracing::warn!(%error, lease = self.name, "The lease could not be released; it will expire.");
        }
    }

    async fn try_acquire(&mut self, watcher: &mut Watcher) -> Result<bool, RequestError> {
        let found = self.bounded(self.api.get_opt(&self.name)).await?;
        let observed = found.as_ref().map(|lease| observed(lease, self.timing.duration));
        let unchanged =
            observed.as_ref().map_or(Duration::ZERO, |lease| watcher.unchanged_for(lease, boot_time()));
        match decide(observed.as_ref(), &self.me, unchanged) {
            Decision::Wait => Ok(false),
            Decision::Take => {
                self.write(found.unwrap_or_default()).await?;
                tracing::info!(lease = self.name, holder = self.me, "This controller leads.");
                Ok(true)
            }
        }
    }

    /// After a conflict: why this process leads no more, or `None` if the conflict came from a renewal of its own whose
    /// answer got lost. Keeps the version found.
    async fn after_conflict(&mut self) -> Option<&'static str> {
        // What is not known yet changes nothing: what was renewed before still counts, and the next round asks again.
        let found = self.bounded(self.api.get(&self.name)).await.ok()?;
        let observed = observed(&found, self.timing.duration);
        if observed.holder != self.me {
            return Some("Another controller has taken the lease.");
        }
        let held = self.held.replace(found).and_then(|held| held.metadata.resource_version);
        if is_older(&observed.resource_version, &held.unwrap_or_default()) {
            return Some(
                "The lease is older than its last renewal: the API server's storage was set back to an earlier state.",
            );
        }
        None
    }

    /// Writes the lease in our name; its resourceVersion makes the API server refuse if anybody else wrote since.
    async fn write(&mut self, current: Lease) -> Result<(), RequestError> {
        let sent = boot_time();
        let now = MicroTime(Timestamp::now());
        let exists = current.metadata.resource_version.is_some();
        let before = current.spec.unwrap_or_default();
        let mine = before.holder_identity.as_deref() == Some(&self.me);
        let lease = Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..current.metadata },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.me.clone()),
                lease_duration_seconds: i32::try_from(self.timing.duration.as_secs()).ok(),
                acquire_time: if mine { before.acquire_time } else { Some(now.clone()) },
                renew_time: Some(now),
                lease_transitions: Some(before.lease_transitions.unwrap_or(0) + i32::from(!mine)),
                ..LeaseSpec::default()
            }),
        };
        let parameters = PostParams::default();
        let written = if exists {
            self.bounded(self.api.replace(&self.name, &parameters, &lease)).await?
        } else {
            self.bounded(self.api.create(&parameters, &lease)).await?
        };
        self.held = Some(written);
        self.leadership.hold_until(sent + self.timing.duration);
        Ok(())
    }

    async fn bounded<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, RequestError> {
        match tokio::time::timeout(self.timing.request, request).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(RequestError::TimedOut(self.timing.request)),
        }
    }
}

fn pause(error: &RequestError, pause: Duration) -> Duration {
    error.retry_after().map_or(pause, |asked| pause.max(asked))
}

fn observed(lease: &Lease, default: Duration) -> Observed {
    let spec = lease.spec.as_ref();
    Observed {
        holder: spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default(),
        resource_version: lease.metadata.resource_version.clone().unwrap_or_default(),
        duration: spec
            .and_then(|spec| spec.lease_duration_seconds)
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(default, Duration::from_secs),
    }
}
