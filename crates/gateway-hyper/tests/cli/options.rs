//! `--help`, wrong options, and the environment.

use crate::process::{Process, command, outcome, run};

#[test]
fn help_names_the_program_and_every_option_with_its_variable() {
    let (code, said) = run(&["/usr/bin/my-app", "--help"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("Usage: my-app [OPTIONS]"), "{said}");
    for heading in ["Listening:", "Threads:", "Limits:", "WebSockets:", "Proxies:", "Operation:", "Logging:"]
    {
        assert!(said.contains(heading), "{heading}");
    }
    let options: Vec<&str> = said
        .lines()
        .filter_map(|line| line.trim_start().trim_start_matches("-l, ").strip_prefix("--"))
        .filter_map(|rest| rest.split([' ', '\n']).next())
        .collect();
    assert!(options.len() > 20, "{options:?}");
    for option in options.into_iter().filter(|option| *option != "check") {
        let variable = format!("[env: GATEWAY_{}]", option.to_uppercase().replace('-', "_"));
        assert!(said.contains(&variable), "{variable}");
    }
    assert!(!said.contains("--wsgi-threads"));
    assert!(run(&["wsgi", "--help"]).1.contains("--wsgi-threads"));
}

#[test]
fn wrong_options_are_told_and_exit_with_2() {
    for (args, told) in [
        (&["app", "--listen", "8000"][..], "a port is missing"),
        (&["app", "--threads", "0"], "--threads"),
        (&["app", "--grace-period", "5"], "a time is such as"),
        (&["app", "--max-head-size", "big"], "a size is such as"),
        (&["app", "--unix-mode", "999"], "octal"),
        (&["app", "--healthz", "healthz"], "a path begins with"),
        (&["app", "--trusted-proxy", "10.0.0.1/8"], "10.0.0.1/8"),
        (&["app", "--websocket-max-message", "big"], "a size is such as"),
        (&["app", "--websocket-deflate", "much"], "per-message"),
        (&["app", "--websocket-origin", "https://example.org/"], "an origin is a scheme and a host"),
        (&["app", "--log-level", "loud"], "--log-level"),
        (&["app", "--tls-cert", "cert.pem"], "--tls-key"),
        (&["app", "--no-such"], "--no-such"),
        (&["app", "argument"], "argument"),
    ] {
        // In case that one is taken for right it must not serve.
        let (code, said) = run(&[args, &["--check"]].concat());
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(said.contains(told) && !said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn environment_sets_options_and_the_command_line_has_precedence() {
    let mut process = command(&["app", "--threads", "3", "--check"]);
    process.env("GATEWAY_LISTEN", "127.0.0.1:0,[::1]:0").env("GATEWAY_THREADS", "2");
    let (code, said) = outcome(process.env("GATEWAY_HEALTHZ", "/up"));
    assert_eq!(code, 0, "{said}");
    for line in ["listen on 127.0.0.1:0\n", "listen on [::1]:0\n", "health checks at /up\n", "threads: 3,"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let (code, said) = outcome(command(&["app", "--check"]).env("GATEWAY_BACKLOG", "many"));
    assert_eq!(code, 2, "{said}");
}

#[test]
fn variables_of_switches_are_words_and_empty_ones_are_none() {
    for (value, code) in [("1", 0), ("yes", 0), ("true", 0), ("0", 0), ("", 0), ("perhaps", 2)] {
        let mut process = command(&["app", "--listen", "127.0.0.1:0", "--check"]);
        let outcome = outcome(process.env("GATEWAY_REUSE_PORT", value).env("GATEWAY_THREADS", ""));
        assert_eq!(outcome.0, code, "{value:?}: {}", outcome.1);
    }
    let mut process = command(&["app", "--listen", "127.0.0.1:0"]);
    let mut process = Process::of(process.env("GATEWAY_ACCESS_LOG", "1").env("GATEWAY_HEALTHZ", ""), 1);
    process.get("/");
    process.says("gateway_hyper::access");
    assert_eq!(process.stop().0, 0);
}

#[test]
fn log_level_and_format_are_as_said() {
    let mut process = Process::start(&["app", "--listen", "127.0.0.1:0", "--access-log"], 1);
    process.get("/path?query");
    assert!(process.says("gateway_hyper::access").contains("\"GET /path?query HTTP/1.1\" 200 5"));
    assert_eq!(process.stop().0, 0);

    let args = ["app", "--listen", "127.0.0.1:0", "--access-log", "--log-format", "json"];
    let mut process = Process::of(&mut command(&args), 0);
    let line = process.says("\"listening\"");
    let addr = line.split_once("http://").unwrap().1.split('"').next().unwrap().to_owned();
    process.addrs.push(addr);
    process.get("/");
    let line = process.says("gateway_hyper::access");
    for member in ["\"method\":\"GET\"", "\"status\":200", "\"bytes\":5", "\"complete\":true"] {
        assert!(line.contains(member), "{member}: {line}");
    }
    assert_eq!(process.stop().0, 0);
}

#[test]
fn silence_is_kept_but_for_why_there_is_no_server() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let (code, said) = run(&["app", "--log-level", "off", "--listen", &addr]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("cannot listen on {addr}")), "{said}");
}
