//! Scripted services: what each does to a session, second by second.

mod simulated;

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

#[test]
fn statuses_of_the_handshake_say_whether_trying_again_helps() {
    for (status, is_final, code) in [
        (401, false, "unauthorized"),
        (402, false, "paymentRequired"),
        (404, true, ""),
        (503, false, ""),
    ] {
        let mut bench = Bench::new();
        bench.take(Event::Submit(Box::new(order(1, 1))));
        let closed = Closed {
            status: Some(status),
            is_final,
            why: "it answers so".to_owned(),
            ..Closed::default()
        };
        bench.take(Event::Closed(closed));
        match bench.ended.as_slice() {
            [] => assert_eq!(status, 503),
            [(1, outcome @ Outcome::Failed(_))] => assert_eq!(code_of(outcome), code),
            [(1, Outcome::Unreachable { sent: false, why })] => {
                assert_eq!((status, why.as_str()), (404, "it answers so"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_service_that_is_not_there_is_given_up_after_ten_attempts() {
    let mut bench = Bench::new();
    bench.take(Event::Submit(Box::new(order(1, 1))));
    while bench.ended.is_empty() {
        if bench.connects > 0 {
            bench.drop_line();
        }
        bench.wait(Duration::from_secs(1));
        assert!(bench.now < Duration::from_mins(5));
    }
    assert_eq!(bench.connects, 11);
    assert_eq!(bench.ended[0].1, Outcome::Unreachable { sent: false, why: "reset".to_owned() });
}

#[test]
fn nothing_waits_for_ever_whatever_is_not_answered() {
    // A service that takes connections and says nothing; one that takes the key and says nothing.
    for silent_about_the_key in [true, false] {
        let mut bench = Bench::new();
        bench.take(Event::Submit(Box::new(order(1, 1))));
        bench.take(Event::Submit(Box::new(asynchronous(order(2, 1)))));
        while bench.ended.len() < 2 {
            if silent_about_the_key {
                bench.take(Event::Opened);
            } else {
                bench.open();
            }
            bench.wait(Duration::from_secs(5));
            assert!(bench.now <= WHOLE + Duration::from_secs(5), "{:?}", bench.now);
        }
        let made = bench.sent.iter().filter(|task| task["taskType"] == "imageInference").count();
        assert_eq!(made, if silent_about_the_key { 0 } else { 2 });
    }
}

#[test]
fn a_slow_task_is_asked_for_and_ends_after_twenty_minutes() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    for _ in 0..WHOLE.as_secs() {
        bench.wait(Duration::from_secs(1));
        for kind in bench.types() {
            match kind.as_str() {
                "ping" => bench.hear(&data(&[json!({ "taskType": "ping", "pong": true })])),
                "getResponse" => bench.hear(&data(&[
                    json!({ "taskUUID": Uuid::from_u128(1), "status": "processing" }),
                ])),
                _ => {}
            }
        }
    }
    assert_eq!(
        (bench.ended.as_slice(), bench.connects),
        (&[(1, Outcome::TooLate { sent: true })][..], 1)
    );
}

#[test]
fn an_asynchronous_task_is_polled_ever_more_slowly() {
    let mut bench = Bench::carrying(vec![asynchronous(order(1, 2))]);
    bench.types();
    bench.hear(&data(&[json!({ "taskType": "imageInference", "taskUUID": Uuid::from_u128(1) })]));
    let mut times = Vec::new();
    while bench.now < Duration::from_mins(1) {
        bench.wait(Duration::from_millis(100));
        for kind in bench.types() {
            if kind == "ping" {
                bench.hear(&data(&[json!({ "taskType": "ping", "pong": true })]));
            }
            if kind == "getResponse" {
                times.push(bench.now);
                let processing = json!({ "taskUUID": Uuid::from_u128(1), "status": "processing", "imageUUID": Uuid::from_u128(10) });
                bench.hear(&data(&[processing]));
            }
        }
    }
    let pauses: Vec<Duration> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    assert!(times[0] < Duration::from_secs(1) && pauses.is_sorted(), "{times:?}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_millis(10_100)), "{pauses:?}");
    bench.wait(Duration::from_secs(11));
    bench.hear(&data(&[success(1, 10), success(1, 11)]));
    assert_eq!((bench.delivered.len(), bench.ended.as_slice()), (2, &[(1, Outcome::Complete)][..]));
}

#[test]
fn too_much_at_once_is_sent_again_later_and_given_up_in_the_end() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    let mut sent = 0;
    while bench.ended.is_empty() {
        for kind in bench.types() {
            match kind.as_str() {
                "imageInference" => {
                    sent += 1;
                    bench.hear(&error("rateLimitExceeded", 1));
                }
                "ping" => bench.hear(&data(&[json!({ "taskType": "ping", "pong": true })])),
                _ => {}
            }
        }
        bench.wait(Duration::from_millis(500));
        assert!(bench.now < Duration::from_mins(10));
    }
    assert_eq!((sent, code_of(&bench.ended[0].1)), (11, "rateLimitExceeded"));
}

#[test]
fn after_a_stumble_of_the_service_it_is_asked_before_anything_is_sent() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.types();
    bench.hear(&error("internalServerError", 1));
    bench.wait(Duration::from_secs(2));
    assert_eq!(bench.types(), ["getResponse"]);
    bench.hear(&error("taskNotFound", 1));
    assert_eq!(bench.types(), ["imageInference"]);
}

#[test]
fn a_message_too_big_is_final() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.take(Event::Closed(Closed {
        code: Some(1009),
        why: "too big".to_owned(),
        ..Closed::default()
    }));
    assert_eq!((bench.ended.as_slice(), bench.connects), (&[(1, Outcome::TooLarge)][..], 1));
    // Of two, nobody knows whose it was.
    let mut two = Bench::carrying(vec![order(1, 1), order(2, 1)]);
    two.take(Event::Closed(Closed { code: Some(1009), ..Closed::default() }));
    two.wait(Duration::from_secs(3));
    assert_eq!((two.ended.len(), two.connects), (0, 2));
}

#[test]
fn an_error_of_the_question_leaves_what_was_sent_to_be_asked_for() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.types();
    bench.hear(&error("conflictTaskUUID", 1));
    assert_eq!(bench.types(), ["getResponse"]);
    bench.hear(&error("invalidTaskType", 1));
    assert!(
        matches!(bench.ended.as_slice(), [(1, Outcome::Unreachable { sent: true, .. })]),
        "{:?}",
        bench.ended
    );
}

#[test]
fn errors_without_a_task_are_those_of_whom_they_can_be() {
    let frame = |code: &str| json!({ "errors": [{ "code": code, "message": "m" }] });
    let mut alone = Bench::carrying(vec![order(1, 1)]);
    alone.hear(&frame("invalidWidth"));
    assert_eq!(code_of(&alone.ended[0].1), "invalidWidth");
    let mut two = Bench::carrying(vec![order(1, 1), order(2, 1)]);
    two.types();
    two.hear(&frame("invalidWidth"));
    two.wait(Duration::from_secs(3));
    assert_eq!((two.ended.len(), two.types()), (0, vec!["getResponse".to_owned(); 2]));
    // One of them may be under way and paid for already.
    let mut poor = Bench::carrying(vec![order(1, 1), order(2, 1)]);
    poor.types();
    poor.hear(&frame("insufficientCredits"));
    poor.wait(Duration::from_secs(3));
    assert_eq!((poor.ended.len(), poor.types()), (0, vec!["getResponse".to_owned(); 2]));
}

#[test]
fn frames_that_are_no_answers_are_asked_about_and_a_babbling_line_is_left() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.types();
    bench.take(Event::Frame("{\"data\": [{".to_owned()));
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.types(), ["getResponse"]);
    for _ in 0..5 {
        bench.take(Event::Frame("<html>".to_owned()));
    }
    assert_eq!(bench.hung_up, 1);
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.connects, 2);
}

#[test]
fn a_forgotten_task_is_not_asked_for_and_an_idle_line_is_closed() {
    let mut bench = Bench::carrying(vec![order(1, 1)]);
    bench.types();
    bench.take(Event::Forget(Uuid::from_u128(1)));
    bench.hear(&data(&[image(1, 10)]));
    assert!(bench.delivered.is_empty() && bench.ended.is_empty());
    bench.wait(Duration::from_secs(30));
    bench.hear(&data(&[json!({ "taskType": "ping", "pong": true })]));
    bench.wait(Duration::from_secs(31));
    assert_eq!((bench.types(), bench.hung_up), (vec!["ping".to_owned()], 1));
    assert_eq!(bench.session.wake_at(), None);
    bench.take(Event::Submit(Box::new(order(2, 1))));
    bench.take(Event::Opened);
    assert_eq!(bench.sent[0].get("connectionSessionUUID"), None);
}

#[test]
fn after_a_restart_it_is_asked_first_and_what_had_arrived_does_not_come_twice() {
    let resumed = Order { had: vec![Uuid::from_u128(10)], resumed: true, ..order(1, 2) };
    let mut bench = Bench::carrying(vec![resumed]);
    assert_eq!(bench.types(), ["authentication", "getResponse"]);
    bench.hear(&data(&[success(1, 10), success(1, 11)]));
    assert_eq!((bench.delivered.as_slice(), bench.ended.len()), (&[(1, 11)][..], 1));
    // The service never had it: it is sent, under its own name.
    let mut unknown = Bench::carrying(vec![Order { resumed: true, ..order(2, 1) }]);
    unknown.types();
    unknown.hear(&error("taskNotFound", 2));
    assert_eq!(unknown.types(), ["imageInference"]);
}
