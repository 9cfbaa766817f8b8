//! Tests on a real cluster, through the API, as a user: FerroLB is installed from `deploy/` on a lab of three nodes, and
//! everything goes through kubectl, clients outside the cluster, and faults that the lab makes.
//!
//! `hack/test.sh e2e [FILTER]` runs them. `E2E_LAB=NAME` takes a lab that is up, with FerroLB installed or not, and
//! leaves it up, which saves most of the time while a test is written. Some tests need what the shared lab has:
//! `.lab/bin/ferrolb-lab --name NAME up --audit --routers 4 --second-segment --kube-proxy mixed`.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod absent;
mod addresses;
mod bad_objects;
mod bgp;
mod blackhole;
mod burst;
mod cli;
mod client;
mod cluster;
mod controllers;
mod fields;
mod finalizer;
mod flood;
mod flow;
mod frames;
mod handover;
mod installed;
mod ipv6;
mod kinds;
mod leader;
mod many;
mod members;
mod metallb;
mod outage;
mod owners;
mod permissions;
mod plugin;
mod pools;
mod preferred;
mod priority;
mod proxy;
mod rivals;
mod scene;
mod segments;
mod service;
mod shutdown;
mod strangers;
mod traffic;
mod trial;
mod wait;
mod workload;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use crate::cluster::Cluster;

/// Most of a test is waiting, so more run at a time than there are processors.
const THREADS: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    // Those that may run side by side first, so that they do.
    let trials = [
        traffic::trials(),
        segments::trials(),
        preferred::trials(),
        addresses::trials(),
        pools::trials(),
        fields::trials(),
        kinds::trials(),
        bad_objects::trials(),
        cli::trials(),
        permissions::trials(),
        bgp::trials(),
        flood::trials(),
        controllers::trials(),
        blackhole::trials(),
        absent::trials(),
        many::trials(),
        members::trials(),
        strangers::trials(),
        metallb::trials(),
        rivals::trials(),
        burst::trials(),
        priority::trials(),
        frames::trials(),
        owners::trials(),
        handover::trials(),
        shutdown::trials(),
        outage::trials(),
        installed::trials(),
        finalizer::trials(),
        ipv6::trials(),
    ];
    let trials = trials.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Err(error) = Cluster::end() {
        eprintln!("The lab does not go down: {error:#}.");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}
