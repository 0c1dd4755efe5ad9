//! Where to listen, as text.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen, as an operator writes it.
///
/// | text | meaning |
/// |---|---|
/// | `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`, each also after `http://` | TCP |
/// | `https://[::]:8443` | TLS over TCP |
/// | `unix:/run/app.sock` | a unix socket |
/// | `systemd:` | all sockets that systemd, or who else started the process, handed in |
/// | `systemd:NAME` | those of that name (`FileDescriptorName=`) |
///
/// # Examples
///
/// ```
/// use gateway_hyper::ListenAddr;
///
/// let addr: ListenAddr = "http://[::1]:8000".parse()?;
/// assert_eq!(addr.to_string(), "[::1]:8000");
/// assert!("8000".parse::<ListenAddr>().is_err());
/// # Ok::<(), gateway_hyper::InvalidListenAddr>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListenAddr {
    target: Target,
    tls: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// A host and a port, as they are looked up.
    Tcp(String),
    Unix(PathBuf),
    /// The sockets of that name, or all.
    Inherited(Option<String>),
}

impl ListenAddr {
    /// All sockets that were handed in: `systemd:`.
    #[must_use]
    pub const fn inherited() -> Self {
        Self { target: Target::Inherited(None), tls: false }
    }

    /// Whether TLS is to be spoken: with [`Listener::with_tls`](crate::Listener::with_tls), as
    /// [`ListenOptions::bind`](crate::ListenOptions::bind) knows no certificates.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether both cannot be listened on, as they are written: port 0 is another one each time.
    #[cfg(feature = "cli")]
    pub(crate) fn collides(&self, other: &Self) -> bool {
        let is_any = |address: &str| {
            address.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|digit| digit == b'0'))
        };
        self.target == other.target && !matches!(&self.target, Target::Tcp(address) if is_any(address))
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }
}

impl Default for ListenAddr {
    /// `127.0.0.1:8000`.
    fn default() -> Self {
        Self { target: Target::Tcp("127.0.0.1:8000".to_owned()), tls: false }
    }
}

impl FromStr for ListenAddr {
    type Err = InvalidListenAddr;

    fn from_str(text: &str) -> Result<Self, InvalidListenAddr> {
        let tls = text.starts_with("https://");
        let target = if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(InvalidListenAddr("a path is missing after `unix:`"));
            }
            Target::Unix(path.into())
        } else if let Some(name) = text.strip_prefix("systemd:") {
            Target::Inherited(Some(name.to_owned()).filter(|name| !name.is_empty()))
        } else {
            let address = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
            let address = address.unwrap_or(text);
            let address = address.strip_suffix('/').unwrap_or(address);
            if address.contains('/') {
                return Err(InvalidListenAddr("the scheme is unknown, or there is a path"));
            }
            check_tcp(address)?;
            Target::Tcp(address.to_owned())
        };
        Ok(Self { target, tls })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Tcp(address) if self.tls => write!(f, "https://{address}"),
            Target::Tcp(address) => f.write_str(address),
            Target::Unix(path) => write!(f, "unix:{}", path.display()),
            Target::Inherited(name) => write!(f, "systemd:{}", name.as_deref().unwrap_or_default()),
        }
    }
}

/// Text that does not say where to listen; it says why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidListenAddr(&'static str);

fn check_tcp(address: &str) -> Result<(), InvalidListenAddr> {
    let (host, port) = address.rsplit_once(':').ok_or(InvalidListenAddr("a port is missing"))?;
    if port.is_empty() || !port.bytes().all(|octet| octet.is_ascii_digit()) || port.parse::<u16>().is_err() {
        return Err(InvalidListenAddr("the port is no number up to 65535"));
    }
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').map(str::parse::<std::net::Ipv6Addr>);
        return match inner {
            Some(Ok(_)) => Ok(()),
            _ => Err(InvalidListenAddr("what is in brackets is no IPv6 address")),
        };
    }
    if host.contains(':') {
        return Err(InvalidListenAddr("an IPv6 address needs brackets, as in `[::1]:8000`"));
    }
    let is_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_');
    if host.is_empty() || !host.bytes().all(is_name) {
        return Err(InvalidListenAddr("the host is missing or malformed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_back_as_they_are_read() {
        for (text, told) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
            ("[::1]:0", "[::1]:0"),
            ("http://[::]:65535", "[::]:65535"),
            ("localhost:80", "localhost:80"),
            ("https://localhost:443", "https://localhost:443"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:app.sock", "unix:app.sock"),
            ("systemd:", "systemd:"),
            ("systemd:web", "systemd:web"),
        ] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), told);
        }
    }

    #[test]
    fn what_is_no_address_is_an_error() {
        for text in [
            "",
            "8000",
            ":8000",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:65536",
            "127.0.0.1:+80",
            "127.0.0.1:http",
            "::1:8000",
            "[::1]",
            "[::1:8000",
            "[localhost]:8000",
            "https://127.0.0.1",
            "https://http://127.0.0.1:8000",
            "ftp://127.0.0.1:21",
            "http://127.0.0.1:8000/path",
            "a b:80",
            "unix:",
            "systemd",
        ] {
            assert!(text.parse::<ListenAddr>().is_err(), "{text}");
        }
    }
}
