use std::collections::BTreeSet;

use http::Request;

use super::*;

fn environ() -> Environ {
    let request =
        Request::post("/a/b?q=1").header("x-a", "1").header("x-a", "2").header("content-type", "a/b");
    Environ::from_request(request.body("body").unwrap())
}

fn text(environ: &Environ, key: &str) -> Option<String> {
    environ.get(key).map(|value| value.latin1().into_owned())
}

#[cfg(unix)]
#[test]
fn w_66_octets_of_the_process_environment_are_kept() {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    let value = OsString::from_vec(b"caf\xE9 \xFF".to_vec());
    let mut environ = Environ::from_request(Request::get("/").body("").unwrap());
    environ.set("X_OWN", value.as_bytes()).unwrap();
    assert_eq!(environ.get("X_OWN").unwrap().as_bytes(), b"caf\xE9 \xFF");
}

#[test]
fn w_04_every_variable_can_be_removed_and_set_again() {
    let mut environ = environ();
    let all: Vec<_> = environ.iter().map(|(key, value)| (key.into_owned(), value.into_bytes())).collect();
    for (key, value) in &all {
        assert_eq!(environ.remove(key).unwrap().into_bytes(), *value, "{key}");
        assert!(!environ.contains(key) && environ.remove(key).is_none(), "{key}");
    }
    assert_eq!(environ.iter().count(), 0);
    for (key, value) in &all {
        environ.set(key, value.clone()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(environ.get(key).unwrap(), value[..], "{key}");
    }
    let again: BTreeSet<_> =
        environ.iter().map(|(key, value)| (key.into_owned(), value.into_bytes())).collect();
    assert_eq!(again, all.into_iter().collect());
    assert_eq!(environ.head().raw_path(), "/a/b");
}

#[test]
fn w_04_cleared_view_is_empty() {
    let mut environ = environ();
    environ.set("x.own", "1").unwrap();
    environ.clear();
    assert_eq!(environ.iter().count(), 0);
    environ.set("PATH_INFO", "/new").unwrap();
    environ.set("HTTP_X_A", "3").unwrap();
    assert_eq!(environ.iter().count(), 2);
    assert_eq!((environ.root_path(), environ.path_info()), ("", "/new"));
}

#[test]
fn w_05_iteration_shows_each_key_once_with_the_value_of_get() {
    let mut environ = environ();
    environ.set("SERVER_NAME", "other").unwrap();
    environ.set("x.own", "1").unwrap();
    environ.remove("SERVER_PORT");
    let keys: Vec<_> = environ.iter().map(|(key, _)| key.into_owned()).collect();
    assert_eq!(keys.len(), keys.iter().collect::<BTreeSet<_>>().len());
    assert!(keys.contains(&"x.own".to_owned()) && !keys.contains(&"SERVER_PORT".to_owned()));
    assert!(environ.iter().all(|(key, value)| environ.get(&key).unwrap() == value));
    assert_eq!(text(&environ, "SERVER_NAME").unwrap(), "other");
}

#[test]
fn setting_writes_through_to_the_typed_pieces() {
    let mut environ = environ();
    for (key, value) in [
        ("REQUEST_METHOD", "PUT"),
        ("QUERY_STRING", "x=%20"),
        ("CONTENT_TYPE", "c/d"),
        ("CONTENT_LENGTH", "9"),
        ("HTTP_X_A", "3"),
        ("wsgi.url_scheme", "https"),
        ("wsgi.multithread", "0"),
        ("wsgi.multiprocess", "1"),
        ("wsgi.run_once", "1"),
    ] {
        environ.set(key, value).unwrap();
        assert_eq!(text(&environ, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!((environ.method(), environ.query_string()), (&Method::PUT, "x=%20"));
    assert_eq!((environ.content_type(), environ.content_length()), (Some(&b"c/d"[..]), Some(9)));
    assert_eq!(environ.headers().get_all("x-a").iter().count(), 1);
    assert!(environ.head().is_secure() && !environ.multithread() && environ.run_once());
    assert_eq!(text(&environ, "HTTPS").as_deref(), Some("on"));
    assert!(environ.overlay().is_none_or(Overlay::is_empty));
}

#[test]
fn w_26_w_161_paths_are_set_decoded_in_either_order() {
    for order in [["SCRIPT_NAME", "PATH_INFO"], ["PATH_INFO", "SCRIPT_NAME"]] {
        for (root, rest) in [("/a", "/b c"), ("/a%", ""), ("", "/é"), ("/x/y", "//z;p=1"), ("", "")] {
            let mut environ = environ();
            for key in order {
                environ.set(key, if key == "SCRIPT_NAME" { root } else { rest }).unwrap();
            }
            assert_eq!(environ.get("SCRIPT_NAME").unwrap(), root, "{root} {rest} {order:?}");
            assert_eq!(environ.get("PATH_INFO").unwrap(), rest, "{root} {rest} {order:?}");
            assert_eq!(environ.query_string(), "q=1");
        }
    }
}

#[test]
fn values_that_the_request_cannot_hold_change_nothing() {
    let mut environ = environ();
    environ.head_mut().mount(2).unwrap();
    let before = format!("{environ:?}");
    for (key, value) in [
        ("REQUEST_METHOD", ""),
        ("REQUEST_METHOD", "G T"),
        ("SCRIPT_NAME", "x"),
        ("SCRIPT_NAME", "/x/"),
        ("PATH_INFO", "x"),
        ("QUERY_STRING", "a#b"),
        ("QUERY_STRING", "a b"),
        ("CONTENT_TYPE", "a\nb"),
        ("CONTENT_LENGTH", "-1"),
        ("CONTENT_LENGTH", "x"),
        ("HTTP_X_A", "\0"),
        ("wsgi.url_scheme", "ftp"),
        ("wsgi.run_once", "yes"),
    ] {
        let error = environ.set(key, value).unwrap_err();
        assert_eq!(error.key(), key);
        assert_eq!(format!("{environ:?}"), before, "{key} {value}");
    }
}

#[test]
fn w_31_setting_a_length_says_that_the_input_is_decoded() {
    let mut environ = environ();
    environ.set("HTTP_TRANSFER_ENCODING", "chunked").unwrap();
    assert!(!environ.contains("CONTENT_LENGTH"));
    environ.set("CONTENT_LENGTH", "4").unwrap();
    assert_eq!((environ.content_length(), environ.contains("HTTP_TRANSFER_ENCODING")), (Some(4), false));
    environ.set("CONTENT_LENGTH", "").unwrap();
    assert_eq!((environ.content_length(), text(&environ, "CONTENT_LENGTH").as_deref()), (None, Some("")));
}

#[test]
fn w_38_keys_that_no_header_can_have_are_kept_beside_them() {
    let mut environ = environ();
    for key in ["HTTP_CONTENT_TYPE", "HTTP_x", "HTTP_", "REMOTE_HOST", "a.b", ""] {
        environ.set(key, b"\xFF".to_vec()).unwrap();
        assert_eq!(environ.get(key).unwrap(), b"\xFF"[..], "{key}");
        assert!(environ.remove(key).is_some() && !environ.contains(key), "{key}");
    }
    assert_eq!(environ.content_type(), Some(&b"a/b"[..]));
}
