//! Metrics, made from the threads' newest reports when they are asked for. `docs/metrics.md` lists them.

mod bfd;
mod sessions;

use ferrolb_ownership::{Counters, StateName};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::observe::{Observed, View};
use crate::wire::PortReport;

/// Turns what is observed into metrics.
#[derive(Debug)]
pub(crate) struct Metrics(pub(crate) Observed);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let view = self.0.view();
        process(&view, &mut encoder)?;
        vips(&view, &mut encoder)?;
        segments(&view, &mut encoder)?;
        sessions::encode(&view.sessions, &mut encoder)?;
        bfd::encode(&view, &mut encoder)?;
        for family in FAMILIES {
            let mut metric =
                encoder.encode_descriptor(family.name, family.help, None, MetricType::Counter)?;
            for port in &view.report.ports {
                for (value, read) in family.values {
                    let interface = ("interface", port.interface.as_ref());
                    let counter = ConstCounter::new(read(port));
                    match family.label {
                        Some(label) => {
                            counter.encode(metric.encode_family(&[interface, (label, *value)])?)?;
                        }
                        None => counter.encode(metric.encode_family(&[interface])?)?,
                    }
                }
            }
        }
        Ok(())
    }
}

fn process(view: &View, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    let mut gauge = |name, help, value: i64| {
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    };
    let problems = i64::try_from(view.problems).unwrap_or(i64::MAX);
    gauge(
        "ferrolb_speaker_realtime",
        "Whether the wire thread has real-time scheduling",
        view.realtime.into(),
    )?;
    gauge(
        "ferrolb_speaker_configuration_stale",
        "Whether the configuration is the last run's",
        view.stale.into(),
    )?;
    gauge(
        "ferrolb_speaker_configuration_problems",
        "Parts of the configuration that cannot be used",
        problems,
    )?;
    let silence = view.pulse.as_ref().map_or(0.0, |pulse| pulse.age().as_secs_f64());
    let metric = encoder.encode_descriptor(
        "ferrolb_speaker_wire_silence_seconds",
        "Time since the wire thread last woke up",
        None,
        MetricType::Gauge,
    )?;
    ConstGauge::new(silence).encode(metric)?;
    let metric = encoder.encode_descriptor(
        "ferrolb_speaker_events_dropped",
        "Events of the wire thread that were not taken in time",
        None,
        MetricType::Counter,
    )?;
    ConstCounter::new(view.report.events_dropped).encode(metric)
}

fn vips(view: &View, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    let help = "VIPs of the plan by what they are to this speaker";
    let mut metric = encoder.encode_descriptor("ferrolb_speaker_vips", help, None, MetricType::Gauge)?;
    for port in &view.report.ports {
        for state in STATES {
            let count = port.vips.iter().filter(|vip| vip.state == state).count();
            let labels = [("interface", port.interface.to_string()), ("state", state.to_string())];
            ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX))
                .encode(metric.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn segments(view: &View, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    let ports = &view.report.ports;
    let gauge = |count: u64| ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
    let help = "Nodes whose speakers are heard, or answer though their heartbeats do not arrive";
    let mut metric = encoder.encode_descriptor("ferrolb_speaker_peers", help, None, MetricType::Gauge)?;
    for port in ports {
        for (state, nodes) in [("heard", &port.segment.heard), ("multicast-filtered", &port.segment.filtered)]
        {
            let labels = [("interface", &*port.interface), ("state", state)];
            gauge(nodes.len() as u64).encode(metric.encode_family(&labels)?)?;
        }
    }
    let counts: [(&str, &str, Read); 2] = [
        (
            "ferrolb_speaker_segment_isolated",
            "Whether no other speaker was ever heard though a gateway answers and others are planned",
            |port| port.segment.isolated.into(),
        ),
        (
            "ferrolb_speaker_vips_contested",
            "VIPs that are not claimed because a station that is no speaker uses them",
            |port| port.vips.iter().filter(|vip| vip.contestant.is_some()).count() as u64,
        ),
    ];
    for (name, help, count) in counts {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for port in ports {
            let labels = [("interface", &*port.interface)];
            gauge(count(port)).encode(metric.encode_family(&labels)?)?;
        }
    }
    let help = "Time between the heartbeats of this speaker";
    let name = "ferrolb_speaker_heartbeat_interval_seconds";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for port in ports {
        let labels = [("interface", &*port.interface)];
        ConstGauge::new(port.segment.interval.as_secs_f64()).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

const STATES: [StateName; 6] = [
    StateName::Joining,
    StateName::Backup,
    StateName::Suspect,
    StateName::Owner,
    StateName::Ceding,
    StateName::Mute,
];

type Read = fn(&PortReport) -> u64;

/// A counter for each interface, split by one label or none.
struct Family {
    name: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    values: &'static [(&'static str, Read)],
}

macro_rules! counters {
    ($($value:literal => $field:ident),+ $(,)?) => {
        &[$(($value, (|port: &PortReport| { let c: &Counters = &port.counters; c.$field }) as Read)),+]
    };
}

const FAMILIES: &[Family] = &[
    Family {
        name: "ferrolb_speaker_frames_heard",
        help: "Frames heard, by what they are",
        label: Some("kind"),
        values: counters! {
            "arp-request" => arp_requests,
            "arp-reply" => arp_replies,
            "neighbor-solicit" => neighbor_solicits,
            "neighbor-advert" => neighbor_adverts,
            "speaker" => speaker_frames,
            "other" => other_frames,
        },
    },
    Family {
        name: "ferrolb_speaker_frames_refused",
        help: "Frames heard and not believed, by why",
        label: Some("reason"),
        values: counters! {
            "malformed" => malformed,
            "implausible" => implausible,
            "own" => own_frames,
            "foreign-cluster" => foreign_cluster,
            "unknown-version" => unknown_version,
            "unknown-key" => unknown_key,
            "bad-signature" => bad_signature,
            "bad-signature-throttled" => bad_signature_throttled,
            "replayed" => replayed,
            "malformed-speaker-frame" => malformed_speaker_frames,
        },
    },
    Family {
        name: "ferrolb_speaker_messages_sent",
        help: "Messages made for sending, by what they are",
        label: Some("kind"),
        values: counters! {
            "heartbeat" => heartbeats,
            "reply" => replies,
            "gratuitous" => gratuitous,
            "probe" => probes,
            "correction" => corrections,
            "offer" => offers,
            "eviction" => evictions,
        },
    },
    Family {
        name: "ferrolb_speaker_messages_dropped",
        help: "Messages that were due and not sent, by why",
        label: Some("reason"),
        values: counters! {
            "reply-throttled" => replies_throttled,
            "reply-queue-full" => replies_dropped,
            "send-queue-full" => sends_dropped,
        },
    },
    Family {
        name: "ferrolb_speaker_ownership_changes",
        help: "VIPs gained and given up, by how",
        label: Some("cause"),
        values: counters! {
            "first-claim" => first_claims,
            "take-over" => take_overs,
            "offer-taken" => offers_taken,
            "handover" => handovers,
            "raise" => raises,
            "yield" => yields,
            "resignation" => resignations,
        },
    },
    Family {
        name: "ferrolb_speaker_duplicates",
        help: "Foreign stations heard using a VIP owned here",
        label: None,
        values: counters! { "" => duplicates },
    },
    Family {
        name: "ferrolb_speaker_late_wakeups",
        help: "Times the wire thread woke up late, by how late",
        label: Some("severity"),
        values: counters! { "late" => late_loops, "unheard" => long_gaps, "stalled" => stalls },
    },
    Family {
        name: "ferrolb_speaker_socket_frames",
        help: "Frames at the packet socket, by what became of them",
        label: Some("outcome"),
        values: &[
            ("received", |port| port.socket.received),
            ("lost", |port| port.socket.lost),
            ("sent", |port| port.socket.sent),
            ("refused", |port| port.socket.refused),
        ],
    },
];
