//! Changing variables: the pieces of the request where they stand behind one, else an overlay.

use std::collections::BTreeMap;

use http::{HeaderValue, Method, header};

use super::cgi_keys::header_name;
use super::cgi_view::{self, KEYS};
use super::peer_keys::is_peer_key;
use super::{Environ, Value};
use crate::path;
use crate::request::InvalidMount;

/// What was set, and what was removed (`None`), by hand.
pub(super) type Overlay = BTreeMap<String, Option<Vec<u8>>>;

impl Environ {
    /// Sets a variable (W-04, W-05, W-58).
    ///
    /// `REQUEST_METHOD`, `SCRIPT_NAME`, `PATH_INFO`, `QUERY_STRING`, `CONTENT_TYPE`,
    /// `CONTENT_LENGTH`, `REMOTE_USER`, `AUTH_TYPE`, `REMOTE_ADDR`, `REMOTE_PORT`, `HTTPS`, `HTTP_…` and `wsgi.…`
    /// change the request's own pieces, so the typed accessors agree, and what is verified later is seen; every
    /// other key is kept as it is. Paths are given decoded. A scheme waits for its user, and a port for its
    /// address; `HTTPS` is `on`, `1`, `off`, `0` or empty.
    /// Setting `CONTENT_LENGTH` says that the input has that length, so it removes
    /// `transfer-encoding`.
    ///
    /// # Errors
    ///
    /// [`InvalidVariable`], and nothing changes, when the piece cannot hold the value: a method that
    /// is no token, a header with control characters, paths that do not meet at a segment border
    /// (W-26), a user that is not UTF-8, an address that is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::http::Request;
    /// use gateway_iface::wsgi::Environ;
    ///
    /// let mut environ = Environ::from_request(Request::get("/a/b").body("").unwrap());
    /// environ.set("SCRIPT_NAME", "/a")?;
    /// environ.set("PATH_INFO", "/b")?;
    /// environ.set("REMOTE_USER", "ada")?;
    /// assert_eq!(environ.root_path(), "/a");
    /// assert_eq!(environ.get("REMOTE_USER").unwrap(), "ada");
    /// assert!(environ.set("PATH_INFO", "no slash").is_err());
    /// # Ok::<(), gateway_iface::Error>(())
    /// ```
    pub fn set(&mut self, key: &str, value: impl Into<Vec<u8>>) -> Result<(), InvalidVariable> {
        let value = value.into();
        let written = match key {
            "SCRIPT_NAME" | "PATH_INFO" => return self.set_path(key, &value).ok_or_else(|| invalid(key)),
            "REQUEST_METHOD" => {
                Method::from_bytes(&value).ok().map(|method| self.head_mut().set_method(method))
            }
            "QUERY_STRING" => self.set_query(&value),
            "CONTENT_TYPE" => HeaderValue::from_bytes(&value).ok().map(|value| {
                self.head_mut().headers_mut().insert(header::CONTENT_TYPE, value);
            }),
            "CONTENT_LENGTH" => match self.set_content_length(&value) {
                // No length at all, which the key shows by being empty (W-30).
                Some(false) => return self.overlay_insert(key, Some(value)),
                written => written.map(|_| ()),
            },
            "wsgi.url_scheme" | "wsgi.multithread" | "wsgi.multiprocess" | "wsgi.run_once" => {
                self.set_flag(key, &value)
            }
            _ if is_peer_key(key) => match self.set_peer(key, &value) {
                Some(false) => return self.overlay_insert(key, Some(value)),
                written => written.map(|_| ()),
            },
            _ => match header_name(key) {
                Some(name) => HeaderValue::from_bytes(&value).ok().map(|value| {
                    self.head_mut().headers_mut().insert(name, value);
                }),
                None => return self.overlay_insert(key, Some(value)),
            },
        };
        written.ok_or_else(|| invalid(key))?;
        if let Some(overlay) = self.overlay_mut() {
            overlay.remove(key);
        }
        Ok(())
    }

    /// Removes a variable and gives its value back (W-04).
    ///
    /// Header fields are removed from the request, and so are user, address and `HTTPS`. What a request cannot
    /// be without (the method, the path) is only hidden here, until it is set again; the typed accessors go on
    /// to show it.
    pub fn remove(&mut self, key: &str) -> Option<Value<'static>> {
        let old = self.get(key).map(Value::into_owned);
        let name = match key {
            "CONTENT_TYPE" => Some(header::CONTENT_TYPE),
            "CONTENT_LENGTH" => Some(header::CONTENT_LENGTH),
            _ => header_name(key),
        };
        if let Some(name) = name {
            self.head_mut().headers_mut().remove(name);
        }
        self.remove_peer(key);
        if let Some(overlay) = self.overlay_mut() {
            overlay.remove(key);
        }
        if KEYS.contains(&key) && cgi_view::derive(self, key).is_some() {
            self.overlay_or_default().insert(key.to_owned(), None);
        }
        old
    }

    /// Removes every variable, as [`remove`](Self::remove) does (W-04).
    pub fn clear(&mut self) {
        self.head_mut().headers_mut().clear();
        KEYS.iter().for_each(|key| self.remove_peer(key));
        let overlay = self.overlay_or_default();
        overlay.clear();
        let hidden = KEYS.iter().filter(|key| !is_peer_key(key));
        overlay.extend(hidden.map(|&key| (key.to_owned(), None)));
    }

    fn overlay_insert(&mut self, key: &str, value: Option<Vec<u8>>) -> Result<(), InvalidVariable> {
        self.overlay_or_default().insert(key.to_owned(), value);
        Ok(())
    }

    /// Both halves of the path change together, so that they stay the whole (W-26, W-161).
    ///
    /// A path that is empty as a whole is none of HTTP's, so it is kept in the overlay until the other
    /// half comes.
    pub(super) fn set_path(&mut self, key: &str, value: &[u8]) -> Option<()> {
        let is_root = key == "SCRIPT_NAME";
        let mut encoded = String::new();
        path::encode_into(&mut encoded, value, KEEP);
        let other_key = if is_root { "PATH_INFO" } else { "SCRIPT_NAME" };
        let head = self.head();
        let other = match self.overlay().and_then(|overlay| overlay.get(other_key)) {
            // Hidden or set empty: either way it counts as empty (W-156).
            Some(_) => String::new(),
            None if is_root => head.path_info().to_owned(),
            None => head.root_path().to_owned(),
        };
        let (root, rest) = if is_root { (encoded, other) } else { (other, encoded) };
        let query = head.query_string().to_owned();
        let nothing = root.is_empty() && rest.is_empty();
        self.retarget(&root, if nothing { "/" } else { &rest }, &query).ok()?;
        if let Some(overlay) = self.overlay_mut() {
            overlay.remove(key);
            overlay.retain(|key, value| key != other_key || value.is_none());
        }
        if nothing {
            let overlay = self.overlay_or_default();
            overlay.entry("PATH_INFO".to_owned()).or_insert_with(|| Some(Vec::new()));
        }
        Some(())
    }

    fn set_query(&mut self, value: &[u8]) -> Option<()> {
        let query = std::str::from_utf8(value).ok()?;
        if query.contains('#') {
            return None;
        }
        let (root, rest) = (self.root_path().to_owned(), self.path_info().to_owned());
        self.retarget(&root, &rest, query).ok()
    }

    fn retarget(&mut self, root: &str, rest: &str, query: &str) -> Result<(), InvalidMount> {
        self.head_mut().set_target(root, rest, query)
    }

    /// Whether there is a length afterwards; `None` if the value is not valid.
    fn set_content_length(&mut self, value: &[u8]) -> Option<bool> {
        if value.is_empty() {
            self.head_mut().headers_mut().remove(header::CONTENT_LENGTH);
            return Some(false);
        }
        crate::request::parse_length(value)?;
        let value = HeaderValue::from_bytes(value).ok()?;
        let headers = self.head_mut().headers_mut();
        headers.insert(header::CONTENT_LENGTH, value);
        headers.remove(header::TRANSFER_ENCODING);
        Some(true)
    }

    fn set_flag(&mut self, key: &str, value: &[u8]) -> Option<()> {
        let set = match (key, value) {
            ("wsgi.url_scheme", b"https") => true,
            ("wsgi.url_scheme", b"http") => false,
            ("wsgi.url_scheme", _) => return None,
            (_, b"1") => true,
            (_, b"0") => false,
            _ => return None,
        };
        match key {
            "wsgi.url_scheme" => self.head_mut().set_secure(set),
            "wsgi.multithread" => self.set_multithread(set),
            "wsgi.multiprocess" => self.set_multiprocess(set),
            _ => self.set_run_once(set),
        }
        Some(())
    }
}

/// The variable cannot have this value.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{key}` cannot have this value")]
pub struct InvalidVariable {
    key: String,
}

impl InvalidVariable {
    /// The name of the variable.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn invalid(key: &str) -> InvalidVariable {
    InvalidVariable { key: key.to_owned() }
}

/// What a path segment may hold unencoded besides letters, digits and `_.-~`.
const KEEP: &[u8] = b"!$&'()*+,;=:@";

#[cfg(test)]
#[path = "overlay_tests.rs"]
mod tests;
