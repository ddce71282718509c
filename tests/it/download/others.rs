//! What others do while a model comes: another window, another download, a server that changes its mind or
//! sends something else, a crash at the worst moment.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use latelier::library::{DownloadStage, DownloadState, Downloads, Home};

use super::{FileServer, bytes, is_done, open, unfinished, wait};
use crate::support::scratch;

/// A server that gives each connection the next answer, the last one for ever after; and what it was asked.
fn scripted(answers: Vec<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let serve = move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut head = vec![0; 64 << 10];
            let length = stream.read(&mut head).unwrap_or(0);
            seen.lock().unwrap().push(String::from_utf8_lossy(&head[..length]).to_lowercase());
            let answer: &Vec<u8> = answers.get(number).unwrap_or(answers.last().unwrap());
            stream.write_all(answer).ok();
        }
    };
    thread::Builder::new().name("scripted".to_owned()).spawn(serve).unwrap();
    (address, asked)
}

/// An answer that announces `length` bytes.
fn answer(status: &str, headers: &[&str], length: usize, body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    write!(head, "Content-Length: {length}\r\n").unwrap();
    for header in headers {
        write!(head, "{header}\r\n").unwrap();
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

fn failed(downloads: &Downloads, id: uuid::Uuid) -> String {
    let fails = |it: &DownloadState| it.id == id && matches!(it.stage, DownloadStage::Failed(_));
    format!("{:?}", wait(downloads, fails).stage)
}

#[test]
fn parts_of_two_files_are_not_joined() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let (old, new) = (bytes(20_000), vec![7; 20_000]);
    let downloads = open(&home);
    let mut asked = Vec::new();
    // Servers that send parts without looking at If-Range.
    for (name, headers) in [
        ("tag", ["ETag: \"v2\"", "Content-Range: bytes 9000-19999/20000"].as_slice()),
        ("length", &["ETag: \"v1\"", "Content-Range: bytes 9000-19999/20001"]),
        ("no-tag", &["Content-Range: bytes 9000-19999/20000"]),
    ] {
        let (address, seen) = scripted(vec![
            answer("200 OK", &["ETag: \"v1\""], 20_000, &old[..9000]),
            answer("206 Partial Content", headers, 11_000, &new[9000..]),
            answer("200 OK", &["ETag: \"v2\""], 20_000, &new),
        ]);
        downloads.add(&format!("{address}/{name}.safetensors"), "").unwrap();
        asked.push((name, seen));
    }
    for (name, asked) in asked {
        let file = format!("{name}.safetensors");
        wait(&downloads, |state| state.name == file && is_done(state));
        assert!(fs::read(home.models_dir().join(file)).unwrap() == new, "{name}");
        let asked = asked.lock().unwrap();
        assert!(asked[1].contains("range: bytes=9000-"), "{name}: {}", asked[1]);
        assert!(!asked[2].contains("range: "), "{name}: {}", asked[2]);
    }
}

#[test]
fn a_part_goes_on_though_its_answer_repeats_no_date() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let body = bytes(20_000);
    let date = "Last-Modified: Tue, 15 Nov 1994 12:45:26 GMT";
    let (address, asked) = scripted(vec![
        answer("200 OK", &[date], 20_000, &body[..9000]),
        answer(
            "206 Partial Content",
            &["Content-Range: bytes 9000-19999/20000"],
            11_000,
            &body[9000..],
        ),
    ]);
    let downloads = open(&home);
    downloads.add(&format!("{address}/x.safetensors"), "").unwrap();
    wait(&downloads, is_done);
    assert!(fs::read(home.models_dir().join("x.safetensors")).unwrap() == body);
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn what_no_list_would_show_is_refused_and_embeddings_lie_where_they_are_read() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let downloads = open(&home);
    let serve = |headers: &[&str]| scripted(vec![answer("200 OK", headers, 4, b"body")]).0;
    let add = |address: String| downloads.add(&address, "").unwrap();
    let page = add(serve(&["Content-Type: text/html; charset=utf-8"]) + "/model.safetensors");
    let why = failed(&downloads, page);
    assert!(why.contains("web page") && why.contains("sign in"), "{why}");
    for name in ["12345", "model.ckpt"] {
        let why = failed(&downloads, add(format!("{}/{name}", serve(&[]))));
        assert!(why.contains(name) && why.contains(".safetensors"), "{why}");
    }
    let models = fs::read_dir(home.models_dir()).unwrap().flatten();
    let models: Vec<_> = models.map(|entry| entry.file_name()).collect();
    assert_eq!(models, [".downloads"]);

    let named = "Content-Disposition: attachment; filename=\"cat.pt\"";
    add(serve(&["Content-Type: application/octet-stream", named]) + "/12345");
    wait(&downloads, is_done);
    assert_eq!(fs::read(home.models_dir().join("embeddings/cat.pt")).unwrap(), b"body");
}

#[test]
fn of_downloads_with_one_name_one_gets_it_and_it_stays_whole() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let downloads = open(&home);
    let body = |number: u8| vec![number; 400_000];
    let servers: Vec<FileServer> =
        (0..6).map(|number| FileServer::start(body(number), Vec::new())).collect();
    for server in &servers {
        server.hold_at(390_000);
        downloads.add(&server.address, "").unwrap();
    }
    wait(&downloads, |_| downloads.states().iter().all(|state| state.got >= 390_000));
    for server in &servers {
        server.hold_at(usize::MAX);
    }
    let over = |state: &DownloadState| {
        matches!(state.stage, DownloadStage::Done(_) | DownloadStage::Failed(_))
    };
    wait(&downloads, |_| downloads.states().iter().all(over));
    let states = downloads.states();
    let winners: Vec<usize> = (0..6).filter(|place| is_done(&states[*place])).collect();
    let [winner] = winners.as_slice() else { panic!("{states:?}") };
    let file = fs::read(home.models_dir().join("tiny.safetensors")).unwrap();
    assert!(file == body(*winner as u8));
    let others = states.iter().filter(|state| !is_done(state));
    others.for_each(|state| assert!(format!("{state:?}").contains("there already"), "{state:?}"));
}

#[test]
fn a_file_that_got_its_name_before_a_crash_is_not_fetched_again() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let body = bytes(200_000);
    let server = FileServer::start(body.clone(), Vec::new());
    server.hold_at(100_000);
    let downloads = open(&home);
    let id = downloads.add(&server.address, "").unwrap();
    wait(&downloads, |state| state.got >= 90_000);
    drop(downloads);
    // As it is between the two: it has its name, and its note is still there.
    let at = |ending: &str| home.models_dir().join(format!(".downloads/{id}.{ending}"));
    let mut note: serde_json::Value =
        serde_json::from_slice(&fs::read(at("json")).unwrap()).unwrap();
    assert_eq!((&note["whole"], &note["placing"]), (&200_000.into(), &false.into()), "{note}");
    note["placing"] = true.into();
    fs::write(at("json"), note.to_string()).unwrap();
    fs::remove_file(at("part")).unwrap();
    let file = home.models_dir().join("tiny.safetensors");
    fs::write(&file, &body).unwrap();

    server.hold_at(usize::MAX);
    let downloads = open(&home);
    // The next one is heard of behind it.
    let other = FileServer::start(bytes(10), Vec::new());
    downloads.add(&other.address.replace("tiny", "other"), "").unwrap();
    wait(&downloads, |state| state.name == "other.safetensors" && is_done(state));
    assert_eq!((downloads.states().len(), unfinished(&home)), (1, 0));
    assert_eq!(server.asked.lock().unwrap().len(), 1);
    assert_eq!(fs::read(&file).unwrap(), body);
}

#[test]
fn two_windows_do_not_write_in_one_file() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let body = bytes(200_000);
    let server = FileServer::start(body.clone(), Vec::new());
    server.hold_at(100_000);
    let first = open(&home);
    let id = first.add(&server.address, "").unwrap();
    wait(&first, |state| state.got >= 90_000);

    let second = open(&home);
    let why = failed(&second, id);
    assert!(why.contains("another window") && why.contains("models"), "{why}");
    second.resume(id).unwrap();
    second.forget(id).unwrap();
    let added = second.add(&server.address.replace("tiny", "mine"), "").unwrap();
    assert!(failed(&second, added).contains("another window"));
    assert_eq!(second.states().len(), 2, "what is the first one's is not given up");
    assert_eq!(server.asked.lock().unwrap().len(), 1);
    assert_eq!(unfinished(&home), 2, "a note and a part");

    drop(first);
    server.hold_at(usize::MAX);
    second.resume(added).unwrap();
    for name in ["tiny.safetensors", "mine.safetensors"] {
        wait(&second, |state| state.name == name && is_done(state));
        assert_eq!(fs::read(home.models_dir().join(name)).unwrap(), body);
    }
}
