//! What the user wishes for, and what the shell has to do about it.

use std::path::PathBuf;

use uuid::Uuid;

use super::{GalleryAction, GalleryOrder, GuideSlot, GuideTool, MaskAction, MaskWork, Tool};
use crate::jobs::{Job, JobId};
use crate::pixels::Mask;
use crate::task::{Preprocess, Task};

/// A wish of the user that changes more than the form in front of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make what the form asks for.
    Generate,
    /// Stop this job.
    Cancel(JobId),
    /// Stop the job that runs, or the one that waits first.
    CancelRunning,
    /// Try a failed job once more.
    Retry(JobId),
    /// Take the card of a failed job away.
    Dismiss(JobId),
    /// Make the pictures that were waiting when Latelier stopped.
    ResumeWaiting,
    /// Forget the jobs that were waiting when Latelier stopped.
    DiscardWaiting,
    /// Put a new seed into the form and keep it.
    DrawSeed,
    /// Show this picture.
    Select(Uuid),
    /// Show the picture so many places further on in the gallery.
    Step(isize),
    /// Show the picture so many places further on among those made together.
    StepSibling(isize),
    /// Show the running job again.
    Follow,
    /// Put everything this picture was made with back into the form.
    ReuseSettings(Uuid),
    /// Put this picture's prompts back into the form.
    ReusePrompt(Uuid),
    /// Put this picture's seed back into the form.
    ReuseSeed(Uuid),
    /// Ask for a picture file to start from.
    OpenPicture,
    /// Start from this picture.
    StartFrom(Uuid),
    /// Go on from this result: it takes the start picture's place, with nothing masked or grown yet.
    UseResult(Uuid),
    /// Back to the start picture; its results stay in the gallery.
    LeaveResults,
    /// Start from no picture.
    RemovePicture,
    /// Take this tool in hand, over the start picture; the tool in hand is laid down.
    Take(Tool),
    /// Do that to the mask.
    Mask(MaskAction),
    /// Guide by the picture that the canvas shows.
    GuideByShown(GuideSlot),
    /// Guide by this picture of the gallery.
    GuideByPicture(GuideSlot, Uuid),
    /// Guide by what is drawn from the picture that the canvas shows.
    DrawGuide(GuideSlot, GuideTool),
    /// Ask for a picture file to guide by.
    OpenGuide(GuideSlot),
    /// Do something with pictures of the gallery.
    Gallery(GalleryAction),
    /// Open the folder of the results.
    OpenResults,
    /// Look at the results and the models folders again.
    Rescan,
    /// Take a notice away.
    DismissNotice(u64),
}

/// A task that waits for the picture of its mask.
#[derive(Clone, Debug)]
pub struct MaskOrder {
    /// The pixels; the library keeps them.
    pub mask: Mask,
    /// The task that is to name it.
    pub task: Task,
}

/// Work outside the state; the shell does it on a thread of its own.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Give this job to the provider.
    Submit(Job),
    /// Keep this mask in the library, then come back with its name: [`super::State::mask_drawn`].
    DrawMask(Box<MaskOrder>),
    /// Work on a mask.
    Mask(MaskWork),
    /// Give these jobs to the provider, in this order.
    Resume(Vec<Job>),
    /// Take these jobs out of the journal.
    Discard(Vec<JobId>),
    /// Ask for a picture file and bring it into the library.
    OpenPicture,
    /// Bring this file into the library, then come back with its name:
    /// [`super::State::guide_brought`].
    BringGuide(GuideSlot, PathBuf),
    /// The same with what is drawn from the picture in this file.
    DrawGuide(GuideSlot, PathBuf, Preprocess),
    /// The same with a file that is asked for.
    OpenGuide(GuideSlot),
    /// Work on pictures' files.
    Gallery(GalleryOrder),
    /// Show the results folder in the system's file manager.
    OpenResults,
    /// List the results folder.
    Rescan,
}
