//! What the user wishes for, and what the shell has to do about it.

use std::path::PathBuf;

use uuid::Uuid;

use super::{
    GalleryAction, GalleryOrder, GuideSlot, GuideTool, MaskAction, MaskWork, ModelSearch, Secret,
    Tool,
};
use crate::jobs::{Job, JobId};
use crate::pixels::Mask;
use crate::task::{Air, EngineKind, Preprocess, Task};

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
    /// Put a waiting job at this place among those that wait, from 0.
    MoveJob(JobId, usize),
    /// Put a waiting job so many places further back.
    ShiftJob(JobId, isize),
    /// Make what this job makes once more, from another seed.
    Duplicate(JobId),
    /// Stop every job that waits.
    CancelWaiting,
    /// Have the pictures of this engine from now on.
    UseEngine(EngineKind),
    /// Make what the form asks for on the service, this once.
    GenerateRemotely,
    /// Send the task that would pass the day's limit, or leave it.
    AnswerBudget(bool),
    /// Keep the key that was typed.
    KeepKey,
    /// Delete the key that is kept.
    ForgetKey,
    /// Look for the key and the devices of this machine.
    LookAtEngines,
    /// Ask the service for the models that were typed.
    SearchModels,
    /// Look at the files of the models of the library.
    LookAtModels,
    /// Add the model or the folder that was typed to the library.
    AddModel,
    /// Ask for a folder of models to add.
    AddFolder,
    /// Take the chosen model, or the typed folder, off the list; no file is touched.
    ForgetModel,
    /// Call the chosen model by the AIR that was typed.
    NameModel,
    /// Bring the model that was typed from the network.
    Download,
    /// Let this download wait.
    PauseDownload(Uuid),
    /// Let this download go on.
    ResumeDownload(Uuid),
    /// Give this download up.
    DropDownload(Uuid),
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
    /// Show this job while it runs.
    Watch(JobId),
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
    /// Who is to make it.
    pub engine: EngineKind,
}

/// Work outside the state; the shell does it on a thread of its own.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Give these jobs to the provider, in this order.
    Submit(Vec<Job>),
    /// Keep this mask in the library, then come back with its name: [`super::State::mask_drawn`].
    DrawMask(Box<MaskOrder>),
    /// Work on a mask.
    Mask(MaskWork),
    /// Keep this key, then say where: [`super::State::set_key`].
    KeepKey(Secret),
    /// Delete the key, then say so.
    ForgetKey,
    /// Look whether there is a key, and which devices there are.
    LookAtEngines,
    /// Ask the service for models: [`super::State::set_found`].
    SearchModels(ModelSearch),
    /// Look at the files of the models, and through which folders they are looked for.
    LookAtModels,
    /// Add this model or folder to the library.
    AddModel(PathBuf),
    /// The same with a folder that is asked for.
    AddFolder,
    /// Take this model or folder off the list.
    ForgetModel(PathBuf),
    /// Call the model at this path so.
    NameModel(PathBuf, Air),
    /// Bring a model from the network.
    Download {
        /// Where it is.
        address: String,
        /// Its SHA-256 in hexadecimal digits, or nothing.
        checksum: String,
    },
    /// Let this download wait.
    PauseDownload(Uuid),
    /// Let this download go on.
    ResumeDownload(Uuid),
    /// Give this download up.
    DropDownload(Uuid),
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
