//! A new process takes over from an old one, and no request is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::process::{Process, command, get};

/// Clients that ask without a pause until they are told to stop; each counts what it got, and fails by a panic.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(addr: &str) -> Self {
        let mut load = Self { stop: Arc::default(), answered: Arc::default(), clients: Vec::new() };
        for number in 0..8 {
            let (addr, stop, answered) =
                (addr.to_owned(), Arc::clone(&load.stop), Arc::clone(&load.answered));
            load.clients.push(thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if number % 2 == 0 {
                        keeps_alive(&addr, &stop, &answered);
                    } else {
                        assert!(get(&addr, "/", "").ends_with("hello"), "a request was lost");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }));
        }
        load
    }

    /// Waits until each could have had many more answers.
    fn goes_on(&self) {
        let until = self.answered.load(Ordering::Relaxed) + 200;
        while self.answered.load(Ordering::Relaxed) < until {
            assert!(self.clients.iter().all(|client| !client.is_finished()), "a client failed");
            thread::yield_now();
        }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().unwrap();
        }
        self.answered.load(Ordering::Relaxed)
    }
}

/// Asks again and again on one connection, until the server says that it closes it.
fn keeps_alive(addr: &str, stop: &AtomicBool, answered: &AtomicU64) {
    let mut stream = TcpStream::connect(addr).unwrap();
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
        while !answer.ends_with(b"\r\n\r\nhello") {
            let len = stream.read(&mut buffer).unwrap();
            assert_ne!(len, 0, "a request was lost: {:?}", String::from_utf8_lossy(&answer));
            answer.extend(&buffer[..len]);
        }
        answered.fetch_add(1, Ordering::Relaxed);
        if String::from_utf8(answer).unwrap().contains("connection: close\r\n") {
            return;
        }
    }
}

fn restarts_under_load(more: &[&str]) {
    let mut process = Process::start(&[&["app", "--listen", "127.0.0.1:0"], more].concat(), 1);
    let load = Load::start(&process.addrs[0]);
    for _ in 0..10 {
        load.goes_on();
        process.replace();
    }
    load.goes_on();
    assert!(load.stop() > 2000);
    assert_eq!(process.stop().0, 0);
}

#[test]
fn ten_restarts_under_load_lose_no_request() {
    restarts_under_load(&["--threads", "2"]);
}

#[test]
fn ten_restarts_under_load_lose_no_request_where_each_thread_has_a_socket() {
    restarts_under_load(&["--threads", "3", "--reuse-port"]);
}

#[test]
fn new_process_that_fails_leaves_the_old_one_serving() {
    let fails = std::env::temp_dir().join(format!("gateway-hyper-fails-{}", std::process::id()));
    let mut command = command(&["starts-once", "--listen", "127.0.0.1:0"]);
    let mut process = Process::of(command.env("GATEWAY_HYPER_TEST_FAILS", &fails), 1);
    std::fs::write(&fails, "").unwrap();
    process.signal("USR2");
    let line = process.says("the new process does not serve, this one serves on");
    assert!(line.contains("exit status: 3"), "{line}");
    assert!(process.get("/").ends_with("hello"));
    // The next one is better.
    std::fs::remove_file(&fails).unwrap();
    process.replace();
    assert!(process.get("/").ends_with("hello"));
    assert_eq!(process.stop().0, 0);
}

#[test]
fn all_places_are_handed_over_and_a_unix_socket_stays_until_the_last_one_ends() {
    let socket = std::env::temp_dir().join(format!("gateway-hyper-handed-{}", std::process::id()));
    let unix = format!("unix:{}", socket.display());
    let args = ["app", "--listen", "127.0.0.1:0", "--listen", &unix, "--metrics", "127.0.0.1:0"];
    let mut process = Process::start(&args, 3);
    let [beside, addr] = [process.addrs[0].clone(), process.addrs[1].clone()];
    for _ in 0..2 {
        process.replace();
        assert!(get(&addr, "/", "").ends_with("hello"));
        assert!(get(&beside, "/healthz", "").starts_with("HTTP/1.1 200 "));
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
    }
    assert_eq!(process.stop().0, 0);
    assert!(!socket.exists());
}

#[test]
fn service_manager_is_told_of_each_process() {
    let path = std::env::temp_dir().join(format!("gateway-hyper-notify-{}", std::process::id()));
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let told = || {
        let mut buffer = [0; 1024];
        let len = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    };
    let mut process =
        Process::of(command(&["app", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path), 1);
    assert_eq!(told(), "READY=1\n");
    let new = process.replace();
    let mut both = [told(), told()];
    both.sort();
    assert_eq!(both, [format!("MAINPID={new}\n"), "READY=1\n".to_owned()]);
    assert_eq!(process.stop().0, 0);
    assert_eq!(told(), "STOPPING=1\n");
    std::fs::remove_file(&path).unwrap();
}
