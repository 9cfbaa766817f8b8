use std::time::Duration;

use super::Speaker;
use crate::report::Statement;
use crate::sessions;
use crate::status::{self, Facts};
use crate::wire::{Report, Wire};

/// What the threads report is shown to metrics and health checks, and stated in the cluster.
impl Speaker {
    /// Takes a report of the wire thread.
    pub(super) fn publish(&mut self, report: Report) {
        let known = self.duplicates.len();
        self.duplicates.retain(|_, duplicate| report.at.since(duplicate.last) < FORGET_DUPLICATE);
        if self.duplicates.len() != known {
            self.said.forget();
        }
        self.hearing.hear(&report);
        for port in report.ports.iter().filter(|port| port.acquainted) {
            self.unsaved |= self.acquainted.insert(port.interface.to_string());
        }
        let mut view = self.observed.view();
        self.spare = Some(std::mem::replace(&mut view.report, report));
        view.reported = view.configured;
        drop(view);
        self.has_reported = true;
        self.state();
    }

    /// Takes a report of the BGP thread.
    pub(super) fn publish_sessions(&mut self, report: sessions::Report) {
        self.observed.view().sessions = report;
        self.state();
    }

    /// States everything in the cluster, if it is anything new. Without a report of the wire thread too much would be missing.
    fn state(&mut self) {
        let Some(kubernetes) = self.kubernetes.as_ref().filter(|_| self.has_reported) else { return };
        let view = self.observed.view();
        let facts = Facts {
            node: &self.options.node,
            desired: &self.desired,
            report: &view.report,
            sessions: &view.sessions,
            paths: &self.paths,
            waiting: self.routing.told().waiting(),
            duplicates: &self.duplicates,
            hearing: &self.hearing,
            calendar: self.calendar,
            realtime: self.wire.as_ref().is_some_and(Wire::realtime),
            problem: self.problem.as_deref(),
            stale: !self.index.is_complete(),
        };
        let status = status::status(&facts, &mut self.said);
        let statement = Some(Statement { node_uid: self.index.facts().uid.clone(), status });
        kubernetes.statements.send_if_modified(|known| {
            let differs = *known != statement;
            if differs {
                *known = statement;
            }
            differs
        });
    }
}

/// A station not heard for so long no longer counts as a duplicate.
const FORGET_DUPLICATE: Duration = Duration::from_secs(600);
