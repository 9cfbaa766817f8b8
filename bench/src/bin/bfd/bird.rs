//! BIRD with nothing but BFD, under the same real-time scheduling as the speaker's wire thread.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::{Lab, Router, RouterProgram};

/// The priority of the wire thread.
const PRIORITY: &str = "50";

pub(crate) struct Bird {
    pub(crate) router: Router,
    control: BufReader<UnixStream>,
}

impl Bird {
    /// On router `number`, with a session every `interval` ms, multiplier 3, to each of these neighbours.
    pub(crate) fn start(lab: &Lab, number: u8, interval: u64, neighbors: &[&str]) -> Result<Self> {
        let sessions: String =
            neighbors.iter().map(|neighbor| format!("  neighbor {neighbor} dev \"eth0\";\n")).collect();
        let configuration = format!(
            "log stderr all;\nrouter id 192.0.2.20{number};\nprotocol device {{}}\nprotocol bfd {{\n  interface \"eth0\" \
             {{ min rx interval {interval} ms; min tx interval {interval} ms; multiplier 3; }};\n{sessions}}}\n"
        );
        let router = Router::start(lab, &format!("r{number}"), RouterProgram::Bird, &configuration)?;
        let pid = *router.space().pids_of("bird")?.first().context("BIRD does not run")?;
        let told = Command::new("chrt")
            .args(["--all-tasks", "--fifo", "--pid", PRIORITY, &pid.to_string()])
            .output()?;
        ensure!(told.status.success(), "chrt: {}", String::from_utf8_lossy(&told.stderr));
        let control = UnixStream::connect(format!("/proc/{pid}/root/run/bird/bird.ctl"))?;
        let mut bird = Self { router, control: BufReader::new(control) };
        bird.answer()?;
        Ok(bird)
    }

    /// Whether its session with the neighbour is up.
    pub(crate) fn is_up(&mut self, neighbor: &str) -> Result<bool> {
        writeln!(self.control.get_mut(), "show bfd sessions")?;
        let answer = self.answer()?;
        Ok(answer
            .lines()
            .any(|line| line.contains(neighbor) && line.split_whitespace().any(|word| word == "Up")))
    }

    /// Lines of one answer; the last begins with four digits and a space.
    fn answer(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            ensure!(self.control.read_line(&mut line)? > 0, "BIRD closed its control socket");
            let is_last = line.len() > 4 && line.as_bytes()[4] == b' ' && line[..4].parse::<u16>().is_ok();
            text += &line;
            if is_last {
                return Ok(text);
            }
        }
    }
}
