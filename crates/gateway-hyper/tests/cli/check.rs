//! `--check`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use crate::process::{Process, command, run};
use crate::tls::Authority;

#[test]
fn check_says_what_would_be_done_and_binds_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let socket = std::env::temp_dir().join(format!("gateway-hyper-check-{}", std::process::id()));
    let unix = format!("unix:{}", socket.display());
    let (code, said) = run(&[
        "app",
        "--check",
        "--listen",
        &free,
        "--listen",
        &unix,
        "--metrics",
        "127.0.0.1:0",
        "--healthz",
        "/healthz",
        "--trusted-proxy",
        "10.0.0.0/8,unix",
        "--proxy-protocol",
        "192.0.2.0/24,unix",
        "--runtime",
        "work-stealing",
    ]);
    assert_eq!(code, 0, "{said}");
    for line in [
        format!("listen on {free}\n"),
        format!("listen on {unix}\n"),
        "metrics and health checks on 127.0.0.1:0\n".to_owned(),
        "health checks at /healthz\n".to_owned(),
        "trusted proxy: 10.0.0.0/8\n".to_owned(),
        "trusted proxy: unix\n".to_owned(),
        "PROXY protocol from: 192.0.2.0/24\n".to_owned(),
        "PROXY protocol from: unix\n".to_owned(),
        "one runtime for all\n".to_owned(),
        "the configuration is good\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}: {said}");
    }
    assert!(!socket.exists());
}

#[test]
fn check_of_an_address_in_use_is_good_because_a_server_may_be_replaced() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let (code, said) = run(&["app", "--check", "--listen", &addr]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("listen on {addr} (in use at the moment)")), "{said}");
}

#[test]
fn check_finds_what_cannot_work() {
    for (args, told) in [
        (
            &["--listen", "127.0.0.1:8000", "--listen", "https://127.0.0.1:8000"][..],
            "8000 is to be listened on twice",
        ),
        (&["--listen", "127.0.0.1:8000", "--metrics", "127.0.0.1:8000"], "8000 is to be listened on twice"),
        (&["--healthz", "/up", "--metrics", "/up"], "--healthz and --metrics are both at /up"),
        (&["--listen", "192.0.2.1:80"], "192.0.2.1:80: "),
        (&["--listen", "unix:/no/such/folder/socket"], "unix:/no/such/folder/socket: "),
        (&["--listen", "systemd:web"], "no such socket was handed in"),
        (&["--listen", "https://127.0.0.1:0"], "TLS needs --tls-cert"),
        (&["--listen", "https://127.0.0.1:0", "--tls-cert", "/no/cert", "--tls-key", "/no/key"], "/no/cert"),
    ] {
        let (code, said) = run(&[&["app", "--check"], args].concat());
        assert_eq!(code, 1, "{args:?}: {said}");
        assert!(said.contains(told), "{args:?}: {said}");
        assert!(said.contains("the configuration does not work"), "{args:?}: {said}");
    }
}

#[test]
fn check_knows_whether_a_folder_of_a_socket_can_be_written_to() {
    let folder = std::env::temp_dir().join(format!("gateway-hyper-read-only-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let unix = format!("unix:{}", folder.join("socket").display());
    let check = || run(&["app", "--check", "--listen", &unix]).0;
    assert_eq!(check(), 0);
    std::fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
    // Some users may write everywhere.
    let may_write = std::fs::write(folder.join("file"), "").is_ok();
    assert_eq!(check() == 0, may_write);
    std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn check_and_the_log_tell_of_certificates_that_no_listener_uses() {
    let authority = Authority::new("idle");
    let (chain, key) = authority.sign("localhost", &["localhost"], &[]);
    let files = ["--tls-cert", chain.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    for (addr, told) in [("127.0.0.1:0", true), ("https://127.0.0.1:0", false)] {
        let args = [&["app", "--listen", addr][..], &files].concat();
        let (code, said) = run(&[&args[..], &["--check"]].concat());
        assert_eq!((code, said.contains("no address with https://")), (0, told), "{said}");
        let mut process = Process::of(&mut command(&args), 0);
        if told {
            process.says("no address with https://");
        }
        process.says("listening");
        assert_eq!(process.stop().0, 0);
    }
}

#[test]
fn what_is_asked_for_twice_is_not_served_either() {
    let (code, said) = run(&["app", "--listen", "127.0.0.1:0", "--healthz", "/up", "--metrics", "/up"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--healthz and --metrics are both at /up"), "{said}");
    // Port 0 is another one each time.
    assert_eq!(run(&["app", "--check", "--listen", "127.0.0.1:0,127.0.0.1:0"]).0, 0);
}
