//! What was found out from trusted proxies.

use std::net::SocketAddr;

use crate::host;
use crate::path;
use crate::request::RequestHead;

/// What trusted proxies say; each is as the connection has it where nobody says so.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Verified {
    /// The client, or that nobody tells who it is.
    pub(super) client: Option<Option<SocketAddr>>,
    pub(super) secure: Option<bool>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) prefix: Option<String>,
}

impl Verified {
    /// Changes a head accordingly; what is not valid is left out.
    pub(super) fn apply(self, head: &mut RequestHead) {
        if let Some(client) = self.client.filter(|client| *client != head.client()) {
            head.connection_mut().set_client(client);
        }
        if let Some(secure) = self.secure {
            head.set_secure(secure);
        }
        if let Some(host) = self.host {
            // One that is none stays what it was.
            let _ = head.set_host(&host);
        }
        if let Some(host) = self.port.and_then(|port| with_port(head, port)) {
            let _ = head.set_host(&host);
        }
        if let Some(prefix) = self.prefix {
            prepend(head, &prefix);
        }
    }
}

/// What a proxy says the scheme was.
pub(super) fn is_secure(scheme: &str) -> Option<bool> {
    let is = |name| scheme.eq_ignore_ascii_case(name);
    if is("https") || is("wss") {
        Some(true)
    } else if is("http") || is("ws") {
        Some(false)
    } else {
        None
    }
}

/// The host that was asked for, at that port, which is not written where it is the scheme's own.
fn with_port(head: &RequestHead, port: u16) -> Option<String> {
    let (name, _) = host::split(host::requested(head)?)?;
    let default = if head.is_secure() { 443 } else { 80 };
    Some(if port == default { name.to_owned() } else { format!("{name}:{port}") })
}

/// Puts back what a proxy has taken off the path, as part of the mount point (W-26).
fn prepend(head: &mut RequestHead, prefix: &str) {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if !is_prefix(prefix) || !head.raw_path().starts_with('/') {
        return;
    }
    let root = format!("{prefix}{}", head.root_path());
    let (rest, query) = (head.path_info().to_owned(), head.query_string().to_owned());
    // One that does not fit is left out.
    let _ = head.set_target(&root, &rest, &query);
}

/// Whether it is segments of a path that lead nowhere else.
fn is_prefix(prefix: &str) -> bool {
    let Some(segments) = prefix.strip_prefix('/') else {
        return false;
    };
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&octet);
    prefix.bytes().all(plain)
        && path::is_well_formed(prefix)
        && segments.split('/').all(|segment| !matches!(&*path::decode(segment), b"" | b"." | b".."))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn applied(target: &str, verified: Verified) -> RequestHead {
        let request = Request::get(target).header("host", "inner").body(()).unwrap();
        let mut head = RequestHead::new(request.into_parts().0);
        verified.apply(&mut head);
        head
    }

    #[test]
    fn h_21_scheme_of_the_target_is_the_one_that_was_verified() {
        let by = |secure| Verified { secure: Some(secure), ..Verified::default() };
        for (target, secure, changed) in
            [("http://h/x", true, "https://h/x"), ("https://h/x", false, "http://h/x"), ("/x", true, "/x")]
        {
            let head = applied(target, by(secure));
            assert_eq!((head.is_secure(), head.uri().to_string()), (secure, changed.to_owned()));
        }
    }

    #[test]
    fn h_12_host_with_a_dot_at_its_end_is_taken() {
        let host = Some("example.org.".to_owned());
        assert_eq!(applied("/", Verified { host, ..Verified::default() }).headers()["host"], "example.org");
    }
}
