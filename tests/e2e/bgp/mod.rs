//! BGP from the nodes of the cluster to routing programs beside it. Nodes are in one AS, routers in another.

mod faults;
mod peers;
mod rack;
mod serving;
mod watch;

use libtest_mimic::Trial;

use crate::trial::{Disturbs, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "bgp_spreads_traffic_over_the_nodes_that_serve",
            Disturbs::Nobody,
            serving::spreads_over_those_that_serve,
        ),
        trial("bgp_tells_each_peer_what_is_meant_for_it", Disturbs::Nobody, peers::each_its_own),
        trial(
            "bgp_asks_peers_to_leave_a_cordoned_node_before_it_withdraws",
            Disturbs::Everybody,
            faults::cordoned,
        ),
        trial(
            "bgp_asks_peers_to_leave_all_nodes_before_speakers_end_for_good",
            Disturbs::Everybody,
            faults::dismissed,
        ),
        trial("bgp_asks_peers_to_leave_a_node_that_is_shut_down", Disturbs::Everybody, faults::shut_down),
        trial("bgp_loses_a_dead_node_as_fast_as_it_is_told_to", Disturbs::Everybody, faults::dead),
        trial("bgp_goes_on_while_the_api_server_is_away", Disturbs::Everybody, faults::api_away),
        trial(
            "bgp_keeps_routes_over_a_restart_only_where_that_was_agreed",
            Disturbs::Everybody,
            faults::restarted,
        ),
    ]
}
