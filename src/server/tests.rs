//! The server without its sockets: what becomes of tasks, pictures and answers when something goes wrong.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::accept::{Caller, Reply};
use super::answer::Body;
use super::http::{held, room_for, within};
use super::open_task::{Message, OpenTask};
use super::service::Service;
use super::store::Record;
use super::*;
use crate::jobs::{EventSink, GuideOrder, Job, Status};
use crate::pixels::{Extent, FileFormat, Picture, encode};

/// Nobody here waits for a picture.
struct Idle;

impl Provider for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn status(&self) -> Status {
        Status::Starting
    }

    fn submit(&self, _job: Job, _events: EventSink) {}
}

impl GuideMaker for Idle {
    fn make(&self, order: &GuideOrder<'_>, _cancel: &Cancel) -> Result<Picture, Failure> {
        Ok(order.picture.clone())
    }
}

struct Fixture {
    service: Arc<Service>,
    home: Home,
    _folder: tempfile::TempDir,
    runtime: Runtime,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            keys: Vec::new(),
            allow_private: false,
            limits: Limits::default(),
        };
        let equipment = Equipment {
            home: home.clone(),
            library: Arc::new(Library::open(&home, &[]).unwrap()),
            pictures: Pictures::served(&home, &[]),
            models: Vec::new(),
            provider: Box::new(Idle),
            guides: Arc::new(Idle),
        };
        let (service, _) = service(settings, equipment, runtime.handle().clone()).unwrap();
        Self { service: Arc::new(service), home, _folder: folder, runtime }
    }

    fn accept(&self, task: Value) -> Reply {
        self.service.accept_all(vec![task], &me()).remove(0)
    }

    /// What came of a task; panics when nothing does.
    fn ended(&self, open: &OpenTask) -> Arc<Record> {
        let ended = async { tokio::time::timeout(Duration::from_mins(1), open.ended()).await };
        self.runtime.block_on(ended).unwrap()
    }

    fn says(&self, message: &Message) -> Body {
        self.service.rendered(message, &me().owner, "http://here")
    }

    /// A task that was accepted and written down.
    fn open(&self, task_type: &str, images: Vec<Uuid>) -> Arc<OpenTask> {
        let task = Uuid::new_v4();
        let request =
            json!({ "taskType": task_type, "taskUUID": task, "outputType": "base64Data" });
        let record = Record::new(me().owner, request, 1, images);
        self.service.store.write(task, &record).unwrap();
        Arc::new(OpenTask::new(task, record, None))
    }
}

fn me() -> Caller {
    Caller { owner: "me".to_owned(), base: "http://here".into(), reach: None }
}

fn code(body: &Body) -> &str {
    body.errors[0]["code"].as_str().unwrap()
}

fn png() -> Vec<u8> {
    let picture = Picture::from_fn(Extent::new(8, 8), |x, y| [x as u8, y as u8, 1, 255]);
    encode(&picture, FileFormat::Png, "").unwrap()
}

fn only_file(folder: &Path) -> Option<PathBuf> {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() < 2, "{files:?}");
    files.into_iter().next()
}

fn make_old(file: &Path) {
    let long_ago = SystemTime::now() - Duration::from_hours(24 * 40);
    fs::File::options().append(true).open(file).unwrap().set_modified(long_ago).unwrap();
}

#[test]
fn a_panic_while_a_picture_is_brought_in_ends_its_task_with_an_error() {
    let it = Fixture::new();
    let open = it.open("imageUpload", Vec::new());
    let work = async { panic!("a decoder that fails") };
    it.service.bring(&open, work, |_, _, (): ()| {});
    let ended = it.ended(&open);
    let body = it.says(&Message::Ended(ended));
    assert_eq!((code(&body), body.data.len()), ("internalServerError", 0));
    assert_eq!(body.errors[0]["taskUUID"], open.uuid.to_string());
}

#[test]
fn an_end_that_cannot_be_written_is_answered_with_its_error() {
    let it = Fixture::new();
    let open = it.open("imageUpload", Vec::new());
    fs::remove_dir_all(it.home.served_dir().join("tasks")).unwrap();
    it.service.made(&open, vec![crate::task::Problem::new("invalidImage", "m")]);
    let ended = it.ended(&open);
    assert_eq!(code(&it.says(&Message::Ended(ended))), "invalidImage");
    let Reply::Asked(question) =
        it.accept(json!({ "taskType": "getResponse", "taskUUID": open.uuid }))
    else {
        panic!("it is forgotten")
    };
    let polled = it.says(&Message::Asked(question));
    assert_eq!((code(&polled), &polled.errors[0]["status"]), ("invalidImage", &json!("error")));
}

#[test]
fn a_picture_whose_file_is_gone_is_an_error_of_its_task() {
    let it = Fixture::new();
    let image = Uuid::new_v4();
    let open = it.open("imageInference", vec![image]);
    let sent = it.says(&Message::Picture { record: Arc::clone(&open.record), index: 0 });
    assert_eq!((code(&sent), sent.data.len()), ("imageNotFound", 0));
    assert_eq!(sent.errors[0]["taskUUID"], open.uuid.to_string());
    // Before the end it is still to come; of a task that failed it was never made.
    assert_eq!(it.service.body(&open.record, "").errors.len(), 0);
    let failed = vec![crate::task::Problem::new("inferenceError", "m")];
    let end = store::End { data: Vec::new(), errors: failed };
    assert_eq!(it.service.body(&open.record.ended(end), "").errors.len(), 1);
    let ended = it.service.body(&open.record.ended(store::End::default()), "");
    assert_eq!(code(&ended), "imageNotFound");
}

#[test]
fn an_upload_is_cleared_away_when_it_is_old_and_no_task_needs_it() {
    let it = Fixture::new();
    let folder = it.home.served_pictures_dir();
    let named = |image: &str| {
        json!({ "taskType": "controlNetPreprocess", "taskUUID": Uuid::new_v4(),
            "inputImage": image, "preProcessorType": "canny", "deliveryMethod": "async" })
    };
    let Reply::Now(accepted) = it.accept(named(&STANDARD.encode(png()))) else { panic!("sync") };
    assert_eq!(accepted.errors, Vec::<Value>::new());
    let file = only_file(&folder).unwrap();
    let work = it.service.queue.pop().unwrap();
    make_old(&file);
    it.service.sweep().unwrap();
    assert_eq!(only_file(&folder).as_ref(), Some(&file), "its task is waiting");
    it.service.made(&work.open, Vec::new());

    // Whoever names it again uses it again.
    let uuid = file.file_stem().unwrap().to_str().unwrap();
    it.accept(named(uuid));
    let work = it.service.queue.pop().unwrap();
    it.service.made(&work.open, Vec::new());
    drop(work);
    it.service.sweep().unwrap();
    assert_eq!(only_file(&folder).as_ref(), Some(&file));
    make_old(&file);
    it.service.sweep().unwrap();
    assert_eq!(only_file(&folder), None);
}

#[test]
fn questions_are_answered_once_a_message_and_only_when_the_answer_is_sent() {
    let it = Fixture::new();
    let open = it.open("imageInference", vec![Uuid::new_v4()]);
    let poll = json!({ "taskType": "getResponse", "taskUUID": open.uuid });
    let details = json!({ "taskType": "getTaskDetails", "taskUUID": open.uuid });
    let mut replies = it.service.accept_all(vec![poll.clone(), poll, details], &me());
    let rest = replies.split_off(1);
    assert!(matches!(replies[..], [Reply::Asked(_)]), "{replies:?}");
    for reply in &rest {
        let Reply::Now(body) = reply else { panic!("{reply:?}") };
        assert_eq!(code(body), "duplicateTaskUUID");
    }
}

#[test]
fn an_answer_is_as_large_as_there_is_room_and_the_rest_is_asked_for_later() {
    let it = Fixture::new();
    let images: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
    fs::create_dir_all(it.home.results_dir()).unwrap();
    let message = |image: &Uuid| {
        fs::write(it.home.results_dir().join(format!("{image}.png")), [0; 3000]).unwrap();
        Message::Ended(Arc::clone(&it.open("imageInference", vec![*image]).record))
    };
    let messages: Vec<Message> = images.iter().map(message).collect();
    let weight = |message: &Message| it.service.weight(message, &me().owner);
    assert_eq!(weight(&messages[0]), 4000);
    let (fitting, total) = within(messages.clone(), 9000, weight);
    assert_eq!(total, 8000);
    let codes = fitting.iter().map(|message| it.says(message).errors.len());
    assert_eq!(codes.collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(code(&it.says(&fitting[2])), "maxAnswerSize");
    let (fitting, total) = within(messages, 100, weight);
    assert_eq!(total, 4000, "one always fits");
    assert_eq!(it.says(&fitting[0]).data.len(), 1);
}

#[test]
fn bodies_and_answers_hold_their_room_until_they_are_through() {
    let it = Fixture::new();
    let service = &it.service;
    let me = me().owner;
    let most = service.limits.message as u64;
    let known = || room_for(service, Some(&me), Some(most)).now_or_never();
    let stranger = || room_for(service, None, None).now_or_never();
    it.runtime.block_on(async {
        let first = stranger().unwrap();
        assert!(stranger().is_none(), "strangers have room for one largest body");
        let mine = (known().unwrap(), known().unwrap());
        assert!(known().is_none());
        drop((first, mine));
        assert!(stranger().is_some() && known().is_some());
    });
    let share = service.rations.answers.take(&me, u64::MAX).now_or_never();
    let bytes = held(vec![1, 2, 3], share);
    let part = bytes.slice(1..);
    drop(bytes);
    assert!(service.rations.answers.take(&me, 1).now_or_never().is_none());
    drop(part);
    assert!(service.rations.answers.take(&me, 1).now_or_never().is_some());
}
