//! Writes the settings when they have rested for a moment, and once more at the end.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use eframe::egui;

use crate::settings::Settings;
use crate::state::State;

/// How long settings rest before they are written.
const REST: Duration = Duration::from_millis(800);

/// The thread that writes.
pub(super) struct Saver {
    sender: Option<SyncSender<Settings>>,
    thread: Option<JoinHandle<()>>,
    written: Settings,
    now: Settings,
    changed: Instant,
}

impl Saver {
    /// Starts with what the file holds.
    pub(super) fn start(file: PathBuf, written: Settings) -> io::Result<Self> {
        let (sender, settings) = sync_channel::<Settings>(1);
        let thread =
            thread::Builder::new().name("settings writer".to_owned()).spawn(move || {
                for settings in settings {
                    if let Err(error) = settings.write(&file) {
                        tracing::warn!("{}: {error}", file.display());
                    }
                }
            })?;
        let now = written.clone();
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
            written,
            now,
            changed: Instant::now(),
        })
    }

    /// Writes nothing, ever: the file holds something else that must stay.
    pub(super) fn idle(settings: Settings) -> Self {
        let now = settings.clone();
        Self { sender: None, thread: None, written: settings, now, changed: Instant::now() }
    }

    /// Looks whether something changed; once a frame.
    pub(super) fn offer(&mut self, state: &State, ctx: &egui::Context) {
        let changed = self.now.draft != state.draft
            || self.now.preferences != state.preferences
            || !self.now.view.same_saved(&state.view);
        if changed {
            self.now = Settings {
                draft: state.draft.clone(),
                view: state.view.clone(),
                preferences: state.preferences.clone(),
            };
            self.changed = Instant::now();
        }
        if self.now == self.written || self.sender.is_none() {
            return;
        }
        let Some(left) = REST.checked_sub(self.changed.elapsed()) else { return self.write() };
        ctx.request_repaint_after(left);
    }

    fn write(&mut self) {
        let Some(sender) = &self.sender else { return };
        match sender.try_send(self.now.clone()) {
            // Nobody writes any more; the settings stay as they were.
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.written = self.now.clone(),
            // The last ones are still being written; the next frame tries again.
            Err(TrySendError::Full(_)) => {}
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        let sender = self.sender.take();
        if let Some(sender) = sender.filter(|_| self.now != self.written) {
            sender.send(self.now.clone()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
