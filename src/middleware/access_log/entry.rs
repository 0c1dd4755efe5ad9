//! What is told of one exchange, and its line.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, StatusCode, Version};

use crate::asgi::Disconnect;

/// One exchange that is over; [`Display`](fmt::Display) writes its line.
///
/// The line is that of the combined log format, as Apache writes it, without a line break:
///
/// ```text
/// 192.0.2.7 - ada [10/Oct/2000:13:55:36 +0000] "GET /a?b HTTP/1.1" 200 5 "https://example.org/" "curl/8"
/// ```
///
/// What is unknown, and a body of no octets, is `-`. Nothing that a client sends can end the line or a
/// part of it, or reach the terminal of whoever reads it: quotes and backslashes get a backslash; control
/// characters, and octets beyond ASCII, become `\n`, `\t` and the like, or `\xhh`. So do blanks in the name of
/// a user, which has no quotes around it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccessEntry<'a> {
    /// The client's address, if known (A-30).
    pub remote: Option<SocketAddr>,
    /// What the client asked for as the host, with its port: the authority of the target, else the one `host`
    /// field. It is no part of the line (H-12, H-111).
    pub host: Option<&'a str>,
    /// Whether the client is connected by TLS. It is no part of the line.
    pub secure: bool,
    /// The user, if one was verified.
    pub user: Option<&'a str>,
    /// When the request came by.
    pub time: SystemTime,
    /// The method.
    pub method: &'a Method,
    /// Path and query as received; the authority for `CONNECT`.
    pub target: &'a str,
    /// The protocol version of the request.
    pub version: Version,
    /// The status: 101 for a WebSocket that was open, 403 for one that was refused; `None` when
    /// nobody answered.
    pub status: Option<StatusCode>,
    /// Octets of body that the server accepted; of a WebSocket's messages, those sent.
    pub bytes: u64,
    /// The `referer` field.
    pub referer: Option<&'a HeaderValue>,
    /// The `user-agent` field.
    pub user_agent: Option<&'a HeaderValue>,
    /// The `x-request-id` field: of [`RequestId`](super::super::RequestId), where that stands outside.
    pub request_id: Option<&'a HeaderValue>,
    /// From when the request came by until all was over.
    pub duration: Duration,
    /// Whether the application completed the response.
    pub complete: bool,
    /// Why the exchange ended early, if it did.
    pub disconnect: Option<Disconnect>,
}

impl fmt::Display for AccessEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.remote {
            Some(remote) => write!(f, "{} - ", remote.ip())?,
            None => f.write_str("- - ")?,
        }
        match self.user {
            Some("") => f.write_str("\"\"")?,
            Some(user) => escape(f, user.as_bytes(), b" ")?,
            None => f.write_char('-')?,
        }
        f.write_str(" [")?;
        write_time(f, self.time)?;
        f.write_str("] \"")?;
        escape(f, self.method.as_str().as_bytes(), b"")?;
        f.write_char(' ')?;
        escape(f, self.target.as_bytes(), b"")?;
        write!(f, " {:?}\" ", self.version)?;
        match self.status {
            Some(status) => write!(f, "{}", status.as_u16())?,
            None => f.write_char('-')?,
        }
        match self.bytes {
            0 => f.write_str(" -")?,
            bytes => write!(f, " {bytes}")?,
        }
        for field in [self.referer, self.user_agent] {
            f.write_str(" \"")?;
            escape(f, field.map_or(b"-", HeaderValue::as_bytes), b"")?;
            f.write_char('"')?;
        }
        Ok(())
    }
}

/// Escapes as Apache does, and the octets in `more`.
fn escape(f: &mut fmt::Formatter<'_>, octets: &[u8], more: &[u8]) -> fmt::Result {
    for &octet in octets {
        match octet {
            b'"' => f.write_str("\\\"")?,
            b'\\' => f.write_str("\\\\")?,
            0x08 => f.write_str("\\b")?,
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            0x0b => f.write_str("\\v")?,
            b' '..=b'~' if !more.contains(&octet) => f.write_char(char::from(octet))?,
            _ => write!(f, "\\x{octet:02x}")?,
        }
    }
    Ok(())
}

/// Writes `dd/Mon/yyyy:HH:MM:SS +0000`.
fn write_time(f: &mut fmt::Formatter<'_>, time: SystemTime) -> fmt::Result {
    let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(before.subsec_nanos() > 0)
        }
    };
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let name = MONTHS[month];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    write!(f, "{day:02}/{name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
}

/// Year, month from 0 and day of the month, so many days after 1 January 1970.
fn civil(days: i64) -> (i64, usize, i64) {
    // Years that begin in March, so that the day that comes and goes is the last one; day 0 is 1 March
    // of the year 0, and 400 years always have as many days.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    (year, usize::try_from(month).unwrap_or_default(), day)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
