//! The texts a picture file carries: chunks of PNG, segments of JPEG, chunks of WebP, and the EXIF
//! and XMP blocks inside them.
//!
//! Knows where texts stand and how they are encoded; what they mean is read elsewhere. Files are
//! anybody's: memory and time are bounded, and nothing here panics over damaged ones.

mod exif_block;
mod jpeg_segments;
mod png_chunks;
mod riff_chunks;
mod xmp_packet;

pub(super) use jpeg_segments::{with_jpeg_texts, without_any_jpeg_texts, without_jpeg_texts};
pub(super) use png_chunks::{is_latin_1, with_png_texts, without_png_texts};
pub(super) use riff_chunks::{with_webp_texts, without_webp_texts};

/// Name of the text that holds the task: a PNG keyword, an element of the XMP packet.
pub const TASK_TEXT: &str = "latelier";

/// Name of the text that A1111 writes: a PNG keyword. In EXIF it is the [`USER_COMMENT`].
pub const PARAMETERS_TEXT: &str = "parameters";

/// Name under which EXIF's `UserComment` is found.
pub const USER_COMMENT: &str = "UserComment";

/// Most bytes of text that are taken from one file.
const MOST_TEXT: usize = 16 << 20;

/// Most texts that are taken from one file.
const MOST_TEXTS: usize = 256;

/// The texts to write into a picture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts<'a> {
    /// The task as JSON.
    pub task: &'a str,

    /// The settings as A1111 writes them.
    pub parameters: Option<&'a str>,
}

impl<'a> From<&'a str> for Texts<'a> {
    fn from(task: &'a str) -> Self {
        Self { task, parameters: None }
    }
}

/// One text of a picture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// The keyword in PNG; in EXIF the tag (`UserComment`, `Make`, …); `latelier` for the task in
    /// XMP; `Comment` in JPEG.
    pub name: String,

    /// What it says.
    pub text: String,
}

/// Every text found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTexts {
    /// In the order of the file.
    pub found: Vec<FileText>,

    /// Names of texts that are there and were left out, because they are damaged or too long
    /// (16 MiB and 256 texts a file).
    pub left_out: Vec<String>,
}

impl FileTexts {
    /// The first text of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.found.iter().find(|text| text.name == name).map(|text| text.text.as_str())
    }

    /// Bytes of text that may still come; each that was refused makes it smaller, so that many of
    /// them together cost no more than a few.
    fn room(&self) -> usize {
        let taken: usize = self.found.iter().map(|text| text.text.len()).sum();
        (MOST_TEXT - taken) / (1 + self.left_out.len())
    }

    /// Whether no further text is taken.
    fn is_full(&self) -> bool {
        self.found.len() + self.left_out.len() >= MOST_TEXTS
    }

    /// Takes a text in; `None` is one that cannot be read.
    fn add(&mut self, name: &str, text: Option<String>) {
        if self.is_full() {
            return;
        }
        let name = name.to_owned();
        match text.filter(|text| text.len() <= self.room()) {
            Some(text) => self.found.push(FileText { name, text }),
            None => self.left_out.push(name),
        }
    }
}

/// Every text inside the bytes of a PNG, JPEG or WebP file; none in other bytes.
#[must_use]
pub fn file_texts(file: &[u8]) -> FileTexts {
    let mut texts = FileTexts::default();
    if file.starts_with(png_chunks::SIGNATURE) {
        png_chunks::read(file, &mut texts);
    } else if file.starts_with(jpeg_segments::START) {
        jpeg_segments::read(file, &mut texts);
    } else if file.starts_with(b"RIFF") {
        riff_chunks::read(file, &mut texts);
    }
    texts
}

/// The task text inside the bytes of a PNG, JPEG or WebP file, if it carries one.
#[must_use]
pub fn read_task_text(file: &[u8]) -> Option<String> {
    let texts = file_texts(file).found;
    texts.into_iter().find(|text| text.name == TASK_TEXT).map(|text| text.text)
}

#[cfg(test)]
mod tests;
