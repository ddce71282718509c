//! The API by POST, and result files.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{KEY, Served, code, fetched, http, kind, neighbour, poll, sent, task};

#[test]
fn the_key_comes_as_a_header_or_as_the_first_task() {
    let server = Served::start(&[]);
    let search = neighbour("modelSearch", json!({}));
    let (status, answer) = server.post_text(json!([search]).to_string(), None);
    assert_eq!((status, code(&answer)), (401, "missingApiKey"));
    for authorization in ["Bearer wrong", "Basic dGVzdA==", "Bearer"] {
        let (status, answer) = server.post_text(json!([search]).to_string(), Some(authorization));
        assert_eq!((status, &answer["data"]), (401, &json!([])), "{authorization}: {answer}");
    }
    assert_eq!(server.post(&json!([search])).0, 200);
    let with_key = |key: &str| {
        let first = json!({ "taskType": "authentication", "apiKey": key });
        json!([first, neighbour("modelSearch", json!({}))]).to_string()
    };
    assert_eq!(server.post_text(with_key(KEY), None).0, 200);
    let (status, answer) = server.post_text(with_key("wrong"), None);
    assert_eq!((status, code(&answer)), (401, "invalidApiKey"));
}

#[test]
fn the_status_says_what_kind_of_error_it_was() {
    let server = Served::start(&["--message-limit", "1"]);
    let wrong = task(json!({ "steps": 0 }));
    assert_eq!(server.post(&json!([wrong])).0, 400);
    assert_eq!(server.post(&json!({})).0, 400);
    assert_eq!(server.post(&json!([poll(&wrong)])).0, 404);
    let authorization = format!("Bearer {KEY}");
    assert_eq!(server.post_text("nonsense".to_owned(), Some(&authorization)).0, 400);
    assert_eq!(server.post_text(" ".repeat(2 << 20), Some(&authorization)).0, 413);
    assert_eq!(fetched(&format!("http://{}/v1", server.address)).0, 405);
    assert_eq!(fetched(&format!("http://{}/elsewhere", server.address)).0, 404);
}

#[test]
fn results_stand_beside_errors_and_a_name_is_used_once() {
    let server = Served::start(&[]);
    let good = task(json!({ "numberResults": 2 }));
    let wrong = task(json!({ "width": 1 }));
    let (status, answer) = server.post(&json!([good, wrong]));
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 2), "{answer}");
    assert_eq!(code(&answer), "invalidWidth");
    let (status, answer) = server.post(&json!([good]));
    assert_eq!((status, &answer["data"], code(&answer)), (400, &json!([]), "conflictTaskUUID"));
    let (status, answer) = server.post(&json!([poll(&good)]));
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (200, 2), "{answer}");
}

#[test]
fn an_async_task_is_acknowledged_at_once() {
    let server = Served::start(&[]);
    let task = task(json!({ "deliveryMethod": "async" }));
    let (status, answer) = server.post(&json!([task]));
    assert_eq!((status, &answer["data"][0]["taskUUID"]), (200, &task["taskUUID"]));
    while server.post(&json!([poll(&task)])).1["data"][0]["status"] != "success" {}
}

#[test]
fn result_files_cannot_be_guessed_and_end() {
    let server = Served::start(&[]);
    let (_, answer) = server.post(&json!([task(json!({ "ttl": 60 }))]));
    let url =
        answer["data"][0]["imageURL"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    assert_eq!(kind(&fetched(&url).1).1, "PNG");
    let (folder, file) = url.rsplit_once('/').unwrap();
    let pass = folder.rsplit_once('/').unwrap().1;
    let (until, signature) = pass.split_once('-').unwrap();
    let ends = u64::from_str_radix(until, 16).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!((now..=now + 60).contains(&ends), "{ends} {now}");
    // Neither without the signature, nor later, nor another file, nor out of the folder.
    for path in [
        format!("{until}-/{file}"),
        format!("{:x}-{signature}/{file}", ends + 1),
        format!("{pass}/{}.png", uuid::Uuid::new_v4()),
        format!("{pass}/..%2f..%2fserved%2fsecret"),
    ] {
        assert_eq!(fetched(&format!("http://{}/files/{path}", server.address)).0, 404, "{path}");
    }
}

#[test]
fn a_server_without_keys_is_for_this_machine_only() {
    let server = Served::open(&[]);
    let body = json!([neighbour("modelSearch", json!({}))]).to_string();
    let url = format!("http://{}/v1", server.address);
    let request =
        || http().post(&url).header("authorization", "Bearer anything").body(body.clone());
    let json =
        |request: reqwest::RequestBuilder| request.header("content-type", "application/json");
    assert_eq!(sent(json(request())).0, 200);
    assert_eq!(sent(request().header("content-type", "text/plain")).0, 415);
    assert_eq!(sent(json(request()).header("origin", "https://evil.example")).0, 403);
    assert_eq!(sent(json(request()).header("host", "evil.example")).0, 403);
    assert!(super::Socket::try_open(&server.address, Some("https://evil.example")).is_err());
    super::Socket::open(&server.address, Some("http://localhost:3000")).authenticate("any", None);

    let everywhere =
        crate::support::latelier().args(["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(everywhere.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&everywhere.stderr).contains("--key"));
}

#[test]
fn a_finished_picture_is_sent_to_the_upload_address() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/put?key=secret", listener.local_addr().unwrap());
    let taker = std::thread::Builder::new().name("taker".to_owned()).spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        while !bytes.windows(4).any(|four| four == b"IEND") {
            let read = stream.read(&mut piece).unwrap();
            bytes.extend_from_slice(&piece[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        bytes
    });
    let server = Served::start(&["--allow-private-addresses"]);
    let (status, answer) = server.post(&json!([task(json!({ "uploadEndpoint": endpoint }))]));
    assert_eq!((status, answer.get("errors")), (200, None::<&Value>), "{answer}");
    assert!(taker.unwrap().join().unwrap().starts_with(b"PUT /put?key=secret"));
}

#[test]
fn an_error_is_told_although_the_end_cannot_be_written_down() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/a.png", listener.local_addr().unwrap());
    let server = Served::start(&["--allow-private-addresses"]);
    let tasks = server.home.served_dir().join("tasks");
    let giver = std::thread::Builder::new().name("giver".to_owned()).spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        // The task was accepted and written down; now nothing can be written any more.
        std::fs::remove_dir_all(tasks).unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let task = task(json!({ "seedImage": address }));
    let (status, answer) = server.post(&json!([task]));
    giver.unwrap().join().unwrap();
    assert_eq!((status, code(&answer)), (400, "invalidSeedImage"), "{answer}");
    assert_eq!(code(&server.post(&json!([poll(&task)])).1), "invalidSeedImage");
}

#[test]
fn a_picture_that_was_deleted_is_told_of() {
    let server = Served::start(&[]);
    let task = task(json!({}));
    assert_eq!(server.post(&json!([task])).0, 200);
    std::fs::remove_dir_all(server.home.results_dir()).unwrap();
    let (_, answer) = server.post(&json!([poll(&task)]));
    assert_eq!(code(&answer), "imageNotFound", "{answer}");
}
