//! Paths: decoding, mount points, and the application that a path leads to.
//!
//! Input, a line each: a target, a prefix, and a mount point, a path and a query to replace it by.

use gateway_iface::middleware::Mount;
use gateway_iface::testing::WsgiClient;
use gateway_iface::wsgi::{Body, Environ, Input, StartResponse};
use gateway_iface::{Error, RequestHead};
use http::{Request, Uri};

use crate::input::lines;

/// Checks what must hold for every path.
pub(crate) fn check(data: &[u8]) {
    let mut lines = lines(data).map(|line| std::str::from_utf8(line).unwrap_or_default());
    let mut line = || lines.next().unwrap_or_default();
    let Ok(target) = line().parse::<Uri>() else {
        return;
    };
    let prefix = line();
    check_decoding(&target);
    check_mount_points(&target);
    check_mount_at(&target, prefix);
    check_mount(&target, prefix);
    check_replacement(&target, [line(), line(), line()]);
}

fn head(target: &Uri) -> RequestHead {
    let mut request = Request::new(());
    *request.uri_mut() = target.clone();
    RequestHead::new(request.into_parts().0)
}

/// W-22 to W-26: decoded once, and an invalid path is an error and not another path.
fn check_decoding(target: &Uri) {
    let head = head(target);
    let octets = decode(target.path());
    let text = well_formed(target.path()).then(|| String::from_utf8(octets.clone()).ok()).flatten();
    assert_eq!(head.path().ok().map(|text| text.into_owned()), text, "{target}");
    let environ = Environ::new(Box::new(head), Input::empty());
    assert_eq!(environ.get("SCRIPT_NAME").expect("it is always there"), "");
    assert_eq!(environ.get("PATH_INFO").expect("it is always there").as_bytes(), octets, "{target}");
}

/// A-147, W-160: a mount point is at a border of segments, and takes nothing from the path.
fn check_mount_points(target: &Uri) {
    let path = target.path();
    for len in 0..=path.len() + 1 {
        let mut head = head(target);
        let parts = path.get(..len).zip(path.get(len..));
        let fits = parts.is_some_and(|(root, rest)| {
            len == 0 && (rest.is_empty() || rest.starts_with('/'))
                || root.starts_with('/') && !root.ends_with('/') && (rest.is_empty() || rest.starts_with('/'))
        });
        assert_eq!(head.mount(len).is_ok(), fits, "{path} at {len}");
        let (root, rest) = parts.filter(|_| fits).unwrap_or(("", path));
        assert_eq!((head.root_path(), head.path_info(), head.raw_path()), (root, rest, path), "at {len}");
    }
}

fn check_mount_at(target: &Uri, prefix: &str) {
    let mut head = head(target);
    if head.mount_at(prefix) {
        assert_eq!(head.root_path(), prefix);
        assert_eq!(format!("{}{}", head.root_path(), head.path_info()), target.path());
        assert!(!prefix.ends_with('/'), "{prefix}");
        assert!(matches!(head.path_info().bytes().next(), None | Some(b'/')), "{target} at {prefix}");
    } else {
        assert_eq!((head.root_path(), head.path_info()), ("", target.path()));
    }
}

/// A-151, W-161: the application gets the paths below its prefix and no others.
fn check_mount(target: &Uri, prefix: &str) {
    let show = |environ: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
        start_response.text(200, format!("{}\n{}", environ.root_path(), environ.path_info()).into())
    };
    let Ok(mount) = Mount::wsgi().at(prefix, show) else {
        return;
    };
    let mut request = Request::new("");
    *request.uri_mut() = target.clone();
    let response = WsgiClient::new(mount).request(request).expect("the application answers");
    let path = target.path();
    match below(prefix, path) {
        Some(len) => assert_eq!(response.text(), format!("{}\n{}", &path[..len], &path[len..]), "{path}"),
        None => assert_eq!(response.status(), 404, "{path} is not below {prefix}"),
    }
}

/// W-161: both halves and the query are as they were given, or nothing changes.
fn check_replacement(target: &Uri, [root, path, query]: [&str; 3]) {
    let mut head = head(target);
    if head.set_target(root, path, query).is_err() {
        assert_eq!(head.uri(), target);
        assert_eq!(head.root_path(), "");
        return;
    }
    // What follows a `?` or a `#` is no part of a path, and a path of nothing is that of the root.
    let elsewhere = [root, path, query].iter().any(|text| text.contains(['?', '#']));
    let of_nothing = root.is_empty() && path.is_empty();
    if !elsewhere && !of_nothing {
        assert_eq!((head.root_path(), head.path_info(), head.query_string()), (root, path, query));
    }
    assert_eq!(format!("{}{}", head.root_path(), head.path_info()), head.raw_path());
}

/// The model of a mount: how much of a path its prefix is, by lists of decoded segments.
fn below(prefix: &str, path: &str) -> Option<usize> {
    let prefix = prefix.strip_prefix('/').unwrap_or(prefix);
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let wanted: Vec<_> = prefix.split('/').filter(|_| !prefix.is_empty()).map(decode).collect();
    let mut segments = path.split('/');
    if segments.next() != Some("") {
        return (path.is_empty() && wanted.is_empty()).then_some(0);
    }
    let mut len = 0;
    for wanted in wanted {
        let segment = segments.next()?;
        if !well_formed(segment) || decode(segment) != wanted {
            return None;
        }
        len += 1 + segment.len();
    }
    Some(len)
}

/// The model of the decoder.
fn decode(text: &str) -> Vec<u8> {
    let (octets, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < octets.len() {
        match hex(octets, at) {
            Some(octet) => {
                decoded.push(octet);
                at += 3;
            }
            None => {
                decoded.push(octets[at]);
                at += 1;
            }
        }
    }
    decoded
}

fn well_formed(text: &str) -> bool {
    let octets = text.as_bytes();
    (0..octets.len()).all(|at| octets[at] != b'%' || hex(octets, at).is_some())
}

/// The octet of the escape that begins here.
fn hex(octets: &[u8], at: usize) -> Option<u8> {
    let digits = octets.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    let digits = std::str::from_utf8(digits).ok().filter(|_| octets[at] == b'%')?;
    u8::from_str_radix(digits, 16).ok()
}
