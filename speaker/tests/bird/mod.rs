//! BIRD, from the lab's root file system (`make lab` or `hack/prepare.sh` makes it), on a node of the rig.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::rig::Rig;

/// A running BIRD that speaks BFD and nothing else.
pub(crate) struct Bird {
    process: Child,
    socket: PathBuf,
}

impl Bird {
    /// Starts it on a node: 192.0.2.12 on the second, sending and receiving every `interval` milliseconds, multiplier 3. It
    /// has the scheduling of the speaker's wire thread, or its own lateness would take sessions down.
    pub(crate) fn start(rig: &Rig, node: usize, interval: u64, neighbors: &str) -> Self {
        let pace = format!("min rx interval {interval} ms; min tx interval {interval} ms; multiplier 3;");
        let text = format!(
            "log stderr all;\nrouter id 192.0.2.12;\nprotocol device {{}}\nprotocol bfd peers {{\n\
             interface \"eth0\" {{ {pace} }};\nmultihop {{ {pace} }};\n{neighbors}\n}}\n"
        );
        let (file, socket) = (rig.folder().join("bird.conf"), rig.folder().join("bird.ctl"));
        let _ = std::fs::remove_file(&socket);
        std::fs::write(&file, text).unwrap();
        let log = std::fs::File::create(rig.folder().join("bird.log")).unwrap();
        let process = Command::new("ip")
            .args(["netns", "exec", &rig.namespace_of(node), "chrt", "--fifo", "40"])
            .args(program("bird"))
            .args(["-f", "-c", file.to_str().unwrap(), "-s", socket.to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let bird = Self { process, socket };
        let until = Instant::now() + Duration::from_secs(10);
        while !bird.ask("show status").contains("up and running") {
            assert!(Instant::now() < until, "BIRD does not start: {}", bird.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        bird
    }

    /// What its control program answers.
    pub(crate) fn ask(&self, question: &str) -> String {
        let mut words = program("birdc").into_iter();
        let mut command = Command::new(words.next().unwrap());
        let output = command.args(words).args(["-s", self.socket.to_str().unwrap()]);
        let output = output.args(question.split(' ')).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `ip netns exec` and `chrt` become what they start, so the process is BIRD itself.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.process.id()).unwrap()), signal).unwrap();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.socket.with_file_name("bird.log")).unwrap_or_default()
    }
}

impl Drop for Bird {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            println!("--- bird\n{}", self.log());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.lab/rootfs")
}

/// How to run a program of that root file system with its own libraries.
fn program(name: &str) -> Vec<PathBuf> {
    let libraries = root().join("usr/lib/x86_64-linux-gnu");
    vec![
        libraries.join("ld-linux-x86-64.so.2"),
        "--library-path".into(),
        libraries,
        root().join("usr/sbin").join(name),
    ]
}
