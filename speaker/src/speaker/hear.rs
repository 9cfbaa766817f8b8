use ferrolb_bfd::Change;
use ferrolb_ownership::Event as WireEvent;

use super::{Speaker, Told};
use crate::narrate::{narrate, narrate_bfd};
use crate::routing::Heard;
use crate::status::Duplicate;
use crate::sys;
use crate::wire::{Output, Stopped};

/// What the threads tell.
impl Speaker {
    /// What one of the threads tells next; waits for ever before there is one.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) async fn output(&mut self) -> anyhow::Result<Told> {
        let Some(outputs) = &mut self.outputs else {
            return Ok(Told::Sessions(self.routing.output().await?));
        };
        tokio::select! {
            output = outputs.recv() => Ok(Told::Wire(output.ok_or(Stopped)?)),
            output = self.routing.output() => Ok(Told::Sessions(output?)),
        }
    }

    /// When to ask because something happened.
    pub(crate) fn news(&self) -> Option<tokio::time::Instant> {
        self.news
    }

    /// Takes what a thread tells.
    ///
    /// # Errors
    /// A thread has ended.
    pub(crate) async fn hear(&mut self, told: Told) -> anyhow::Result<()> {
        match told {
            Told::Wire(output) => self.hear_wire(output).await?,
            Told::Sessions(output) => match self.routing.hear(output) {
                Heard::News => self.note_news(),
                Heard::Standing => {
                    self.settle_paths().await?;
                    self.note_news();
                }
                Heard::Routers => {
                    self.settle_sessions().await?;
                    self.settle_paths().await?;
                    self.note_news();
                }
                Heard::Report(report) => {
                    // Events may have been dropped.
                    self.settle_paths().await?;
                    self.publish_sessions(report);
                }
            },
        }
        Ok(())
    }

    async fn hear_wire(&mut self, output: Output) -> anyhow::Result<()> {
        match output {
            Output::Event { interface, event } => {
                let now = sys::now();
                narrate(&interface, &event);
                if let WireEvent::Duplicate { vip, mac } = event {
                    let known = self.duplicates.entry((vip, interface));
                    let heard = known.or_insert(Duplicate { mac, since: now, last: now });
                    (heard.mac, heard.last) = (mac, now);
                    self.said.forget();
                }
                self.note_news();
            }
            Output::Unusable { interface, error } => {
                tracing::error!(%interface, %error, "An interface cannot be used; it is tried again.");
                self.told.forget(&interface);
                self.dirty = true;
            }
            Output::Bfd(event) => self.hear_bfd(&event).await?,
            Output::BfdUnusable { path, problem } => {
                tracing::error!(peer = %path.peer(), %problem, "A BFD session cannot be; it is tried again.");
            }
            Output::Report(report) => self.publish(report),
        }
        Ok(())
    }

    /// A session whose path is gone ends at once (RFC 9384); nothing else follows from BFD (RFC 5882 §3.2).
    async fn hear_bfd(&mut self, event: &ferrolb_bfd::Event) -> anyhow::Result<()> {
        match event.change {
            Change::Down(_) => self.routing.path_down(self.paths.peers(&event.path)).await?,
            Change::Up | Change::PeerAdminDown => {}
        }
        narrate_bfd(event);
        self.note_news();
        Ok(())
    }
}
