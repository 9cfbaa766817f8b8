use ferrolb_bfd::{State, Status};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::observe::View;

/// The metrics of BFD: sessions by peer, and what was discarded.
pub(super) fn encode(view: &View, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    let report = &view.report.bfd;
    let sessions: Vec<(&str, Option<&Status>)> = view
        .watched
        .iter()
        .map(|(peer, path)| (&**peer, report.sessions.iter().find(|status| status.path == *path)))
        .collect();
    let help = "Whether the BFD session with the peer is up";
    let mut metric =
        encoder.encode_descriptor("ferrolb_speaker_bfd_session_up", help, None, MetricType::Gauge)?;
    for (peer, status) in &sessions {
        let up = status.is_some_and(|status| status.state == State::Up);
        ConstGauge::new(i64::from(up)).encode(metric.encode_family(&[("peer", *peer)])?)?;
    }
    let help = "How often the path to the peer was lost after it was up";
    let mut metric =
        encoder.encode_descriptor("ferrolb_speaker_bfd_sessions_lost", help, None, MetricType::Counter)?;
    for (peer, status) in &sessions {
        let lost = status.map_or(0, |status| status.downs);
        ConstCounter::new(lost).encode(metric.encode_family(&[("peer", *peer)])?)?;
    }
    let help = "BFD packets of the session with the peer";
    let mut metric =
        encoder.encode_descriptor("ferrolb_speaker_bfd_packets", help, None, MetricType::Counter)?;
    for (peer, status) in &sessions {
        let counts = status.map_or((0, 0), |status| (status.sent, status.received));
        for (direction, count) in [("sent", counts.0), ("received", counts.1)] {
            let labels = [("peer", *peer), ("direction", direction)];
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
    }
    let Some(counters) = report.counters else { return Ok(()) };
    let help = "BFD packets that no session took, by reason";
    let mut metric =
        encoder.encode_descriptor("ferrolb_speaker_bfd_discarded", help, None, MetricType::Counter)?;
    for (reason, count) in counters.discarded() {
        ConstCounter::new(count).encode(metric.encode_family(&[("reason", reason.name())])?)?;
    }
    Ok(())
}
