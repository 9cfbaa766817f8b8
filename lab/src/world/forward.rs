//! The way in for kubectl: a listener on the host's loopback whose connections go on inside the control
//! plane's network namespace.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};

/// Where the API server listens inside.
const API_SERVER: &str = "127.0.0.1:6443";

/// Serves `listener` for the life of the process. The socket stays the host's; the thread that accepts moves
/// into `netns` at the first connection, and with it the ones it starts.
pub(crate) fn start(listener: TcpListener, netns: PathBuf) {
    thread::spawn(move || {
        if let Err(error) = serve(&listener, &netns) {
            eprintln!("kubectl has no way in any more: {error:#}.");
        }
    });
}

fn serve(listener: &TcpListener, netns: &PathBuf) -> Result<()> {
    let (mut outside, _) = listener.accept()?;
    let namespace = File::open(netns).with_context(|| format!("no network namespace {}", netns.display()))?;
    setns(namespace, CloneFlags::CLONE_NEWNET)?;
    loop {
        thread::spawn(move || {
            // While the API server is stopped the client sees its connection closed, as it would on a network.
            if let Ok(inside) = TcpStream::connect(API_SERVER) {
                join(&outside, &inside);
            }
        });
        (outside, _) = listener.accept()?;
    }
}

/// Copies both ways until both directions have ended.
fn join(outside: &TcpStream, inside: &TcpStream) {
    for stream in [outside, inside] {
        // Only slows small answers down if it cannot be set.
        let _ = stream.set_nodelay(true);
    }
    thread::scope(|scope| {
        scope.spawn(|| copy(outside, inside));
        copy(inside, outside);
    });
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // A stream that is gone already needs no half-close.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
