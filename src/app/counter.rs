//! Counts the prompts' tokens with the chosen model's tokenizer, on a thread of its own: reading a
//! tokenizer takes as long as many frames.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::news::{Messenger, News};
use crate::library::tokenizer_folder;
use crate::prompt::{self, Learned, Syntax, Tokenizer, Vocabulary};
use crate::state::{Length, Meter, Texts};

/// The thread that counts.
pub(super) struct Counter {
    wishes: SyncSender<Texts>,
    wished: Option<Texts>,
}

impl Counter {
    /// Starts with nothing to count.
    pub(super) fn start(messenger: Messenger) -> io::Result<Self> {
        let (wishes, wished) = sync_channel(1);
        let name = "token counter".to_owned();
        thread::Builder::new().name(name).spawn(move || work(&messenger, &wished))?;
        Ok(Self { wishes, wished: None })
    }

    /// Has these counted unless they were; once a frame. After a frame without any, all are counted
    /// anew: the window has dropped what it knew.
    pub(super) fn count(&mut self, texts: Option<Texts>) {
        if texts == self.wished {
            return;
        }
        self.wished = None;
        let Some(texts) = texts else { return };
        // Where the thread is behind, the news of what it counts brings the next frame.
        if self.wishes.try_send(texts.clone()).is_ok() {
            self.wished = Some(texts);
        }
    }
}

/// A tokenizer and the folder it came from; none for the program's own.
struct Known {
    folder: Option<PathBuf>,
    tokenizer: Result<Tokenizer, String>,
}

fn work(messenger: &Messenger, wished: &Receiver<Texts>) {
    let mut known: Option<Known> = None;
    for texts in wished {
        let folder = tokenizer_folder(&texts.model);
        // One that could not be read is tried again: its file may be there now.
        let same = |known: &Known| known.folder == folder && known.tokenizer.is_ok();
        let known = match known.take().filter(same) {
            Some(same) => known.insert(same),
            None => known.insert(read(folder)),
        };
        let syntax = Syntax::from(texts.weighting);
        let Texts { prompt, negative_prompt, learned, .. } = texts;
        let named = |one: &Learned| {
            [&prompt, &negative_prompt].iter().any(|text| one.stands_in(text, syntax))
        };
        let added: Vec<&Learned> = (learned.iter())
            .filter(|(one, counts)| *counts && !named(one))
            .map(|(one, _)| one)
            .collect();
        let words: Vec<Learned> = learned.iter().map(|(one, _)| one.clone()).collect();
        let count =
            |text: &str, added: &[&Learned]| known.count(text, (words.as_slice(), added), syntax);
        let prompt = Length { count: count(&prompt, &added), text: prompt.clone() };
        let negative_prompt =
            Length { count: count(&negative_prompt, &[]), text: negative_prompt.clone() };
        let meter = Meter { prompt, negative_prompt };
        if !messenger.send(News::Counted(meter)) {
            return;
        }
    }
}

fn read(folder: Option<PathBuf>) -> Known {
    let tokenizer = match &folder {
        Some(folder) => Tokenizer::from_folder(folder),
        None => Tokenizer::clip_l(),
    };
    Known { folder, tokenizer: tokenizer.map_err(|error| error.to_string()) }
}

impl Known {
    /// Counts `text` with these learned words, and those that are added to it.
    fn count(
        &self,
        text: &str,
        (learned, added): (&[Learned], &[&Learned]),
        syntax: Syntax,
    ) -> Result<prompt::TokenCount, String> {
        let tokenizer = self.tokenizer.as_ref().map_err(Clone::clone)?;
        // An empty prompt has no weights to read; one grammar would count a word in its place.
        let syntax = if text.trim().is_empty() { Syntax::Plain } else { syntax };
        let vocabulary = Vocabulary::new(tokenizer, learned);
        prompt::count(vocabulary, text, added, syntax).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::jobs::test_job;
    use crate::task::ModelCard;

    #[test]
    fn a_tokenizer_that_could_not_be_read_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let card = ModelCard { path, ..(*test_job("a fox").request.model).clone() };
        let (sender, news) = sync_channel(4);
        let messenger = Messenger { sender, ctx: eframe::egui::Context::default() };
        let mut counter = Counter::start(messenger).unwrap();
        let texts = |prompt: &str| Texts {
            model: Arc::new(card.clone()),
            weighting: None,
            prompt: prompt.to_owned(),
            negative_prompt: String::new(),
            learned: Vec::new(),
        };
        let mut count = |prompt: &str| {
            counter.count(Some(texts(prompt)));
            match news.recv_timeout(Duration::from_mins(1)).unwrap() {
                News::Counted(meter) => meter.prompt.count,
                _ => panic!("the counter counts"),
            }
        };
        assert!(count("a fox").is_err());
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/demo/tokenizer");
        let place = folder.path().join("tokenizer");
        std::fs::create_dir(&place).unwrap();
        for file in std::fs::read_dir(demo).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), place.join(file.file_name())).unwrap();
        }
        assert!(count("a red fox").is_ok());
    }
}
