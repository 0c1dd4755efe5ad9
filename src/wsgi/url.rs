//! The URL of a request, and moving along its path.

use super::{Environ, Value};
use crate::path;

impl Environ {
    /// The URL of the request, as far as it can be told (W-156, W-157).
    ///
    /// A `host` field is taken as it is; only without one do `SERVER_NAME` and `SERVER_PORT` count.
    ///
    /// ```
    /// use gateway_iface::http::Request;
    /// use gateway_iface::wsgi::Environ;
    ///
    /// let request = Request::get("/a%20b?q=1").header("host", "example.org:8080").body("").unwrap();
    /// let mut environ = Environ::from_request(request);
    /// assert_eq!(environ.url(), "http://example.org:8080/a%20b?q=1");
    /// assert_eq!(environ.application_url(), "http://example.org:8080/");
    /// ```
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = self.origin();
        self.push_quoted(&mut url, "SCRIPT_NAME", b"");
        self.push_quoted(&mut url, "PATH_INFO", b"");
        self.push_query(&mut url);
        url
    }

    /// The URL of the application: without `PATH_INFO` and query, and `/` at the root (W-158).
    #[must_use]
    pub fn application_url(&self) -> String {
        let mut url = self.origin();
        if self.is_empty("SCRIPT_NAME") {
            url.push('/');
        }
        self.push_quoted(&mut url, "SCRIPT_NAME", b"");
        url
    }

    /// The URL of the request with `;`, `=` and `,` left in `PATH_INFO`; at least `/` (W-157, W-158).
    #[must_use]
    pub fn request_url(&self) -> String {
        let mut url = self.origin();
        if self.is_empty("SCRIPT_NAME") && self.is_empty("PATH_INFO") {
            url.push('/');
        }
        self.push_quoted(&mut url, "SCRIPT_NAME", b"");
        self.push_quoted(&mut url, "PATH_INFO", b";=,");
        self.push_query(&mut url);
        url
    }

    /// Moves the first segment of `PATH_INFO` to `SCRIPT_NAME` and returns it, decoded (W-160).
    ///
    /// Empty segments and `.` before it move along, so that both together stay the path as it was
    /// (W-26). When nothing else is left it returns `None` and moves nothing: other than with Python's
    /// `shift_path_info`, `SCRIPT_NAME` never gets a trailing `/` (A-151), and a trailing `/` stays in
    /// `PATH_INFO`.
    ///
    /// ```
    /// use gateway_iface::http::Request;
    /// use gateway_iface::wsgi::Environ;
    ///
    /// let mut environ = Environ::from_request(Request::get("/a/b").body("").unwrap());
    /// assert_eq!(environ.shift_path_info().unwrap(), "a");
    /// assert_eq!((environ.root_path(), environ.path_info()), ("/a", "/b"));
    /// ```
    pub fn shift_path_info(&mut self) -> Option<Value<'static>> {
        if self.is_empty("PATH_INFO") {
            return None;
        }
        let mut end = 0;
        let mut segments = self.path_info().split('/');
        // What stands before the first `/` is no segment.
        segments.next();
        let segment = loop {
            let raw = segments.next()?;
            end += 1 + raw.len();
            let segment = path::decode(raw);
            if !matches!(&*segment, b"" | b".") {
                break Value::cow(segment).into_owned();
            }
        };
        self.head_mut().mount(end).ok()?;
        if let Some(overlay) = self.overlay_mut() {
            overlay.remove("SCRIPT_NAME");
        }
        Some(segment)
    }

    fn is_empty(&self, key: &str) -> bool {
        self.get(key).is_none_or(|value| value.is_empty())
    }

    fn origin(&self) -> String {
        let get = |key| self.get(key).filter(|value| !value.is_empty());
        let scheme = get("wsgi.url_scheme").unwrap_or(Value::borrowed(b"http"));
        let mut url = format!("{}://", scheme.latin1());
        if let Some(host) = get("HTTP_HOST") {
            url.push_str(&host.latin1());
            return url;
        }
        let default = if scheme == "https" { "443" } else { "80" };
        if let Some(name) = get("SERVER_NAME") {
            url.push_str(&name.latin1());
        }
        if let Some(port) = get("SERVER_PORT").filter(|port| *port != default) {
            url.push(':');
            url.push_str(&port.latin1());
        }
        url
    }

    fn push_quoted(&self, url: &mut String, key: &str, keep: &[u8]) {
        if let Some(value) = self.get(key) {
            path::encode_into(url, value.as_bytes(), keep);
        }
    }

    fn push_query(&self, url: &mut String) {
        if let Some(query) = self.get("QUERY_STRING").filter(|query| !query.is_empty()) {
            url.push('?');
            url.push_str(&query.latin1());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Request;

    use super::*;
    use crate::connection::ServerAddr;

    fn environ(target: &str) -> Environ {
        Environ::from_request(Request::get(target).body("").unwrap())
    }

    #[test]
    fn w_159_vectors() {
        for (secure, port, url) in [
            (false, 80, "http://a/x"),
            (false, 8080, "http://a:8080/x"),
            (true, 443, "https://a/x"),
            (true, 80, "https://a:80/x"),
        ] {
            let mut environ = environ("/x");
            let connection = environ.head_mut().connection_mut();
            connection.set_secure(secure);
            connection.set_server(Some(ServerAddr::Name(Arc::from("a"), port)));
            assert_eq!(environ.url(), url);
        }
        let mut environ = environ("/?a=b%20c");
        environ.set("HTTP_HOST", "h:1").unwrap();
        environ.set("SCRIPT_NAME", "/s p").unwrap();
        environ.set("PATH_INFO", "/é").unwrap();
        assert_eq!(environ.url(), "http://h:1/s%20p/%C3%A9?a=b%20c");
    }

    #[test]
    fn w_156_missing_variables_count_as_empty() {
        let mut environ = environ("/x?q");
        for key in ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"] {
            environ.remove(key);
        }
        environ.set("HTTP_HOST", "").unwrap();
        assert_eq!(environ.url(), "http://localhost");
        assert_eq!(environ.request_url(), "http://localhost/");
    }

    #[test]
    fn w_157_w_158_helpers_quote_and_join_with_one_slash() {
        let mut environ = environ("/a;b=c,d%E3%81%82?q");
        environ.set("HTTP_HOST", "h").unwrap();
        assert_eq!(environ.url(), "http://h/a%3Bb%3Dc%2Cd%E3%81%82?q");
        assert_eq!(environ.application_url(), "http://h/");
        assert_eq!(environ.request_url(), "http://h/a;b=c,d%E3%81%82?q");
        environ.shift_path_info().unwrap();
        assert_eq!(environ.application_url(), "http://h/a%3Bb%3Dc%2Cd%E3%81%82");
    }

    #[test]
    fn w_160_shift_moves_one_segment_and_skips_empty_and_dot() {
        for (target, name, root, rest) in [
            ("/a/b", "a", "/a", "/b"),
            ("/a", "a", "/a", ""),
            ("/a/", "a", "/a", "/"),
            ("//./%2e/a//b", "a", "//./%2e/a", "//b"),
            ("/a%20b/c", "a b", "/a%20b", "/c"),
        ] {
            let mut environ = environ(target);
            assert_eq!(environ.shift_path_info().unwrap(), name, "{target}");
            assert_eq!((environ.root_path(), environ.path_info()), (root, rest), "{target}");
        }
    }

    #[test]
    fn w_26_w_160_shift_ends_and_leaves_a_trailing_slash() {
        for target in ["/", "/.", "//", "/./"] {
            let mut environ = environ(target);
            assert!(environ.shift_path_info().is_none(), "{target}");
            assert_eq!((environ.root_path(), environ.path_info()), ("", target));
        }
        let mut environ = environ("/a");
        assert!(environ.shift_path_info().is_some() && environ.shift_path_info().is_none());
        environ.remove("PATH_INFO");
        assert!(environ.shift_path_info().is_none());
    }
}
