//! Foresees what the form's request takes of memory or money, on a thread of its own: headers of
//! checkpoints and the ledger are read for it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::news::{Messenger, News};
use crate::jobs::{EngineMaker, LocalWish};
use crate::library::{Home, Ledger};
use crate::state::{Outlook, OutlookQuestion};
use crate::task::EngineKind;

/// The thread that foresees.
pub(super) struct Foreseer {
    wishes: SyncSender<(OutlookQuestion, LocalWish)>,
    asked: Option<(OutlookQuestion, LocalWish)>,
}

impl Foreseer {
    /// Starts with nothing to foresee.
    pub(super) fn start(
        maker: Arc<dyn EngineMaker>,
        home: Home,
        messenger: Messenger,
    ) -> io::Result<Self> {
        let (wishes, wished) = sync_channel(1);
        let work = move || work(maker.as_ref(), &home, (&messenger, &wished));
        thread::Builder::new().name("foreseer".to_owned()).spawn(work)?;
        Ok(Self { wishes, asked: None })
    }

    /// Has this foreseen unless it was; once a frame.
    pub(super) fn ask(&mut self, question: Option<OutlookQuestion>, wish: &LocalWish) {
        let Some(question) = question else { return };
        let asked = (question, wish.clone());
        if self.asked.as_ref() == Some(&asked) {
            return;
        }
        // Where the thread is behind, the news of what it foresees brings the next frame.
        if self.wishes.try_send(asked.clone()).is_ok() {
            self.asked = Some(asked);
        }
    }
}

fn work(
    maker: &dyn EngineMaker,
    home: &Home,
    (messenger, wished): (&Messenger, &Receiver<(OutlookQuestion, LocalWish)>),
) {
    for (OutlookQuestion { request, of, .. }, wish) in wished {
        let engine = request.engine;
        let mut outlook = Outlook { of, engine, memory: None, estimate: None, spent: None };
        match engine {
            EngineKind::Local => outlook.memory = maker.memory(&request, &wish),
            EngineKind::Remote => {
                if let Ok(ledger) = Ledger::open(home) {
                    outlook.estimate = ledger.estimate(&request).ok().flatten();
                    outlook.spent = ledger.spent_today().ok();
                }
            }
        }
        if !messenger.send(News::Foreseen(Box::new(outlook))) {
            return;
        }
    }
}
