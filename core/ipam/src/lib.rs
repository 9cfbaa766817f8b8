//! Which address a Service gets, and why not another.
//!
//! ```text
//!  pools, namespaces, node addresses, Services  --events-->  Allocator  --Vec<Change>-->  what statuses should say
//! ```
//!
//! - **Replay before allocating.** A new [`Allocator`] only listens. [`Allocator::settle`] first lets every Service keep
//!   what its status says FerroLB gave it, and only then gives out anything new.
//! - **Level-triggered.** An [`Outcome`] states the whole of what a Service should have; writing it twice is harmless.
//!   Statuses are fed back by [`Allocator::upsert_service`], and an address is free only when no Service holds it and no
//!   status names it, so that neither a crash nor a lost write gives one address to two.
//! - **Nobody moves without cause.** A held address is given up when its user asks for another that can be had, or
//!   when an edit takes it out of its pool. Deleting a pool moves nobody.
//! - **Incremental.** Who waits is indexed by what it waits for; nothing scans all Services, and no cost depends on the
//!   size of a range.
//!
//! To follow one Service: `allocator` (events) -> `evaluate` (keep, move, wait) -> `find` (which address).
//! To try an edit before it is made: [`Snapshot`], [`plan`].

mod allocator;
mod bit_set;
mod book;
mod bystanders;
mod cause;
mod considered;
mod crowd;
mod edit;
mod evaluate;
mod events;
mod find;
mod former;
mod opinion;
mod outcome;
mod pages;
mod per_family;
mod plan;
mod pools;
mod reason;
mod refusal;
mod replay;
mod services;
mod shared;
mod sharing;
mod snapshot;
mod space;
mod territory;
mod view;
mod waiting;

pub use allocator::Allocator;
pub use cause::Cause;
pub use considered::Considered;
pub use opinion::Opinion;
pub use outcome::{Change, Outcome};
pub use plan::{Effect, plan};
pub use pools::Overlap;
pub use reason::Reason;
pub use refusal::{Clash, PoolVerdict, Refusal, SharingProblem};
pub use sharing::MAX_SHARERS;
pub use snapshot::Snapshot;
pub use view::Usage;
