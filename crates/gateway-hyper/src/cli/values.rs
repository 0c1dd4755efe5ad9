//! Values of options.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use gateway_iface::http::Uri;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use crate::listener::{InvalidListenAddr, ListenAddr};

/// A wait that may have no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait(pub(super) Option<Duration>);

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" { Ok(Self(None)) } else { time(text).map(|time| Self(Some(time))) }
    }
}

/// A size that may have no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) Option<u64>);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" { Ok(Self(None)) } else { octets(text).map(|octets| Self(Some(octets))) }
    }
}

/// A time with its unit.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; a time is such as 500ms, 30s or 2min"))
}

/// A number of octets.
pub(super) fn size(text: &str) -> Result<usize, String> {
    usize::try_from(octets(text)?).map_err(|_| "it is too large for this system".to_owned())
}

fn octets(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().map_err(|_| "a size is such as 65536, 64KiB or 1MiB".to_owned())?;
    Ok(size.as_u64())
}

/// The permissions of a file, in octal digits.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777 && !text.starts_with('+'));
    mode.ok_or_else(|| "permissions are octal digits up to 777, such as 660".to_owned())
}

/// What is logged: a level for all, and levels for modules.
pub(super) fn filter(text: &str) -> Result<Targets, String> {
    // A lone word that is no level would be taken for a module of which everything is logged.
    let words = text.split(',').filter(|part| !part.contains('='));
    match words.map(str::trim).find(|word| word.is_empty() || word.parse::<LevelFilter>().is_err()) {
        Some(word) => {
            Err(format!("{word:?} is no level; levels are error, warn, info, debug, trace and off"))
        }
        None => text.parse::<Targets>().map_err(|error| error.to_string()),
    }
}

/// A path of requests.
pub(super) fn path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/') && text.bytes().all(|octet| octet.is_ascii_graphic());
    if is_path && !text.contains(['?', '#']) {
        return Ok(text.to_owned());
    }
    Err("a path begins with `/`, and has no query".to_owned())
}

/// The origin of pages, as browsers name it.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().ok();
    let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?.as_str())));
    // What else it had, a path or a user, would be in no `origin` field, and match none.
    let is_origin = |(scheme, host): (&str, &str)| {
        !host.contains('@') && text.eq_ignore_ascii_case(&format!("{scheme}://{host}"))
    };
    if parts.is_some_and(is_origin) {
        return Ok(text.to_owned());
    }
    Err("an origin is a scheme and a host, such as https://example.org, and no path".to_owned())
}

/// Where something is answered: on a path of the server, or at an address of its own.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Path(String),
    Addr(ListenAddr),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return path(text).map(Self::Path);
        }
        text.parse().map(Self::Addr).map_err(|error: InvalidListenAddr| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        assert_eq!("none".parse::<Wait>().unwrap().0, None);
        assert_eq!("1min 30s".parse::<Wait>().unwrap().0, Some(Duration::from_secs(90)));
        for text in ["", "5", "-1s", "never"] {
            assert!(text.parse::<Wait>().is_err(), "{text}");
        }
        assert_eq!(size("65536"), Ok(65_536));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert!(size("much").is_err());
        assert_eq!("1MiB".parse::<Size>().unwrap().0, Some(1024 * 1024));
        assert_eq!("none".parse::<Size>().unwrap().0, None);
    }

    #[test]
    fn filters_name_levels() {
        for text in ["info", "off", "warn,my_app=debug", "my_app=debug"] {
            assert!(filter(text).is_ok(), "{text}");
        }
        for text in ["", "loud", "info,my_app", "my_app=loud"] {
            assert!(filter(text).is_err(), "{text}");
        }
    }

    #[test]
    fn permissions_are_octal() {
        assert_eq!(mode("660"), Ok(0o660));
        assert_eq!(mode("0660"), Ok(0o660));
        for text in ["", "8", "1777", "+660", "rw"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_are_a_scheme_and_a_host() {
        for text in ["https://example.org", "http://localhost:8000", "https://[::1]:8443"] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in
            ["", "*", "null", "example.org", "https://example.org/", "https://a@b.test", "https://a/a"]
        {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn place_is_a_path_or_an_address() {
        assert!(matches!("/metrics".parse(), Ok(Place::Path(_))));
        assert!(matches!("127.0.0.1:9000".parse(), Ok(Place::Addr(_))));
        for text in ["", "metrics", "/a b", "/a?b"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
