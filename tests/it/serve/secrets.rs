//! The key is nowhere: not in the log, not in a file, not in an answer.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{KEY, Served, task};

fn files_that_say(folder: &Path, word: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_that_say(&path, word, found);
        } else if fs::read(&path).unwrap().windows(word.len()).any(|part| part == word.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
}

#[test]
fn a_key_that_is_none_is_refused_without_being_repeated() {
    let by_argument = ["serve", "--key", "two words 4711"];
    let by_environment = ["serve", "--listen", "127.0.0.1:0"];
    for (arguments, variable) in [(by_argument, ""), (by_environment, "two words 4711")] {
        let mut command = crate::support::latelier();
        let refused = command.env("LATELIER_SERVE_KEY", variable).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said.contains("--key") && !said.contains("4711"), "{said}");
    }
}

#[test]
fn the_key_appears_in_no_log_file_or_answer() {
    let mut server = Served::start(&[]);
    let mut socket = server.connect();
    for key in [json!("wrong-4711"), json!(4711), json!("4711 4711")] {
        let refused = socket.ask(&json!({ "taskType": "authentication", "apiKey": key }));
        assert!(!refused.to_string().contains("4711"), "{refused}");
    }
    socket.authenticate(KEY, None);
    let made = socket.ask(&task(json!({})));
    assert!(!made.to_string().contains("4711"));
    let first = json!({ "taskType": "authentication", "apiKey": KEY });
    server.post_text(json!([first, task(json!({}))]).to_string(), None);
    let (_, log) = server.stop();
    assert!(log.contains("DEBUG") && !log.contains("4711"), "{log}");
    let mut found = Vec::new();
    files_that_say(server.home.root(), KEY, &mut found);
    assert_eq!(found, Vec::<String>::new());
}
