//! `kubectl ferrolb`: why a Service has no address, what an edit would change, whether FerroLB is well.
//!
//! ```text
//!  kubeconfig -> read (lists, paged) -> facts -> core: explain, plan, usage -> output: table, wide, json, yaml
//!  manifests  -> manifest (with lines) -> validate (schema, CEL, across objects)
//! ```
//!
//! It reads and never writes. What it says of addresses it has from the allocator that the controller uses.

mod args;
mod cluster;
mod commands;
mod connect;
mod duration;
mod facts;
mod manifest;
mod names;
mod output;
mod read;
mod routing;
mod run;
mod usage;
mod validate;

pub use args::Cli;
pub use run::{Verdict, main, run};
pub use usage::usage_markdown;
