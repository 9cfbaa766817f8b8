//! Sends requests, as many at a time as the API server bears, and only while leading.

use std::{pin::Pin, time::Duration};

use ferrolb_runtime::{backoff, clock::boot_time};
use futures::{Future, StreamExt as _, stream::FuturesUnordered};
use kube::Client;

use super::{
    Write,
    limit::{Limit, Signal},
    outcome::{Outcome, Target, Verdict},
    send::Sender,
};
use crate::{
    lease::Leadership,
    metrics::{Metrics, WriteLabels},
};

/// How soon to look again whether the lease was renewed.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Events are held back for this long when the API server has too many, unless it says how long.
const EVENTS_PAUSE: Duration = Duration::from_secs(1);

/// The one place that writes to the API server.
pub(crate) struct Writer {
    sender: Sender,
    leadership: Leadership,
    metrics: Metrics,
    limit: Limit,
    /// Boot time before which no Event is sent: they have limits of their own on the API server.
    no_events_until: Duration,
    in_flight: FuturesUnordered<Pin<Box<dyn Future<Output = Answered> + Send>>>,
}

/// An answer, before anything is done about it.
struct Answered {
    outcome: Outcome,
    signal: Signal,
    sent: Duration,
}

impl Writer {
    /// A writer that sends while `leadership` lasts. Each request has `timeout`.
    pub(crate) fn new(
        client: Client,
        leadership: Leadership,
        instance: String,
        timeout: Duration,
        metrics: Metrics,
    ) -> Self {
        Self {
            sender: Sender { client, instance, timeout },
            leadership,
            metrics,
            limit: Limit::default(),
            no_events_until: Duration::ZERO,
            in_flight: FuturesUnordered::new(),
        }
    }

    /// Whether another request may be sent: it must be answered or given up before the lease may end.
    pub(crate) fn has_room(&self, now: Duration) -> bool {
        self.limit.has_room(self.in_flight.len(), now)
            && self.leadership.lasts_until(now + self.sender.timeout)
    }

    /// Whether an Event may be sent, as far as the API server's answers to others tell.
    pub(crate) fn takes_events(&self, now: Duration) -> bool {
        self.no_events_until <= now
    }

    /// When to ask again, if nothing may be sent now for a reason that time removes.
    pub(crate) fn opens(&self, now: Duration) -> Option<Duration> {
        if !self.leadership.lasts_until(now + self.sender.timeout) {
            return Some(now + LOOK_AGAIN);
        }
        self.limit.opens(now)
    }

    /// How many requests are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How many may be.
    pub(crate) fn allowed(&self) -> usize {
        self.limit.allowed()
    }

    /// Starts a request.
    pub(crate) fn send(&self, write: Write) {
        let target = Target::of(&write);
        let sender = self.sender.clone();
        let sent = boot_time();
        self.in_flight.push(Box::pin(async move {
            let answer = sender.send(write).await;
            let signal = Signal::of(&answer);
            Answered { outcome: Outcome { target, verdict: Verdict::of(answer) }, signal, sent }
        }));
    }

    /// The next outcome; waits for ever while nothing is in flight.
    pub(crate) async fn outcome(&mut self) -> Outcome {
        match self.in_flight.next().await {
            Some(answered) => self.learn(answered),
            None => std::future::pending().await,
        }
    }

    /// Waits until nothing is in flight any more. Each request ends within its time.
    pub(crate) async fn drain(&mut self) {
        while let Some(answered) = self.in_flight.next().await {
            self.learn(answered);
        }
    }

    fn learn(&mut self, Answered { outcome, signal, sent }: Answered) -> Outcome {
        let now = boot_time();
        self.metrics.answered(
            &WriteLabels { object: outcome.target.label(), outcome: outcome.verdict.label() },
            now.saturating_sub(sent),
        );
        match (&outcome.target, signal) {
            (Target::Event, Signal::Busy(pause)) => {
                self.no_events_until = now + pause.unwrap_or(EVENTS_PAUSE);
            }
            (_, signal) => self.limit.answered(signal, sent, now, backoff::random()),
        }
        if let Verdict::Refused(why) | Verdict::Again { after: _, why } = &outcome.verdict {
            tracing::warn!(target = ?outcome.target, why, "A write did not succeed.");
        }
        outcome
    }
}
