//! A process that serves by its options.

use std::net::TcpListener;

use command_fds::{CommandFdExt as _, FdMapping};

use crate::process::{Process, ask, command, get, run};

const LISTEN: [&str; 3] = ["app", "--listen", "127.0.0.1:0"];

fn start(more: &[&str]) -> Process {
    Process::start(&[&LISTEN, more].concat(), 1)
}

#[test]
fn several_listeners_serve_and_the_unix_one_has_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let socket = std::env::temp_dir().join(format!("gateway-hyper-several-{}", std::process::id()));
    let unix = format!("unix:{}", socket.display());
    let more = ["--listen", "[::1]:0", "--listen", &unix, "--unix-mode", "600"];
    let process = Process::start(&[&LISTEN[..], &more].concat(), 3);
    assert!(process.addrs[1].starts_with("[::1]:"));
    for addr in &process.addrs[..2] {
        assert!(get(addr, "/", "").ends_with("hello"), "{addr}");
    }
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::os::unix::net::UnixStream::connect(&socket).unwrap();
    assert_eq!(process.stop().0, 0);
    assert!(!socket.exists());
}

#[test]
fn threads_of_both_kinds_serve_and_stop() {
    for kind in ["per-thread", "work-stealing"] {
        for more in [&["--threads", "3"][..], &["--threads", "3", "--reuse-port"], &["--threads", "1"]] {
            let process = start(&[&["--runtime", kind], more].concat());
            for _ in 0..20 {
                assert!(process.get("/").ends_with("hello"), "{kind} {more:?}");
            }
            assert_eq!(process.stop().0, 0, "{kind} {more:?}");
        }
    }
}

#[test]
fn metrics_count_and_health_fails_while_the_server_stops() {
    let process =
        Process::start(&[&LISTEN[..], &["--metrics", "127.0.0.1:0", "--drain-delay", "1h"]].concat(), 2);
    // What is beside listens first.
    let [beside, addr] = [&process.addrs[0], &process.addrs[1]];
    get(addr, "/", "");
    get(addr, "/fails", "");
    get(addr, "/panics", "");
    let figures = get(beside, "/metrics", "");
    for line in [
        "content-type: text/plain; version=0.0.4; charset=utf-8\r\n",
        "gateway_connections_total 3\n",
        "gateway_requests_total 3\n",
        "gateway_requests_in_flight 0\n",
        "gateway_responses_total{class=\"2xx\"} 1\n",
        "gateway_responses_total{class=\"5xx\"} 2\n",
        "gateway_application_failures_total{kind=\"error\"} 1\n",
        "gateway_application_failures_total{kind=\"panic\"} 1\n",
    ] {
        assert!(figures.contains(line), "{line}: {figures}");
    }
    assert!(get(beside, "/healthz", "").starts_with("HTTP/1.1 200 "));
    assert!(get(beside, "/", "").starts_with("HTTP/1.1 404 "));
    assert!(get(addr, "/healthz", "").ends_with("hello"), "the application's own path");
    process.signal("TERM");
    while !get(beside, "/healthz", "").starts_with("HTTP/1.1 503 ") {}
    assert!(get(addr, "/", "").ends_with("hello"), "it serves on");
    assert_eq!(process.stop().0, 0, "a second signal ends the delay");
}

#[test]
fn paths_of_the_server_are_in_front_of_the_application_and_in_no_access_log() {
    let process = start(&["--metrics", "/metrics", "--healthz", "/healthz", "--access-log"]);
    assert!(process.get("/healthz").starts_with("HTTP/1.1 200 "));
    assert!(process.get("/metrics").contains("gateway_requests_total 2\n"));
    assert!(process.get("/healthz/more").ends_with("hello"));
    let (code, log) = process.stop();
    assert_eq!(code, 0);
    assert_eq!(log.matches("\"GET ").count(), 1, "{log}");
}

#[test]
fn word_of_trusted_proxies_is_taken_and_of_no_one_else() {
    let fields = "x-forwarded-for: 192.0.2.7\r\n";
    for (more, client) in [
        (&["--trusted-proxy", "127.0.0.0/8"][..], "Some(192.0.2.7:0)"),
        (&["--trusted-proxy", "10.0.0.0/8"], "Some(127.0.0.1:"),
        (&["--trusted-proxy", "127.0.0.1", "--forwarded", "forwarded"], "Some(127.0.0.1:"),
        (&[], "Some(127.0.0.1:"),
    ] {
        let process = start(more);
        let answer = get(&process.addrs[0], "/client", fields);
        assert!(answer.contains(client), "{more:?}: {answer}");
        assert_eq!(process.stop().0, 0);
    }
}

#[test]
fn header_of_the_proxy_protocol_is_required_on_listeners_but_not_for_metrics() {
    let more = ["--proxy-protocol", "10.0.0.0/8,127.0.0.1", "--metrics", "127.0.0.1:0"];
    let mut process = Process::start(&[&LISTEN[..], &more].concat(), 2);
    assert!(get(&process.addrs[0], "/healthz", "").starts_with("HTTP/1.1 200 "));
    let addr = process.addrs[1].clone();
    for _ in 0..2 {
        let header = "PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n";
        let answer = ask(&addr, &format!("{header}GET /client HTTP/1.0\r\n\r\n")).unwrap();
        assert!(answer.ends_with("Some(192.0.2.7:12345)"), "{answer}");
        // Where some of it was not read it is closed by a reset.
        assert_eq!(ask(&addr, "GET /client HTTP/1.0\r\n\r\n").unwrap_or_default(), "");
        process.replace();
    }
    assert_eq!(process.stop().0, 0);
}

#[test]
fn synchronous_application_has_a_pool() {
    let args = ["wsgi", "--listen", "127.0.0.1:0", "--wsgi-threads", "2", "--wsgi-queue", "8"];
    let process = Process::start(&args, 1);
    assert!(process.get("/path").contains("/path on wsgi-"));
    assert_eq!(process.stop().0, 0);
}

#[test]
fn a_110_a_114_failed_startup_exits_with_3_and_failed_shutdown_with_4() {
    let (code, said) = run(&["fails-to-start", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("start-up failed: no database"), "{said}");

    let process = Process::start(&["fails-to-stop", "--listen", "127.0.0.1:0"], 1);
    // Accepted after start-up, so that the signal comes after it.
    process.get("/");
    let (code, said) = process.stop();
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("shutdown failed: not stored"), "{said}");
}

/// Two sockets are handed in as systemd does, named `other` and `web`.
fn handed_in(args: &[&str], listeners: usize) -> (Process, [String; 2]) {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addrs = sockets.each_ref().map(|socket| socket.local_addr().unwrap().to_string());
    let mappings =
        (3..).zip(sockets).map(|(child_fd, socket)| FdMapping { parent_fd: socket.into(), child_fd });
    let mut command = command(args);
    command
        .env("LISTEN_FDS", "2")
        .env("LISTEN_FDNAMES", "other:web")
        .fd_mappings(mappings.collect())
        .unwrap();
    (Process::of(&mut command, listeners), addrs)
}

#[test]
fn sockets_that_were_handed_in_are_taken_by_name_or_all_also_by_the_next_process() {
    let (mut process, [_, web]) = handed_in(&["app", "--listen", "systemd:web"], 1);
    assert_eq!(process.addrs, [web]);
    for _ in 0..2 {
        assert!(process.get("/").ends_with("hello"));
        process.replace();
    }
    assert!(process.get("/").ends_with("hello"));
    assert_eq!(process.stop().0, 0);
    // Without a place to listen at they are what is meant.
    let (mut process, addrs) = handed_in(&["app"], 2);
    assert_eq!(process.addrs, addrs);
    process.replace();
    for addr in &addrs {
        assert!(get(addr, "/", "").ends_with("hello"));
    }
    assert_eq!(process.stop().0, 0);
}
