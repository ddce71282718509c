//! Scripted services: what each does to a session, second by second.

mod simulated;
mod troubles;

use super::*;
use crate::remote::errand::WHOLE;
use crate::remote::order::Order;

const SESSION: &str = "0b8d5a0e-9a8f-4c55-a2f5-7c0f2f0c7a11";

pub(super) fn order(id: u128, expected: usize) -> Order {
    let id = Uuid::from_u128(id);
    let task = json!({ "taskType": "imageInference", "taskUUID": id, "deliveryMethod": "sync", "numberResults": expected });
    let Value::Object(task) = task else { unreachable!() };
    Order { id, task, expected, had: Vec::new(), resumed: false }
}

fn asynchronous(mut order: Order) -> Order {
    order.task.insert("deliveryMethod".to_owned(), "async".into());
    order
}

/// A session, its clock, and what it has done.
struct Bench {
    session: Session,
    now: Duration,
    connects: usize,
    hung_up: usize,
    sent: Vec<Value>,
    delivered: Vec<(u128, u128)>,
    ended: Vec<(u128, Outcome)>,
    out_of_reach: Vec<Option<String>>,
    told_sent: Vec<u128>,
    /// Whether the line takes what is sent at once.
    writes: bool,
}

impl Bench {
    fn new() -> Self {
        Self {
            session: Session::new(Key::new("secret-key").unwrap(), 7),
            now: Duration::ZERO,
            connects: 0,
            hung_up: 0,
            sent: Vec::new(),
            delivered: Vec::new(),
            ended: Vec::new(),
            out_of_reach: Vec::new(),
            told_sent: Vec::new(),
            writes: true,
        }
    }

    /// With a connection and a task sent over it.
    fn carrying(orders: Vec<Order>) -> Self {
        let mut bench = Self::new();
        for order in orders {
            bench.take(Event::Submit(Box::new(order)));
        }
        bench.open();
        bench
    }

    fn take(&mut self, event: Event) {
        let mut written = 0;
        for command in self.session.take(event, self.now) {
            match command {
                Command::Sent(id) => self.told_sent.push(id.as_u128()),
                Command::Connect => self.connects += 1,
                Command::HangUp => self.hung_up += 1,
                Command::Send(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(message.as_array().unwrap().len(), 1, "{message}");
                    self.sent.push(message[0].clone());
                    written += usize::from(self.writes);
                }
                Command::Deliver(id, item) => {
                    self.delivered.push((id.as_u128(), item.image_uuid().unwrap().as_u128()));
                }
                Command::OutOfReach(why) => self.out_of_reach.push(why),
                Command::End(id, outcome) => self.ended.push((id.as_u128(), outcome)),
            }
        }
        for _ in 0..written {
            self.take(Event::Written);
        }
    }

    /// Lets the service accept the connection and the key.
    fn open(&mut self) {
        self.take(Event::Opened);
        self.hear(&json!({ "data": [{ "taskType": "authentication", "connectionSessionUUID": SESSION }] }));
    }

    fn hear(&mut self, frame: &Value) {
        self.take(Event::Frame(frame.to_string()));
    }

    fn drop_line(&mut self) {
        self.take(Event::Closed(Closed { why: "reset".to_owned(), ..Closed::default() }));
    }

    /// Lets time go by; the session is woken whenever it wants to be.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake) = self.session.wake_at().filter(|wake| *wake <= end) {
            let before = (self.now, self.sent.len(), self.connects, self.ended.len(), self.hung_up);
            self.now = self.now.max(wake);
            self.take(Event::Tick);
            let after = (self.now, self.sent.len(), self.connects, self.ended.len(), self.hung_up);
            assert_ne!(before, after, "it wants to be woken and has nothing to do");
        }
        self.now = end;
    }

    /// The types of what was sent since the last call.
    fn types(&mut self) -> Vec<String> {
        let sent = std::mem::take(&mut self.sent);
        sent.iter().map(|task| task["taskType"].as_str().unwrap().to_owned()).collect()
    }
}

fn image(task: u128, image: u128) -> Value {
    json!({
        "taskType": "imageInference", "taskUUID": Uuid::from_u128(task), "imageUUID": Uuid::from_u128(image),
        "imageURL": "http://x/1.png",
    })
}

fn success(task: u128, name: u128) -> Value {
    let mut item = image(task, name);
    item["status"] = "success".into();
    item
}

fn data(items: &[Value]) -> Value {
    json!({ "data": items })
}

fn error(code: &str, task: u128) -> Value {
    json!({ "errors": [{ "code": code, "message": "m", "taskUUID": Uuid::from_u128(task) }] })
}

fn code_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(error) => &error.code,
        _ => "",
    }
}

#[test]
fn the_key_goes_first_and_alone_and_results_come_in_any_order() {
    let mut bench = Bench::new();
    assert_eq!(bench.session.wake_at(), None);
    bench.take(Event::Submit(Box::new(order(1, 2))));
    bench.take(Event::Submit(Box::new(order(2, 2))));
    assert_eq!((bench.connects, bench.sent.len()), (1, 0));
    bench.take(Event::Opened);
    assert_eq!(bench.sent, [json!({ "taskType": "authentication", "apiKey": "secret-key" })]);
    bench.open();
    assert_eq!(bench.types(), ["authentication", "imageInference", "imageInference"]);
    bench.hear(&data(&[image(2, 20)]));
    bench.hear(&data(&[image(1, 11), image(2, 21)]));
    bench.hear(&data(&[image(1, 11), image(3, 30)]));
    bench.hear(&data(&[image(1, 10)]));
    bench.hear(&data(&[image(1, 10)]));
    assert_eq!(bench.delivered, [(2, 20), (1, 11), (2, 21), (1, 10)]);
    assert_eq!(bench.ended, [(2, Outcome::Complete), (1, Outcome::Complete)]);
    assert_eq!(bench.types(), [""; 0]);
}

#[test]
fn pictures_beside_an_error_are_kept_and_the_error_is_told() {
    let mut bench = Bench::carrying(vec![order(1, 4)]);
    let mut frame = data(&[image(1, 10), image(1, 11)]);
    frame["errors"] = error("timeoutProvider", 1)["errors"].clone();
    bench.hear(&frame);
    assert_eq!((bench.delivered.len(), bench.ended.len()), (2, 0));
    bench.hear(&data(&[image(1, 12)]));
    assert_eq!(bench.delivered.len(), 3);
    assert_eq!(code_of(&bench.ended[0].1), "timeoutProvider");
}

#[test]
fn an_error_of_the_whole_task_ends_it_and_nobody_else() {
    let mut bench = Bench::carrying(vec![order(1, 4), order(2, 1)]);
    bench.hear(&error("invalidWidth", 1));
    assert_eq!((bench.ended.len(), code_of(&bench.ended[0].1)), (1, "invalidWidth"));
    bench.hear(&data(&[image(2, 20)]));
    assert_eq!(bench.ended[1], (2, Outcome::Complete));
}

#[test]
fn an_error_that_leaves_pictures_open_is_asked_about() {
    let mut bench = Bench::carrying(vec![order(1, 3)]);
    bench.hear(&data(&[image(1, 10)]));
    bench.hear(&error("providerError", 1));
    bench.types();
    bench.wait(Duration::from_secs(6));
    assert_eq!(bench.types(), ["getResponse"]);
    for _ in 0..3 {
        let mut frame = data(&[success(1, 10)]);
        frame["errors"] = error("providerError", 1)["errors"].clone();
        bench.hear(&frame);
        bench.wait(Duration::from_secs(3));
    }
    assert_eq!((bench.delivered.len(), code_of(&bench.ended[0].1)), (1, "providerError"));
}

#[test]
fn a_ping_that_is_not_answered_ends_the_connection_and_the_old_session_is_taken_up_again() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.types();
    bench.wait(Duration::from_secs(31));
    assert_eq!(bench.types(), ["ping"]);
    bench.hear(&data(&[json!({ "taskType": "ping", "pong": true })]));
    bench.wait(Duration::from_secs(28));
    assert_eq!((bench.types().len(), bench.hung_up), (0, 0));
    bench.wait(Duration::from_secs(13));
    assert_eq!((bench.hung_up, bench.connects), (1, 2));
    bench.types();
    bench.take(Event::Opened);
    assert_eq!(bench.sent[0]["connectionSessionUUID"], SESSION);
    bench.open();
    assert_eq!(bench.types(), ["authentication", "getResponse"]);
    bench.hear(&data(&[image(1, 10)]));
    assert_eq!(bench.ended, [(1, Outcome::Complete)]);
}

#[test]
fn a_ping_behind_a_long_text_has_its_time_from_when_it_is_written() {
    let mut bench = Bench::carrying(Vec::new());
    bench.take(Event::Submit(Box::new(order(9, 1))));
    bench.open();
    bench.writes = false;
    bench.take(Event::Submit(Box::new(order(1, 1))));
    bench.types();
    bench.wait(Duration::from_secs(50));
    assert_eq!((bench.types(), bench.hung_up), (vec!["ping".to_owned()], 0));
    bench.take(Event::Written);
    bench.take(Event::Written);
    bench.wait(Duration::from_secs(9));
    assert_eq!(bench.hung_up, 0);
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.hung_up, 1);
    // A line that takes nothing at all is left as well.
    bench.open();
    bench.wait(Duration::from_secs(215));
    assert_eq!(bench.hung_up, 2);
}

#[test]
fn what_was_under_way_at_a_drop_is_asked_for_and_not_sent_again() {
    let mut bench = Bench::carrying(vec![order(1, 3)]);
    bench.hear(&data(&[image(1, 10)]));
    bench.types();
    bench.drop_line();
    bench.wait(Duration::from_secs(2));
    bench.open();
    assert_eq!(bench.types(), ["authentication", "getResponse"]);
    // Pushed again for the session, and told once more by the answer.
    bench.hear(&data(&[image(1, 11)]));
    let processing = json!({ "taskUUID": Uuid::from_u128(1), "status": "processing" });
    bench.hear(&data(&[success(1, 10), success(1, 11), processing]));
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.types(), ["getResponse"]);
    bench.hear(&data(&[success(1, 10), success(1, 11), success(1, 12)]));
    assert_eq!(bench.delivered, [(1, 10), (1, 11), (1, 12)]);
    assert_eq!(bench.ended, [(1, Outcome::Complete)]);
}

#[test]
fn it_is_told_while_the_service_is_out_of_reach_but_not_of_a_drop_that_is_mended_at_once() {
    let mut bench = Bench::new();
    bench.take(Event::Submit(Box::new(order(1, 1))));
    assert!(bench.told_sent.is_empty(), "without a connection nothing is sent");
    bench.open();
    bench.drop_line();
    bench.wait(Duration::from_secs(1));
    bench.open();
    assert!(bench.out_of_reach.is_empty(), "{:?}", bench.out_of_reach);
    bench.drop_line();
    assert_eq!(bench.out_of_reach, [Some("reset".to_owned())]);
    bench.wait(Duration::from_secs(30));
    bench.open();
    assert_eq!(bench.out_of_reach.last(), Some(&None));
    bench.out_of_reach.clear();
    bench.hear(&data(&[success(1, 10)]));
    assert_eq!(bench.ended, [(1, Outcome::Complete)]);
    assert!(bench.out_of_reach.is_empty());
    assert_eq!(bench.told_sent, [1], "once, however often it goes");
}

#[test]
fn what_never_arrived_is_sent_again_under_its_name_and_a_conflict_means_it_is_running() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.types();
    bench.drop_line();
    bench.wait(Duration::from_secs(2));
    bench.open();
    bench.types();
    bench.hear(&error("taskNotFound", 1));
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.sent[0]["taskUUID"], json!(Uuid::from_u128(1)));
    assert_eq!(bench.types(), ["imageInference"]);
    bench.hear(&error("conflictTaskUUID", 1));
    assert_eq!((bench.types(), bench.ended.len()), (vec!["getResponse".to_owned()], 0));
    // It has the task: however often it then says that it has not, nothing is sent again.
    for _ in 0..200 {
        if bench.types().contains(&"getResponse".to_owned()) {
            bench.hear(&error("taskNotFound", 1));
        }
        bench.wait(Duration::from_secs(1));
        assert!(bench.sent.iter().all(|task| task["taskType"] != "imageInference"));
        let pinged = bench.sent.iter().any(|task| task["taskType"] == "ping");
        if pinged {
            bench.hear(&data(&[json!({ "taskType": "ping", "pong": true })]));
        }
    }
    assert_eq!(bench.ended, [(1, Outcome::Forgotten)]);
}

#[test]
fn a_name_that_was_used_long_ago_is_told_at_once() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.types();
    bench.hear(&error("conflictTaskUUID", 1));
    assert_eq!(bench.types(), ["getResponse"]);
    bench.hear(&error("taskNotFound", 1));
    assert_eq!((bench.ended.len(), code_of(&bench.ended[0].1)), (1, "conflictTaskUUID"));
}

#[test]
fn a_session_that_the_service_forgot_is_begun_anew() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.drop_line();
    bench.wait(Duration::from_secs(2));
    bench.take(Event::Opened);
    bench.types();
    bench.hear(&json!({ "errors": [{ "code": "invalidConnectionSessionUUID", "message": "m" }] }));
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.sent[0].get("connectionSessionUUID"), None);
    bench.hear(&data(&[
        json!({ "taskType": "authentication", "connectionSessionUUID": "another" }),
    ]));
    assert_eq!(bench.types(), ["authentication", "getResponse"]);
}

#[test]
fn a_refused_key_is_told_to_everybody_at_once_and_the_next_task_tries_again() {
    let frame = json!({ "errors": [{ "code": "invalidApiKey", "message": "not secret-key" }] });
    for after_opening in [false, true] {
        let mut bench = Bench::new();
        bench.take(Event::Submit(Box::new(order(1, 1))));
        bench.take(Event::Submit(Box::new(order(2, 1))));
        if after_opening {
            bench.open();
        } else {
            bench.take(Event::Opened);
        }
        bench.hear(&frame);
        assert_eq!((bench.ended.len(), bench.hung_up), (2, 1));
        for (_, outcome) in &bench.ended {
            match outcome {
                Outcome::Failed(error) if !after_opening => {
                    let told = (error.code.as_str(), error.message.as_str());
                    assert_eq!(told, ("invalidApiKey", "not …"));
                }
                // What was sent may have been paid for and stays to be asked for.
                Outcome::Unreachable { sent: true, why } if after_opening => {
                    assert!(why.contains("refuses the account: not …"), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(bench.session.wake_at(), None);
        bench.take(Event::Submit(Box::new(order(3, 1))));
        assert_eq!(bench.connects, 2);
    }
}
