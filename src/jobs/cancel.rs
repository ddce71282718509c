//! Stopping a job from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Hook = Box<dyn Fn() + Send>;

/// Asks a job to stop. Clones speak of the same job.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    asked: AtomicBool,
    hook: Mutex<Option<Hook>>,
}

impl Cancel {
    /// Asks for the end and runs the hook, which interrupts a call in progress.
    pub fn cancel(&self) {
        let hook = self.0.hook.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.asked.store(true, Ordering::SeqCst);
        if let Some(hook) = &*hook {
            hook();
        }
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Sets what interrupts the work in progress; runs at once when the job is cancelled already.
    pub fn on_cancel(&self, interrupt: impl Fn() + Send + 'static) {
        let mut hook = self.0.hook.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_cancelled() {
            interrupt();
        }
        *hook = Some(Box::new(interrupt));
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}
