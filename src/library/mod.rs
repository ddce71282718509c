//! What lies on disk: models with their cards, pictures with their tasks, the program's folder.
//!
//! Knows files and names; does not know how a picture is made or shown.

mod adding;
mod annotators;
mod bounded;
mod budget;
mod demo;
mod download;
mod home;
mod index;
mod journal;
mod kept_tasks;
mod key_store;
mod layouts;
mod ledger;
mod models;
mod nature;
mod network;
mod pictures;
mod places;
mod record;
mod results;
mod scan;
mod sent;
mod shelf;
mod stars;
mod thumbnails;
mod trash;
mod uploads;
mod verdicts;
mod wildcards;

pub use adding::{AddError, Added, Addition};
pub use annotators::{AnnotatorMissing, Annotators};
pub use budget::{Overrun, Promised, Stop, Weighed, dollars};
pub use download::{DownloadError, DownloadStage, DownloadState, Downloads};
pub use home::Home;
pub use index::{About, Index, IndexError, StoredImage, Survey};
pub use journal::{Claim, Claimed, JournalError, JournalFolder, disown};
pub use key_store::{KEY_VARIABLE, KeyError, KeyPlace, KeyStore};
pub use ledger::{Estimate, Ledger, LedgerError, Spending};
pub use models::{Library, LibraryError, ModelFault, tokenizer_folder};
pub use network::NetworkError;
pub use pictures::{BringInError, Pictures};
pub use results::{Bare, Results, read_picture, read_task, write_atomically};
pub use sent::{SentError, SentTask, SentTasks};
pub use shelf::NameError;
pub use stars::{list_stars, set_star};
pub use thumbnails::Thumbnails;
pub use trash::{Trash, TrashError};
pub use uploads::UploadNotes;
pub use verdicts::{list_verdicts, read_verdict};
pub use wildcards::read_wildcards;
