//! What a head promises.

use http::Request;

use super::*;

fn head(target: &str) -> RequestHead {
    RequestHead::new(Request::get(target).body(()).unwrap().into_parts().0)
}

/// W-23, A-147: the rest is empty only where the mount point is all of the path; that stays whole.
#[test]
fn w_26_root_path_and_path_info_are_the_whole_path_at_every_mount() {
    let mut head = head("/a/b/c?x");
    for (len, root, rest) in [(2, "/a", "/b/c"), (0, "/a", "/b/c"), (4, "/a/b/c", "")] {
        head.mount(len).unwrap();
        assert_eq!((head.root_path(), head.path_info()), (root, rest));
        assert_eq!(format!("{}{}", head.root_path(), head.path_info()), head.raw_path());
    }
}

#[test]
fn a_151_mount_ends_at_a_segment_border_only() {
    let mut head = head("/apiary/x/");
    for len in [1, 4, 8, 10, 99] {
        assert!(head.mount(len).is_err(), "{len}");
        assert_eq!(head.root_path(), "");
    }
    head.mount(7).unwrap();
    head.mount(2).unwrap();
    assert_eq!(head.path_info(), "/");
}

/// what is text is decoded.
#[test]
fn a_22_path_that_is_not_text_is_an_error_and_raw_path_keeps_it() {
    for target in ["/%FF", "/%", "/a%2"] {
        assert!(head(target).path().is_err(), "{target}");
        assert_eq!(head(target).raw_path(), target);
    }
    assert_eq!(head("/caf%C3%A9").path().unwrap(), "/café");
}

#[test]
fn w_161_set_target_changes_all_or_nothing() {
    let mut head = head("/a/b?q=1");
    head.mount(2).unwrap();
    assert!(head.set_target("/x", "y", "").is_err());
    assert!(head.set_target("/x/", "/y", "").is_err());
    assert!(head.set_target("/x", "/y z", "").is_err());
    assert_eq!((head.root_path(), head.path_info(), head.query_string()), ("/a", "/b", "q=1"));
    head.set_target("/x", "/y", "").unwrap();
    assert_eq!((head.root_path(), head.path_info(), head.query_string()), ("/x", "/y", ""));
}

#[test]
fn h_43_content_length_is_digits_that_fit() {
    for (text, length) in [
        ("0", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("", None),
        ("+1", None),
        ("1 ", None),
        ("0x1", None),
    ] {
        assert_eq!(parse_length(text.as_bytes()), length, "{text:?}");
    }
}

#[test]
fn a_34_changing_one_requests_connection_leaves_the_others() {
    let one = head("/");
    let mut two = one.clone();
    two.connection_mut().set_secure(true);
    assert!(two.is_secure() && !one.is_secure());
}

#[test]
fn h_12_h_111_set_host_changes_field_and_target_together() {
    let mut relative = head("/a?q");
    relative.set_host("example.org:8080").unwrap();
    assert_eq!(relative.headers()["host"], "example.org:8080");
    assert_eq!(relative.uri(), "/a?q");
    let mut absolute = head("http://evil.test/a?q");
    absolute.set_host("[::1]:80").unwrap();
    assert_eq!(absolute.headers()["host"], "[::1]:80");
    assert_eq!(absolute.uri(), "http://[::1]:80/a?q");
}

#[test]
fn h_18_h_19_set_host_refuses_what_is_no_host_and_changes_nothing() {
    let long = "a.".repeat(200);
    for host in
        ["", "a b", "a,b", "u@a", "a/b", "a:b", "[::1", "[x]", "::1", "a..b", "a..", ".", "a:99999", &long]
    {
        let mut head = head("http://a/");
        assert!(head.set_host(host).is_err(), "{host}");
        assert_eq!(head.uri(), "http://a/");
        assert!(!head.headers().contains_key("host"));
    }
}

#[test]
fn h_12_set_host_leaves_out_what_makes_no_difference() {
    for (host, stored) in [
        ("example.org.", "example.org"),
        ("example.org.:80", "example.org:80"),
        ("a:", "a"),
        ("[::1]:", "[::1]"),
        ("EXAMPLE.org:443", "EXAMPLE.org:443"),
    ] {
        let mut head = head("http://a/");
        head.set_host(host).unwrap();
        assert_eq!(head.headers()["host"], stored);
        assert_eq!(head.uri().authority().unwrap(), stored);
    }
}

#[test]
fn a_20_w_49_set_secure_changes_connection_and_target_together() {
    for (target, secure, changed) in [
        ("/a?q", true, "/a?q"),
        ("http://a:1/b?q", true, "https://a:1/b?q"),
        ("https://a/", false, "http://a/"),
        ("ws://a/", true, "wss://a/"),
        ("ftp://a/", true, "ftp://a/"),
    ] {
        let mut head = head(target);
        head.set_secure(secure);
        assert_eq!((head.is_secure(), head.uri().to_string()), (secure, changed.to_owned()));
    }
}

#[test]
fn w_42_user_goes_through_parts_and_nobody_elses_word_does() {
    let mut verified = head("/");
    verified.extensions_mut().insert(RemoteUser::new("mallory", "none"));
    assert!(verified.user().is_none());
    verified.set_user(Some(RemoteUser::new("ada", "Basic")));
    let head = RequestHead::new(verified.clone().into_parts());
    assert_eq!(head.user().map(RemoteUser::name), Some("ada"));
    verified.set_user(None);
    assert!(verified.into_parts().extensions.get::<RemoteUser>().is_none());
}

#[test]
fn w_42_nobody_is_verified_until_someone_says_so() {
    let mut head = head("/");
    assert!(head.user().is_none());
    head.set_user(Some(RemoteUser::new("ada", "Basic")));
    assert_eq!(head.user().map(RemoteUser::name), Some("ada"));
    head.set_user(None);
    assert!(head.user().is_none());
}

#[test]
fn user_adds_one_pointer_to_a_head() {
    assert_eq!(size_of::<Option<RemoteUser>>(), size_of::<usize>());
}
