//! Addresses in requests: nothing inside this machine or its network is fetched, read or written to.

use std::net::TcpListener;

use serde_json::json;

use super::{Served, code, neighbour, task};

#[test]
fn no_address_inside_is_fetched() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for address in [
        format!("http://127.0.0.1:{port}/a.png"),
        format!("http://localhost:{port}/a.png"),
        format!("http://[::1]:{port}/a.png"),
        format!("http://[::ffff:127.0.0.1]:{port}/a.png"),
        format!("http://2130706433:{port}/a.png"),
        format!("http://0.0.0.0:{port}/a.png"),
        "http://10.0.0.1/a.png".to_owned(),
        "http://192.168.1.1/a.png".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://100.64.0.1/a.png".to_owned(),
        "http://[fd00::1]/a.png".to_owned(),
        "file:///etc/hostname".to_owned(),
        "FILE:///etc/hostname".to_owned(),
    ] {
        let refused = socket.ask(&task(json!({ "seedImage": address })));
        assert_eq!(code(&refused), "invalidSeedImage", "{address}");
        let refused = socket.ask(&neighbour("imageUpload", json!({ "image": address })));
        assert_eq!(code(&refused), "invalidImage", "{address}");
        let guide = json!({ "inputImage": address, "preProcessorType": "canny" });
        let refused = socket.ask(&neighbour("controlNetPreprocess", guide));
        assert_eq!(code(&refused), "invalidInputImage", "{address}");
    }
    assert!(listener.accept().is_err(), "nobody called");
}

#[test]
fn no_address_inside_is_written_to() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}/put", listener.local_addr().unwrap());
    socket.send(&json!([task(json!({ "uploadEndpoint": endpoint }))]));
    assert_eq!(socket.results(1).len(), 1, "the picture is made all the same");
    assert_eq!(code(&socket.receive()), "uploadFailed");
    assert!(listener.accept().is_err(), "nobody called");
}
