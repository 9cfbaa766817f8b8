//! BIRD's control socket, for who asks often: a control program for each question would cost more than what is asked for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Router;

/// A connection to a running BIRD.
#[derive(Debug)]
pub struct BirdControl(BufReader<UnixStream>);

impl BirdControl {
    /// Connects to the BIRD of this router.
    ///
    /// # Errors
    /// It does not run, or does not answer.
    pub fn connect(router: &Router) -> Result<Self> {
        let pid = *router.space().pids_of("bird")?.first().context("BIRD does not run")?;
        let socket = format!("/proc/{pid}/root/run/bird/bird.ctl");
        let stream = UnixStream::connect(&socket).with_context(|| format!("cannot connect to {socket}"))?;
        let mut control = Self(BufReader::new(stream));
        control.answer()?;
        Ok(control)
    }

    /// What it answers to a command.
    ///
    /// # Errors
    /// It has ended.
    pub fn ask(&mut self, command: &str) -> Result<String> {
        writeln!(self.0.get_mut(), "{command}")?;
        self.answer()
    }

    /// Lines of one answer; the last begins with four digits and a space.
    fn answer(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            ensure!(self.0.read_line(&mut line)? > 0, "BIRD closed its control socket");
            let is_last = line.len() > 4 && line.as_bytes()[4] == b' ' && line[..4].parse::<u16>().is_ok();
            text += &line;
            if is_last {
                return Ok(text);
            }
        }
    }
}
