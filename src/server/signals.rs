//! The signals that ask a process to end. None is missed between two looks: it is listened for all the time.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// Listens from its making on.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Listens from its making on.
#[cfg(windows)]
pub(super) struct Signals {
    interrupt: CtrlC,
    terminate: CtrlBreak,
}

impl Signals {
    /// Has to be made on a runtime.
    #[cfg(unix)]
    pub(super) fn new() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Has to be made on a runtime.
    #[cfg(windows)]
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()?, terminate: ctrl_break()? })
    }

    /// The next signal, or one that came since the last call.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_signal_that_comes_while_nobody_looks_is_not_missed() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut signals = Signals::new().unwrap();
            for number in [libc::SIGINT, libc::SIGTERM, libc::SIGINT] {
                // SAFETY: a signal to this very process, which listens for it.
                #[expect(unsafe_code, reason = "the standard library raises no signals")]
                let raised = unsafe { libc::raise(number) };
                assert_eq!(raised, 0);
                tokio::time::timeout(Duration::from_mins(1), signals.next()).await.unwrap();
            }
        });
    }
}
