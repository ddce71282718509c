//! Refusals, deadlines, errors without a task, lines that babble: what ends and what goes on.

use super::*;

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

/// One picture of several failed; of the others nothing came, and the service knows no task of the name
/// when it is asked. Lets so many seconds go by; what the session sends is answered.
fn asked_in_vain(bench: &mut Bench, seconds: u64) {
    for _ in 0..seconds {
        bench.wait(Duration::from_secs(1));
        let sent = std::mem::take(&mut bench.sent);
        for task in sent {
            match task["taskType"].as_str().unwrap() {
                "getResponse" => bench.hear(&error("taskNotFound", 1)),
                "ping" => bench.hear(&data(&[json!({ "taskType": "ping", "pong": true })])),
                other => panic!("{other} was sent"),
            }
        }
    }
}

#[test]
fn after_an_error_of_one_picture_the_others_have_the_time_that_a_synchronous_task_has() {
    let mut bench = Bench::carrying(vec![order(1, 3)]);
    bench.types();
    bench.hear(&data(&[image(1, 10)]));
    bench.hear(&error("providerError", 1));
    asked_in_vain(&mut bench, 115);
    assert_eq!(bench.ended, []);
    // The last one: with the error all are told of.
    bench.hear(&data(&[image(1, 11)]));
    assert_eq!((bench.delivered.len(), code_of(&bench.ended[0].1)), (2, "providerError"));

    let mut silent = Bench::carrying(vec![order(1, 4)]);
    silent.types();
    silent.hear(&data(&[image(1, 10)]));
    silent.hear(&error("providerError", 1));
    asked_in_vain(&mut silent, 110);
    // News begin the time anew: the service is still at it.
    silent.hear(&data(&[image(1, 11)]));
    asked_in_vain(&mut silent, 110);
    assert_eq!((silent.delivered.len(), silent.ended.len()), (2, 0));
    asked_in_vain(&mut silent, 30);
    let [(1, Outcome::Unsettled(Some(error)))] = &silent.ended[..] else {
        panic!("{:?}", silent.ended)
    };
    assert_eq!((error.code.as_str(), silent.hung_up), ("providerError", 0));
}

#[test]
fn an_asynchronous_task_that_is_not_known_any_more_is_not_waited_for() {
    let mut bench = Bench::carrying(vec![asynchronous(order(1, 3))]);
    bench.types();
    bench.hear(&data(&[image(1, 10)]));
    bench.hear(&error("providerError", 1));
    asked_in_vain(&mut bench, 40);
    assert_eq!(code_of(&bench.ended[0].1), "providerError");
}
