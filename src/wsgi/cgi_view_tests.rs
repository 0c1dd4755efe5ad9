use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use http::Request;

use super::*;
use crate::connection::Connection;

fn environ(target: &str, fields: &[(&str, &str)]) -> Environ {
    let request = Request::builder().uri(target);
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Environ::from_request(request.body("").unwrap())
}

fn on(connection: Connection, fields: &[(&str, &str)]) -> Environ {
    let head = environ("/", fields).into_head();
    let head = RequestHead::on(head.into_parts(), Arc::new(connection));
    Environ::new(Box::new(head), crate::wsgi::Input::empty())
}

#[track_caller]
fn check(environ: &Environ, expected: &[(&str, Option<&str>)]) {
    for (key, value) in expected {
        assert_eq!(environ.get(key).map(|value| value.latin1().into_owned()).as_deref(), *value, "{key}");
    }
}

/// W-29, W-42: what has no value is not there.
#[test]
fn w_21_w_27_w_28_w_34_head_of_a_plain_request() {
    let mut environ = environ("/x", &[]);
    check(
        &environ,
        &[
            ("REQUEST_METHOD", Some("GET")),
            ("SCRIPT_NAME", Some("")),
            ("PATH_INFO", Some("/x")),
            ("QUERY_STRING", Some("")),
            ("REQUEST_URI", Some("/x")),
            ("SERVER_PROTOCOL", Some("HTTP/1.1")),
            ("GATEWAY_INTERFACE", Some("CGI/1.1")),
            ("CONTENT_TYPE", None),
            ("CONTENT_LENGTH", None),
            ("REMOTE_ADDR", None),
            ("REMOTE_PORT", None),
            ("REMOTE_USER", None),
            ("AUTH_TYPE", None),
            ("HTTPS", None),
            ("HTTP_HOST", None),
        ],
    );
    environ.set("REQUEST_METHOD", "get").unwrap();
    assert_eq!(environ.get("REQUEST_METHOD").unwrap(), "get");
    assert!(environ.get("SERVER_SOFTWARE").unwrap().to_str().unwrap().starts_with("gateway-iface/"));
}

/// W-23: the path is decoded once.
#[test]
fn w_24_w_25_w_27_w_64_paths_are_decoded_once_and_queries_are_not() {
    for (target, path) in [
        ("/a%2cb", &b"/a,b"[..]),
        ("/%252c", b"/%2c"),
        ("//x///y", b"//x///y"),
        ("/A;p=1", b"/A;p=1"),
        ("/%E3%81%82", b"/\xE3\x81\x82"),
        ("/%FF%00%C3", b"/\xFF\x00\xC3"),
        ("/a%2Fb", b"/a/b"),
    ] {
        let environ = environ(&format!("{target}?a+b=%20&c?"), &[]);
        assert_eq!(environ.get("PATH_INFO").unwrap().as_bytes(), path, "{target}");
        assert_eq!(environ.get("QUERY_STRING").unwrap(), "a+b=%20&c?");
        assert_eq!(environ.get("REQUEST_URI").unwrap(), format!("{target}?a+b=%20&c?").as_str());
    }
}

/// W-23: the path is what follows the mount point.
#[test]
fn w_22_w_26_script_name_and_path_info_are_the_whole_path() {
    let mut environ = environ("/a%20b/c", &[]);
    environ.head_mut().mount("/a%20b".len()).unwrap();
    check(&environ, &[("SCRIPT_NAME", Some("/a b")), ("PATH_INFO", Some("/c"))]);
}

#[test]
fn w_30_w_31_content_length_is_digits_and_stands_alone() {
    let length = |fields| environ("/", fields).get("CONTENT_LENGTH").map(Value::into_bytes);
    assert_eq!(length(&[("content-length", "12")]), Some(b"12".to_vec()));
    assert_eq!(length(&[("content-length", "1x")]), None);
    let coded = environ("/", &[("content-length", "12"), ("transfer-encoding", "chunked")]);
    assert!(!coded.contains("CONTENT_LENGTH"));
    assert_eq!(coded.content_length(), None);
}

#[test]
fn w_32_w_33_server_name_and_port_are_never_empty() {
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 8000));
    let unix = || Connection::new().with_server(Path::new("/run/app.sock"));
    let name = |name: &str| Connection::new().with_server(ServerAddr::Name(Arc::from(name), 81));
    for (connection, host, server, port) in [
        (Connection::new().with_server(SocketAddr::from(([127, 0, 0, 1], 8000))), "x:1", "127.0.0.1", "8000"),
        (Connection::new().with_server(v6), "x", "[::1]", "8000"),
        (name("example.org"), "x", "example.org", "81"),
        (name("::1"), "x", "[::1]", "81"),
        (name("[::1]"), "x", "[::1]", "81"),
        (name(""), "x:9", "x", "9"),
        (unix(), "x:9", "x", "9"),
        (unix(), "[::2]:9", "[::2]", "9"),
        (unix(), "[::2]", "[::2]", "80"),
        (unix(), "x:", "x", "80"),
        (unix(), "", "localhost", "80"),
        (unix(), ":9", "localhost", "80"),
        (unix(), "x:y", "localhost", "80"),
        (unix(), "[::2", "localhost", "80"),
        (unix(), "[::2]9", "localhost", "80"),
        (unix(), "a:b:1", "localhost", "80"),
        (Connection::new().with_secure(true), "x", "x", "443"),
    ] {
        let environ = on(connection, &[("host", host)]);
        check(
            &environ,
            &[("SERVER_NAME", Some(server)), ("SERVER_PORT", Some(port)), ("HTTP_HOST", Some(host))],
        );
    }
    check(&on(unix(), &[]), &[("SERVER_NAME", Some("localhost")), ("SERVER_PORT", Some("80"))]);
}

#[test]
fn w_37_repeated_fields_are_joined_in_order() {
    let environ = environ(
        "/",
        &[
            ("x-a", "1"),
            ("cookie", "a=1"),
            ("X-A", "2, 3"),
            ("cookie", "b=2"),
            ("x-a", "4"),
            ("host", "one"),
            ("host", "two"),
            ("content-type", "a/b"),
            ("content-type", "c/d"),
        ],
    );
    check(
        &environ,
        &[
            ("HTTP_X_A", Some("1,2, 3,4")),
            ("HTTP_COOKIE", Some("a=1; b=2")),
            ("HTTP_HOST", Some("one")),
            ("CONTENT_TYPE", Some("a/b")),
        ],
    );
}

/// W-39: fields about the connection are shown.
#[test]
fn w_35_w_36_w_38_fields_are_seen_under_one_name_only() {
    let long = format!("x-{}", "y".repeat(99));
    let environ = environ(
        "/",
        &[
            ("x_foo", "underscore"),
            ("x-foo", "hyphen"),
            ("x.bar", "dot"),
            ("content-type", "a/b"),
            ("proxy", "evil"),
            ("upgrade", "h2c"),
            (&long, "long"),
        ],
    );
    check(
        &environ,
        &[
            ("HTTP_X_FOO", Some("hyphen")),
            ("HTTP_X.BAR", None),
            ("HTTP_X_BAR", None),
            ("HTTP_x_foo", None),
            ("HTTP_CONTENT_TYPE", None),
            ("HTTP_CONTENT_LENGTH", None),
            ("HTTP_PROXY", None),
            ("HTTP_UPGRADE", Some("h2c")),
            (&format!("HTTP_X_{}", "Y".repeat(99)), Some("long")),
            (&format!("HTTP_X_{}", "Y".repeat(98)), None),
            ("HTTP_", None),
            ("", None),
        ],
    );
    let fields: Vec<_> =
        environ.iter().map(|(key, _)| key.into_owned()).filter(|key| key.starts_with("HTTP_")).collect();
    assert_eq!(fields.len(), 3, "{fields:?}");
}

/// W-49: the scheme is that of the connection.
#[test]
fn w_40_w_41_connection_is_shown_as_text() {
    let client = SocketAddr::from((Ipv6Addr::LOCALHOST, 5000));
    let environ = on(Connection::new().with_client(client).with_secure(true), &[]);
    check(
        &environ,
        &[
            ("REMOTE_ADDR", Some("::1")),
            ("REMOTE_PORT", Some("5000")),
            ("HTTPS", Some("on")),
            ("wsgi.url_scheme", Some("https")),
        ],
    );
}

/// W-49, W-52, W-53: as the server set them.
#[test]
fn w_47_w_48_w_54_wsgi_variables_are_all_there() {
    let environ = environ("/", &[]).with_multithread(false).with_multiprocess(true).with_run_once(true);
    assert_eq!(environ.version(), (1, 0));
    check(
        &environ,
        &[
            ("wsgi.version", Some("1.0")),
            ("wsgi.url_scheme", Some("http")),
            ("wsgi.multithread", Some("0")),
            ("wsgi.multiprocess", Some("1")),
            ("wsgi.run_once", Some("1")),
            ("wsgi.input_terminated", Some("1")),
        ],
    );
}

#[test]
fn typical_variables_are_read_without_allocation() {
    let client = SocketAddr::from(([10, 0, 0, 1], 5000));
    let connection = Connection::new().with_client(client).with_server(client);
    let environ = on(connection, &[("accept", "*/*"), ("host", "h"), ("content-length", "3")]);
    for key in [
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "CONTENT_LENGTH",
        "HTTP_ACCEPT",
        "HTTP_HOST",
        "SERVER_NAME",
        "SERVER_PORT",
        "REMOTE_ADDR",
        "REMOTE_PORT",
        "wsgi.url_scheme",
    ] {
        assert!(!environ.get(key).unwrap().is_allocated(), "{key}");
    }
}

#[test]
fn w_34_targets_without_a_path_and_versions_are_shown() {
    let connect = Request::connect("example.org:443").version(Version::HTTP_2).body("").unwrap();
    check(
        &Environ::from_request(connect),
        &[
            ("REQUEST_URI", Some("example.org:443")),
            ("SERVER_PROTOCOL", Some("HTTP/2.0")),
            ("PATH_INFO", Some("")),
        ],
    );
    check(&environ("http://h/p?q", &[]), &[("REQUEST_URI", Some("/p?q")), ("PATH_INFO", Some("/p"))]);
    check(&environ("*", &[]), &[("REQUEST_URI", Some("*")), ("PATH_INFO", Some("*"))]);
}

#[test]
fn w_42_verified_user_is_a_variable_until_it_is_set_or_removed_by_hand() {
    let mut environ =
        Environ::from_request(Request::get("/").header("remote-user", "root").body("").unwrap());
    assert!(environ.get("REMOTE_USER").is_none() && environ.get("AUTH_TYPE").is_none());
    environ.head_mut().set_user(Some(crate::RemoteUser::new("ada", "Basic")));
    assert_eq!(environ.get("REMOTE_USER").unwrap(), "ada");
    assert_eq!(environ.iter().filter(|(key, _)| key == "REMOTE_USER" || key == "AUTH_TYPE").count(), 2);
    environ.set("REMOTE_USER", "alan").unwrap();
    assert_eq!(environ.get("REMOTE_USER").unwrap(), "alan");
    assert_eq!(environ.remove("REMOTE_USER").unwrap(), "alan");
    assert!(environ.get("REMOTE_USER").is_none());
}

#[test]
fn h_111_w_32_name_of_the_server_is_the_host_that_a_mount_goes_by() {
    for (target, hosts, name, port) in [
        ("http://b:81/", &["a"][..], "b", "81"),
        ("/", &["a:82"], "a", "82"),
        ("/", &["a", "b"], "localhost", "80"),
    ] {
        let request = hosts.iter().fold(Request::get(target), |request, host| request.header("host", *host));
        let environ = Environ::from_request(request.body("").unwrap());
        check(&environ, &[("SERVER_NAME", Some(name)), ("SERVER_PORT", Some(port))]);
    }
}

#[test]
fn w_42_port_that_nobody_told_is_left_out() {
    let mut environ = Environ::from_request(Request::get("/").body("").unwrap());
    environ.head_mut().connection_mut().set_client(Some("192.0.2.7:0".parse().unwrap()));
    assert_eq!(environ.get("REMOTE_ADDR").unwrap(), "192.0.2.7");
    assert!(environ.get("REMOTE_PORT").is_none());
}
