//! Transfers over real sockets: what ends them, and what their errors say.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::*;

const QUICK: Limits = Limits {
    connect: Duration::from_secs(2),
    silence: Duration::from_millis(300),
    whole: Duration::from_millis(900),
    bytes: 1 << 20,
    pause: Duration::from_millis(1),
};

/// A busy machine may be slow; only what must end in an error is tried with little patience.
const PATIENT: Limits =
    Limits { silence: Duration::from_mins(1), whole: Duration::from_mins(1), ..QUICK };

/// A server that gives each connection the next of `answers` (the last one for ever after),
/// then holds it open; what it was sent comes through the channel.
fn server(answers: Vec<Vec<u8>>) -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/picture.png?key=secret", listener.local_addr().unwrap());
    let (sender, requests) = sync_channel(64);
    let serve = move || {
        let mut held = Vec::new();
        for number in 0.. {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut request = vec![0; 64 << 10];
            let length = stream.read(&mut request).unwrap_or(0);
            request.truncate(length);
            sender.try_send(request).ok();
            let answer: &Vec<u8> = answers.get(number).unwrap_or(answers.last().unwrap());
            stream.write_all(answer).ok();
            held.push(stream);
        }
    };
    thread::Builder::new().name("server".to_owned()).spawn(serve).unwrap();
    (address, requests)
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes();
    bytes.extend(body);
    bytes
}

fn ok(body: &[u8]) -> Vec<u8> {
    response("200 OK", &format!("Content-Length: {}\r\n", body.len()), body)
}

fn fetched(answer: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
    get(&server(vec![answer]).0, &QUICK, &Cancel::default())
}

#[test]
fn bytes_come_as_they_are() {
    let fetched = get(&server(vec![ok(b"some bytes")]).0, &PATIENT, &Cancel::default());
    assert_eq!(fetched.unwrap(), b"some bytes");
}

#[test]
fn hanging_endless_and_gigantic_answers_have_an_end() {
    let silent = fetched(Vec::new()).unwrap_err();
    assert!(matches!(silent, NetworkError::TooSlow { .. }), "{silent}");
    let half = fetched(response("200 OK", "Content-Length: 100\r\n", b"half")).unwrap_err();
    assert!(matches!(half, NetworkError::TooSlow { .. }), "{half}");
    let said = "Content-Length: 5368709120\r\n";
    let large = fetched(response("200 OK", said, b"begin")).unwrap_err();
    assert!(matches!(large, NetworkError::TooLarge { mib: 1, .. }), "{large}");
    // Without a length the bytes themselves are counted.
    let unsaid = response("200 OK", "Connection: close\r\n", &vec![7; 2 << 20]);
    let large = fetched(unsaid).unwrap_err();
    assert!(matches!(large, NetworkError::TooLarge { .. }), "{large}");
    let moved = "Location: /next\r\nContent-Length: 0\r\nConnection: close\r\n";
    let moved = response("302 Found", moved, b"");
    let redirected = fetched(moved).unwrap_err();
    assert!(matches!(redirected, NetworkError::Redirects { .. }), "{redirected}");
}

#[test]
fn refusals_name_the_host_and_never_the_key() {
    let gone = fetched(response("404 Not Found", "Content-Length: 0\r\n", b"")).unwrap_err();
    let closed = get("http://127.0.0.1:9/?key=secret", &QUICK, &Cancel::default());
    for (error, part) in [(gone, "404"), (closed.unwrap_err(), "cannot be reached")] {
        let text = error.to_string();
        assert!(text.contains("127.0.0.1") && text.contains(part), "{text}");
        assert!(!format!("{text} {error:?}").contains("secret"), "{error:?}");
    }
    for address in ["ftp://example.org/a.png", "file:///etc/passwd", "nothing"] {
        let error = get(address, &QUICK, &Cancel::default()).unwrap_err();
        assert!(matches!(error, NetworkError::NoAddress), "{address}: {error}");
    }
}

#[test]
fn a_redirect_does_not_tell_the_next_server_the_key() {
    let (next, requests) = server(vec![ok(b"x")]);
    let headers =
        format!("Location: {}/other\r\nContent-Length: 0\r\n", next.replace("?key=secret", ""));
    let (address, asked) = server(vec![response("302 Found", &headers, b"")]);
    assert_eq!(get(&address, &PATIENT, &Cancel::default()).unwrap(), b"x");
    assert!(String::from_utf8(asked.recv().unwrap()).unwrap().contains("key=secret"));
    let request = String::from_utf8(requests.recv().unwrap()).unwrap().to_lowercase();
    assert!(!request.contains("secret") && !request.contains("referer"), "{request}");
}

#[test]
fn a_busy_server_is_asked_again_and_gets_the_same_bytes() {
    let busy = response("503 Service Unavailable", "Content-Length: 0\r\n", b"");
    let (address, requests) = server(vec![busy, ok(b"")]);
    put(&address, b"the picture", "image/png", (&QUICK, &Cancel::default())).unwrap();
    for _ in 0..2 {
        let request = String::from_utf8(requests.recv().unwrap()).unwrap();
        assert!(request.starts_with("PUT /picture.png?key=secret HTTP/1.1"), "{request}");
        assert!(request.contains("content-type: image/png"), "{request}");
    }
    let elsewhere = "Location: /other\r\nContent-Length: 0\r\nConnection: close\r\n";
    let (address, _) = server(vec![response("303 See Other", elsewhere, b""), ok(b"")]);
    let error = put(&address, b"x", "image/png", (&QUICK, &Cancel::default())).unwrap_err();
    assert!(matches!(error, NetworkError::Status { .. }), "{error}");
    let refused = response("403 Forbidden", "Content-Length: 0\r\n", b"");
    let (address, requests) = server(vec![refused]);
    let error = put(&address, b"x", "image/png", (&QUICK, &Cancel::default())).unwrap_err();
    assert!(matches!(error, NetworkError::Status { .. }), "{error}");
    assert_eq!(requests.iter().take(1).count(), 1);
    assert!(requests.try_recv().is_err(), "a refusal is final");
}

#[test]
fn cancel_ends_a_transfer_at_once() {
    let cancel = Cancel::default();
    let (address, requests) = server(vec![Vec::new()]);
    let from_outside = cancel.clone();
    let canceller = thread::Builder::new()
        .spawn(move || {
            requests.recv().unwrap();
            from_outside.cancel();
        })
        .unwrap();
    let patient =
        Limits { silence: Duration::from_mins(5), whole: Duration::from_mins(5), ..QUICK };
    let error = get(&address, &patient, &cancel).unwrap_err();
    assert!(matches!(error, NetworkError::Cancelled), "{error}");
    canceller.join().unwrap();
}
