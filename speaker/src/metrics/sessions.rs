use ferrolb_bgp::session::{Counters, Messages, StateName};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::sessions::{PeerReport, Report};

/// The metrics of BGP sessions, by peer.
pub(super) fn encode(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    for (name, help, read) in GAUGES {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for peer in &report.peers {
            let value = i64::try_from(read(peer)).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(metric.encode_family(&[("peer", &*peer.name)])?)?;
        }
    }
    let help = "Prefixes that the peer was told";
    let name = "ferrolb_speaker_bgp_prefixes_told";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for peer in &report.peers {
        for (family, told) in ["ipv4", "ipv6"].into_iter().zip(peer.told) {
            let labels = [("peer", &*peer.name), ("family", family)];
            let value = i64::try_from(told).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
        }
    }
    messages(report, encoder)?;
    for family in FAMILIES {
        let mut metric = encoder.encode_descriptor(family.name, family.help, None, MetricType::Counter)?;
        for peer in &report.peers {
            for (value, read) in family.values {
                let name = ("peer", &*peer.name);
                let counter = ConstCounter::new(read(&peer.counters));
                match family.label {
                    Some(label) => counter.encode(metric.encode_family(&[name, (label, *value)])?)?,
                    None => counter.encode(metric.encode_family(&[name])?)?,
                }
            }
        }
    }
    let totals = [
        ("ferrolb_speaker_bgp_strangers", "Connections of hosts that are no passive peer", report.strangers),
        (
            "ferrolb_speaker_bgp_events_dropped",
            "Events of the BGP thread that were not taken in time",
            report.events_dropped,
        ),
    ];
    for (name, help, value) in totals {
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)?;
    }
    Ok(())
}

fn messages(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    let help = "BGP messages, by direction and kind";
    let name = "ferrolb_speaker_bgp_messages";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for peer in &report.peers {
        for (direction, messages) in [("sent", &peer.counters.sent), ("received", &peer.counters.received)] {
            for (kind, read) in KINDS {
                let labels = [("peer", &*peer.name), ("direction", direction), ("kind", kind)];
                ConstCounter::new(read(messages)).encode(metric.encode_family(&labels)?)?;
            }
        }
    }
    Ok(())
}

type Read<T> = fn(&T) -> u64;

const GAUGES: [(&str, &str, Read<PeerReport>); 3] = [
    ("ferrolb_speaker_bgp_session_up", "Whether the session with the peer is up", |peer| {
        (peer.state == StateName::Established).into()
    }),
    ("ferrolb_speaker_bgp_prefixes_owed", "Prefixes that are still to be announced or withdrawn", |peer| {
        peer.owed as u64
    }),
    ("ferrolb_speaker_bgp_prefixes_unsent", "Prefixes that the peer cannot be told", |peer| {
        peer.unsent.0 as u64
    }),
];

const KINDS: [(&str, Read<Messages>); 5] = [
    ("open", |messages| messages.open),
    ("update", |messages| messages.update),
    ("notification", |messages| messages.notification),
    ("keepalive", |messages| messages.keepalive),
    ("route-refresh", |messages| messages.refresh),
];

/// A counter for each peer, split by one label or none.
struct Family {
    name: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    values: &'static [(&'static str, Read<Counters>)],
}

const FAMILIES: &[Family] = &[
    Family {
        name: "ferrolb_speaker_bgp_prefixes_received",
        help: "Prefixes that the peer announced and withdrew; none is used",
        label: Some("kind"),
        values: &[("announced", |counters| counters.announced), ("withdrawn", |counters| counters.withdrawn)],
    },
    Family {
        name: "ferrolb_speaker_bgp_faults",
        help: "UPDATEs of the peer that were wrong, by what RFC 7606 asks for",
        label: Some("action"),
        values: &[
            ("discard", |counters| counters.discarded),
            ("withdraw", |counters| counters.treated_as_withdrawn),
            ("reset", |counters| counters.resets),
        ],
    },
    Family {
        name: "ferrolb_speaker_bgp_connect_attempts",
        help: "Attempts to connect to the peer",
        label: None,
        values: &[("", |counters| counters.attempts)],
    },
    Family {
        name: "ferrolb_speaker_bgp_sessions_established",
        help: "How often the session with the peer came up",
        label: None,
        values: &[("", |counters| counters.established)],
    },
];
