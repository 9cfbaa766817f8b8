//! What is read from objects as the API server sends them: what people write, and what they mean by it.

#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and tables of them read best")]

mod bgp;
mod pools;
mod services;
mod statuses;
