//! Text for people, JSON and YAML for programs.

use std::io::Write;

use anyhow::Result;
use ferrolb_explain::{State, Style};
use serde::Serialize;

use super::Table;
use crate::args::Output;

/// Prints to one place in one way.
pub(crate) struct Printer<'a> {
    out: &'a mut dyn Write,
    output: Output,
    colour: Colour,
}

impl<'a> Printer<'a> {
    /// A printer for `out`.
    pub(crate) fn new(out: &'a mut dyn Write, output: Output, colour: bool) -> Self {
        Self { out, output, colour: Colour(colour) }
    }

    /// Prints the value, if it is for programs. Returns whether it was.
    pub(crate) fn data(&mut self, value: &impl Serialize) -> Result<bool> {
        match self.output {
            Output::Json => writeln!(self.out, "{}", serde_json::to_string_pretty(value)?)?,
            Output::Yaml => write!(self.out, "{}", serde_saphyr::to_string(value)?)?,
            Output::Table | Output::Wide => return Ok(false),
        }
        Ok(true)
    }

    /// Whether more columns are wanted.
    pub(crate) fn is_wide(&self) -> bool {
        self.output == Output::Wide
    }

    /// How states are coloured.
    pub(crate) fn colour(&self) -> Colour {
        self.colour
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// Prints text that ends its lines itself.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        Ok(write!(self.out, "{text}")?)
    }

    /// Prints a table.
    pub(crate) fn table(&mut self, table: &Table) -> Result<()> {
        self.text(&table.render())
    }

    /// Where raw bytes go.
    pub(crate) fn raw(&mut self) -> &mut dyn Write {
        self.out
    }
}

/// Whether there is colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colour(pub(crate) bool);

impl Style for Colour {
    fn state(&self, state: State, text: &str) -> String {
        if !self.0 {
            return text.to_owned();
        }
        let code = match state {
            State::Ok => "32",
            State::Broken => "1;31",
            State::Waiting => "33",
            State::Unknown => "35",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
