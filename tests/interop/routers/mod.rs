//! The programs among themselves: what a test tells them they do, and what it reads from them is so.

mod attributes;
mod failures;
mod paths;
mod protection;
mod unnumbered;
