//! Orders from the host to the manager: one JSON line a connection, answered by one.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The socket, as the lab sees it.
pub(crate) const SOCKET: &str = "/run/lab.sock";

/// What can be asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Kill a control-plane program and keep it down.
    Stop(String),
    /// Start it again, with what it had stored.
    Start(String),
    /// End a node: every process of it at once, as if its power was cut.
    StopNode(String),
    /// Start the node again, with what it had on disk.
    StartNode(String),
}

/// Sends `order` to the lab whose root is at `root` and waits until it is done.
pub(crate) fn send(root: &Path, order: &Order) -> Result<()> {
    let path = root.join(SOCKET.trim_start_matches('/'));
    let mut stream = UnixStream::connect(&path)
        .with_context(|| format!("the lab does not answer at {}: is it up?", path.display()))?;
    let mut line = serde_json::to_string(order)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match serde_json::from_str::<Result<(), String>>(&answer)? {
        Ok(()) => Ok(()),
        Err(error) => bail!("the lab could not carry out {order:?}: {error}"),
    }
}

/// Serves orders for the life of the process.
pub(crate) fn serve(carry_out: impl Fn(Order) -> Result<()> + Send + 'static) -> Result<()> {
    let listener = UnixListener::bind(SOCKET).with_context(|| format!("cannot listen at {SOCKET}"))?;
    thread::spawn(move || {
        for stream in listener.incoming() {
            if let Err(error) = stream.map_err(Into::into).and_then(|stream| answer(&stream, &carry_out)) {
                eprintln!("An order was not answered: {error:#}.");
            }
        }
    });
    Ok(())
}

fn answer(mut stream: &UnixStream, carry_out: &impl Fn(Order) -> Result<()>) -> Result<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let done = carry_out(serde_json::from_str(&line)?).map_err(|error| format!("{error:#}"));
    let mut answer = serde_json::to_string(&done)?;
    answer.push('\n');
    stream.write_all(answer.as_bytes())?;
    Ok(())
}
