//! Pictures that come from an address and results that are sent to one, over real sockets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use latelier::library::{read_picture, read_task};
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use serde_json::{Value, json};

use crate::support::{answered, demo_task, latelier, run_tasks, scratch};

/// A request as the server saw it.
pub(crate) struct Seen {
    line: String,
    body: Vec<u8>,
}

/// A server that answers every request with `status` and `body` until the test ends.
pub(crate) fn server(status: &'static str, body: Vec<u8>) -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/picture.png?key=secret", listener.local_addr().unwrap());
    let (sender, seen) = sync_channel(64);
    let serve = move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let Some(request) = request(&mut stream) else { continue };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).ok();
            if sender.try_send(request).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("server".to_owned()).spawn(serve).unwrap();
    (address, seen)
}

fn request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut piece).ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&piece[..length]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        let read = stream.read(&mut piece).ok()?;
        body.extend_from_slice(&piece[..read]);
    }
    Some(Seen { line: head.lines().next()?.to_owned(), body })
}

fn picture_file() -> Vec<u8> {
    let picture = Picture::from_fn(Extent::new(200, 150), |x, y| [x as u8, y as u8, 90, 255]);
    encode(&picture, FileFormat::Png, "{}").unwrap()
}

fn with(mut more: Value) -> Value {
    let mut task = demo_task();
    task.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    task
}

#[test]
fn a_picture_at_an_address_is_fetched_once_and_kept() {
    let (address, seen) = server("200 OK", picture_file());
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let task = with(json!({ "seedImage": address, "strength": 0.5, "numberResults": 2 }));
    let answer = run_tasks(&json!([task]), &["--out", folder]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    assert!(seen.try_recv().unwrap().line.starts_with("get /picture.png?key=secret"));
    assert!(seen.try_recv().is_err(), "two pictures start from one download");

    // The result remembers the picture itself: it can be made again without the server.
    let made = &answer.pictures()[1];
    let kept = read_task(made).unwrap().unwrap().seed_image.unwrap();
    assert!(matches!(kept, latelier::task::ImageRef::Uuid(_)), "{kept:?}");
    let again = latelier().args(["run", made.to_str().unwrap(), "--out", folder]).output();
    let again = answered(&again.unwrap());
    assert_eq!(read_picture(&again.pictures()[0]).unwrap(), read_picture(made).unwrap());
}

#[test]
fn an_address_without_a_picture_is_a_problem_of_its_parameter() {
    let page = server("200 OK", b"<html>Not a picture</html>".to_vec()).0;
    let gone = server("404 Not Found", Vec::new()).0;
    for (address, part) in [(&page, "not a picture"), (&gone, "404")] {
        let answer = run_tasks(&json!([with(json!({ "seedImage": address }))]), &[]);
        assert_eq!((answer.code, answer.error_codes()), (1, vec!["invalidSeedImage"]));
        let message = answer.json["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
        assert!(!answer.json.to_string().contains("secret"), "{}", answer.json);
    }
}

#[test]
fn a_result_is_sent_to_its_endpoint_byte_for_byte() {
    let (address, seen) = server("200 OK", Vec::new());
    let out = scratch();
    for format in ["PNG", "JPG", "WEBP"] {
        let task = with(json!({ "uploadEndpoint": address, "outputFormat": format }));
        let answer = run_tasks(&json!([task]), &["--out", out.path().to_str().unwrap()]);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let sent = seen.recv().unwrap();
        assert!(sent.line.starts_with("put /picture.png?key=secret"), "{}", sent.line);
        assert!(sent.body == fs::read(&answer.pictures()[0]).unwrap(), "{format}");
        // Neither the file nor who makes it again knows the address.
        assert_eq!(read_task(&answer.pictures()[0]).unwrap().unwrap().upload_endpoint, None);
        assert!(!sent.body.windows(6).any(|six| six == b"secret"));
    }
}

#[test]
fn an_endpoint_that_refuses_loses_no_picture() {
    let (address, seen) = server("403 Forbidden", Vec::new());
    let out = scratch();
    let task = with(json!({ "uploadEndpoint": address, "numberResults": 2 }));
    let answer = run_tasks(&json!([task]), &["--out", out.path().to_str().unwrap()]);
    assert_eq!((answer.code, answer.error_codes()), (1, vec!["uploadFailed"]));
    assert_eq!(seen.try_iter().count(), 2, "each picture is tried, a refusal is final");
    let pictures = answer.pictures();
    assert_eq!(pictures.len(), 2, "both are made, kept and in the answer");
    assert!(pictures.iter().all(|path| read_picture(path).is_ok()));
    let text = format!("{}{}", answer.json, answer.stderr);
    assert!(text.contains("403") && !text.contains("secret"), "{text}");
}

#[test]
fn the_picture_of_a_stranger_sends_nothing() {
    let (address, seen) = server("200 OK", Vec::new());
    let folder = scratch();
    let own = folder.path().join("own.png");
    fs::write(&own, picture_file()).unwrap();
    let harmless = demo_task();
    let greedy = with(json!({
        "taskUUID": uuid::Uuid::new_v4(),
        "seedImage": url::Url::from_file_path(&own).unwrap().to_string(),
        "uploadEndpoint": address,
        "webhookURL": address,
    }));
    let file = folder.path().join("theirs.png");
    let run = |text: &str| {
        let pixel = Picture::from_fn(Extent::new(8, 8), |_, _| [7; 4]);
        fs::write(&file, encode(&pixel, FileFormat::Png, text).unwrap()).unwrap();
        let mut command = latelier();
        command.arg("run").arg(&file).arg("--out").arg(folder.path().join("out"));
        answered(&command.output().unwrap())
    };
    for text in [format!("{harmless},{greedy}"), format!("[{greedy}]"), format!("{greedy} {{}}")] {
        let refused = run(&text);
        assert_eq!((refused.code, refused.error_codes()), (2, vec!["invalidRequest"]), "{text}");
        let said = refused.json["errors"][0]["message"].as_str().unwrap();
        assert!(said.contains("the task in the picture is none"), "{said}");
    }
    let made = run(&harmless.to_string());
    assert_eq!((made.code, made.pictures().len()), (0, 1), "{}", made.json);
    let made = run(&greedy.to_string());
    assert_eq!((made.code, made.pictures().len()), (0, 1), "{}", made.json);
    assert_eq!(seen.try_iter().count(), 0, "a file of this machine was sent");
}
