//! Changing what a request asks for: mount point, target, host and scheme.

use http::uri::{PathAndQuery, Scheme, Uri};
use http::{HeaderValue, header};

use super::RequestHead;
use crate::host;

impl RequestHead {
    /// Moves the mount point `len` octets further into [`path_info`](Self::path_info) (A-147, W-160, W-161).
    ///
    /// # Errors
    ///
    /// [`InvalidMount`], and nothing changes, unless those octets begin with `/`, do not end with
    /// `/`, and end where a segment ends.
    pub fn mount(&mut self, len: usize) -> Result<(), InvalidMount> {
        let Some((prefix, rest)) = self.path_info().split_at_checked(len) else {
            return Err(InvalidMount);
        };
        let starts = prefix.is_empty() || prefix.starts_with('/');
        let ends = !prefix.ends_with('/') && (rest.is_empty() || rest.starts_with('/'));
        if !(starts && ends) {
            return Err(InvalidMount);
        }
        self.root_len += len;
        Ok(())
    }

    /// Mounts the application at `prefix`, percent-encoded, where [`path_info`](Self::path_info) begins
    /// with it and the two meet at a segment border; whether it did (A-147, A-151).
    ///
    /// ```
    /// # use gateway_iface::RequestHead;
    /// # use gateway_iface::http::Request;
    /// # let (parts, ()) = Request::get("/api/users").body(()).unwrap().into_parts();
    /// # let mut head = RequestHead::new(parts);
    /// assert!(!head.mount_at("/ap"));
    /// assert!(head.mount_at("/api"));
    /// assert_eq!(head.path_info(), "/users");
    /// ```
    pub fn mount_at(&mut self, prefix: &str) -> bool {
        self.path_info().starts_with(prefix) && self.mount(prefix.len()).is_ok()
    }

    /// Replaces mount point, path below it, and query, all percent-encoded (W-161).
    ///
    /// # Errors
    ///
    /// [`InvalidMount`], and nothing changes, when the two do not meet at a segment border or the
    /// result is no request target.
    pub fn set_target(&mut self, root_path: &str, path_info: &str, query: &str) -> Result<(), InvalidMount> {
        let mut target = format!("{root_path}{path_info}");
        if !query.is_empty() {
            target.push('?');
            target.push_str(query);
        }
        let path_and_query = PathAndQuery::try_from(target).map_err(|_| InvalidMount)?;
        let mut uri = self.parts.uri.clone().into_parts();
        uri.path_and_query = Some(path_and_query);
        let uri = Uri::from_parts(uri).map_err(|_| InvalidMount)?;
        let (old_uri, old_len) = (std::mem::replace(&mut self.parts.uri, uri), self.root_len);
        self.root_len = 0;
        if let Err(error) = self.mount(root_path.len()) {
            self.parts.uri = old_uri;
            self.root_len = old_len;
            return Err(error);
        }
        Ok(())
    }

    /// Replaces the host that the client asked for, `name` or `name:port`: the `host` field, and the
    /// authority of the target where it has one, so that the two agree (H-12, H-111).
    ///
    /// A dot at the end of the name, and a colon without a port, are left out.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`], and nothing changes, when it is none (H-18, H-19).
    pub fn set_host(&mut self, host: &str) -> Result<(), InvalidHost> {
        let (name, port) = host::split(host).ok_or(InvalidHost)?;
        let name = name.strip_suffix('.').unwrap_or(name);
        let valid_name = name.len() <= HOST_LIMIT && (host::is_name(name) || host::literal(name).is_some());
        let valid_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
        if !(valid_name && valid_port) {
            return Err(InvalidHost);
        }
        let host = port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let value = HeaderValue::from_str(&host).map_err(|_| InvalidHost)?;
        if self.parts.uri.authority().is_some() {
            let mut uri = self.parts.uri.clone().into_parts();
            uri.authority = Some(host.parse().map_err(|_| InvalidHost)?);
            self.parts.uri = Uri::from_parts(uri).map_err(|_| InvalidHost)?;
        }
        self.parts.headers.insert(header::HOST, value);
        Ok(())
    }

    /// Says whether the client is connected by TLS: the connection of this request, and the scheme of the target
    /// where it has one, so that the two agree (A-20, W-49).
    ///
    /// ```
    /// # use gateway_iface::RequestHead;
    /// # use gateway_iface::http::Request;
    /// # let (parts, ()) = Request::get("http://example.org/x").body(()).unwrap().into_parts();
    /// # let mut head = RequestHead::new(parts);
    /// head.set_secure(true);
    /// assert!(head.is_secure());
    /// assert_eq!(head.uri(), "https://example.org/x");
    /// ```
    pub fn set_secure(&mut self, secure: bool) {
        if self.is_secure() != secure {
            self.connection_mut().set_secure(secure);
        }
        let scheme = match (self.parts.uri.scheme_str(), secure) {
            (Some("http"), true) => "https",
            (Some("https"), false) => "http",
            (Some("ws"), true) => "wss",
            (Some("wss"), false) => "ws",
            _ => return,
        };
        let mut uri = self.parts.uri.clone().into_parts();
        uri.scheme = Scheme::try_from(scheme).ok();
        // Nothing but the scheme is another, so it stays valid.
        if let Ok(uri) = Uri::from_parts(uri) {
            self.parts.uri = uri;
        }
    }
}

/// A mount point that does not end at a segment border of the path.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a mount point begins with `/`, does not end with `/`, and ends where a path segment ends")]
#[non_exhaustive]
pub struct InvalidMount;

/// A text that is no host: a name or an address, and a port if need be.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a host is a name or an address, and a port if need be")]
#[non_exhaustive]
pub struct InvalidHost;

/// No name in the DNS is longer, in octets.
const HOST_LIMIT: usize = 255;
