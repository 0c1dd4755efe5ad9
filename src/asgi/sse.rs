//! Server-sent events.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{InvalidEvent, SendError};

/// A response of server-sent events (`text/event-stream`).
///
/// # Examples
///
/// ```
/// use gateway_iface::asgi::{self, SseEvent, SseStream};
/// use gateway_iface::Error;
///
/// async fn ticks(scope: asgi::Scope, _: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     let mut events = SseStream::start(send).await?;
///     for tick in 0..2 {
///         events.send(&SseEvent::new(format!("tick {tick}")).with_id(tick.to_string())).await?;
///     }
///     events.finish().await?;
///     Ok(())
/// }
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::http::Request;
/// # let response = block_on(AsgiClient::new(ticks).request(Request::get("/").body("").unwrap())).unwrap();
/// # assert_eq!(response.body(), "id: 0\ndata: tick 0\n\nid: 1\ndata: tick 1\n\n");
/// ```
#[derive(Debug)]
pub struct SseStream {
    send: super::Send,
}

impl SseStream {
    /// Starts the response: status 200, not to be cached, head sent at once.
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the half, and with it the response.
    pub async fn start(mut send: super::Send) -> Result<Self, SendError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        send.start(StatusCode::OK, headers).await?;
        send.block(Bytes::new()).await?;
        Ok(Self { send })
    }

    /// Sends one event.
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send); a line break in the name or the id, or a NUL in
    /// the id, is an invalid event.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the event is not sent.
    pub async fn send(&mut self, event: &SseEvent) -> Result<(), SendError> {
        let text = event.encode()?;
        self.send.block(text).await
    }

    /// Sends a comment, which clients ignore: it keeps the connection from idling out.
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the comment is not sent.
    pub async fn comment(&mut self, text: &str) -> Result<(), SendError> {
        let mut out = String::new();
        for line in lines(text) {
            let _ = writeln!(out, ": {line}");
        }
        out.push('\n');
        self.send.block(out).await
    }

    /// Completes the response.
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the response incomplete.
    pub async fn finish(mut self) -> Result<(), SendError> {
        self.send.last(Bytes::new()).await
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SseEvent {
    data: String,
    name: Option<String>,
    id: Option<String>,
    retry_millis: Option<u64>,
}

impl SseEvent {
    /// An event with that data, of any number of lines.
    pub fn new(data: impl Into<String>) -> Self {
        Self { data: data.into(), ..Self::default() }
    }

    /// With a name, which is `message` by default.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With an id, which a client sends back when it connects again.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With the time to wait before connecting again, in milliseconds.
    #[must_use]
    pub const fn with_retry_millis(mut self, retry_millis: u64) -> Self {
        self.retry_millis = Some(retry_millis);
        self
    }

    fn encode(&self) -> Result<String, InvalidEvent> {
        let mut out = String::with_capacity(self.data.len() + 16);
        for (field, value) in [("event", &self.name), ("id", &self.id)] {
            if let Some(value) = value {
                if value.contains(['\r', '\n', '\0']) {
                    return Err(InvalidEvent::new(
                        "http.response.body",
                        format!("a line break in the `{field}` of a server-sent event"),
                    ));
                }
                let _ = writeln!(out, "{field}: {value}");
            }
        }
        if let Some(retry) = self.retry_millis {
            let _ = writeln!(out, "retry: {retry}");
        }
        for line in lines(&self.data) {
            let _ = writeln!(out, "data: {line}");
        }
        out.push('\n');
        Ok(out)
    }
}

/// Splits at CR LF, LF and CR: each of them would end a line for the client.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_in_data_become_lines_of_data() {
        let event = SseEvent::new("a\r\nb\rc\nd").with_name("n").with_retry_millis(5);
        assert_eq!(event.encode().unwrap(), "event: n\nretry: 5\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
    }

    #[test]
    fn line_break_in_a_name_or_id_is_refused() {
        for event in [
            SseEvent::new("").with_name("a\nb"),
            SseEvent::new("").with_id("a\rb"),
            SseEvent::new("").with_id("\0"),
        ] {
            assert!(event.encode().is_err(), "{event:?}");
        }
    }
}
