//! The contract of addresses, rule by rule.

#[path = "../world/mod.rs"]
mod world;

mod bystanders;
mod dual_stack;
mod edits;
mod order;
mod pools;
mod reasons;
mod replay;
mod requests;
mod sharing;
