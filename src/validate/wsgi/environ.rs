//! What a server tells of a request.

use super::watch::Watch;
use crate::error::Error;
use crate::validate::request_rules;
use crate::validate::session::{Findings, Role};
use crate::wsgi::Environ;

/// Checks the head, the variables, and the length of the input.
pub(super) fn check(watch: &Watch, environ: &mut Environ) -> Result<(), Error> {
    let mut found = Findings::default();
    request_rules::check_head(environ.head(), &mut found);
    check_variables(environ, &mut found);
    if !request_rules::is_upper_case(environ.method()) {
        found.outer("V-08", format!("the method `{}` is not in upper case", environ.method()));
    }
    let announced = environ.content_length();
    if let (Some(announced), Some(there)) = (announced, environ.input().remaining())
        && announced != there
    {
        found.outer("W-30", format!("CONTENT_LENGTH is {announced}, and the input has {there} octets"));
    }
    check_path(watch, environ, &mut found);
    let pair = &watch.session.pair;
    if pair.role() == Role::Inner && !pair.is_linked() {
        found.outer("W-135", "the typed values of the request were not passed on");
    }
    watch.session.tell(found).map_or(Ok(()), |violation| Err(violation.into()))
}

/// Between two validators: a segment may move from the path to the mount prefix, and a prefix that a proxy
/// took off may come in front.
fn check_path(watch: &Watch, environ: &Environ, found: &mut Findings) {
    let path = format!("{}{}", environ.root_path(), environ.path_info());
    watch.session.pair.with(|facts, role| match role {
        Role::Outer => facts.path = Some(path),
        Role::Inner => {
            if let Some(outer) = facts.path.as_ref().filter(|outer| !path.ends_with(outer.as_str())) {
                found.outer("W-26", format!("mount prefix and path were `{outer}`, and are `{path}`"));
            }
        }
        Role::Single => {}
    });
}

fn check_variables(environ: &Environ, found: &mut Findings) {
    for key in ["SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL"] {
        let value = environ.get(key);
        let octets = value.as_ref().map_or(&b""[..], |value| value.as_bytes());
        let (rule, ok) = match key {
            "SERVER_NAME" => ("W-32", request_rules::is_host(octets)),
            "SERVER_PORT" => ("W-33", !octets.is_empty() && octets.iter().all(u8::is_ascii_digit)),
            _ => ("V-09", is_protocol(octets)),
        };
        if !ok {
            found.outer(rule, format!("{key} is `{}`", octets.escape_ascii()));
        }
    }
    for key in ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"] {
        if environ.contains(key) {
            found.outer("W-36", format!("{key} is set"));
        }
    }
    if !environ.contains("QUERY_STRING") {
        found.outer("W-28", "QUERY_STRING is missing");
    }
    for key in ["AUTH_TYPE", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT", "REMOTE_USER"] {
        if environ.get(key).is_some_and(|value| value.as_bytes().is_empty()) {
            found.outer("W-42", format!("{key} is set, and empty"));
        }
    }
}

/// `HTTP/` digit, and `.` digit where there is one.
fn is_protocol(octets: &[u8]) -> bool {
    match octets.strip_prefix(b"HTTP/") {
        Some([major]) => major.is_ascii_digit(),
        Some([major, b'.', minor]) => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}
