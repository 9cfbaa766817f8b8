//! The controller's decisions simulated: a virtual API server, one to three controllers with the real `Index` and the
//! real decisions about the lease, users, and everything that can go wrong between them, on virtual time.
//!
//! ```text
//!  user.rs, fault.rs --Op--> world.rs --+--> store.rs       objects, versions, what the API server refuses
//!                                       +--> controller.rs  lease, watches, requests in flight, around an Index
//!                                       +--> check.rs       at each committed state;  end.rs: once all is quiet
//! ```
//!
//! - `cargo test -p ferrolb-controller --lib sim` runs the share that belongs to every check.
//! - `SEEDS=0..100000 cargo test -p ferrolb-controller --lib sim::seeds -- --nocapture` runs others.
//! - `SEED=n cargo test -p ferrolb-controller --lib sim::seeds -- --nocapture` shrinks one and tells what happens.
//!
//! What is asserted, at every committed state: an address has one Service, or Services that may share it (the only
//! permitted breach is a write of a leader that was frozen, which is healed); no status names an address outside its
//! pools; nobody's address changes without cause; nothing foreign is touched. Once all is quiet: who can be served is,
//! counters and slices say what statuses say, nothing is written any more, and a restart writes nothing.

mod check;
mod controller;
mod draw;
mod end;
mod fault;
mod incidents;
mod mistake;
mod objects;
mod op;
mod requests;
mod seeds;
mod store;
mod streams;
mod user;
mod world;
