//! The order of events of one WebSocket.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use crate::asgi::event::{Accept, Close, Message, SendEvent};
use crate::asgi::{Capability, Disconnect, InvalidEvent, SendError, WebSocketScope};
use crate::error::Error;
use crate::outcome::{Observe, Observers};

/// The order of events of one WebSocket.
///
/// It refuses what the table of A-88 calls an error and leaves the state as it was.
#[derive(Debug)]
pub struct WebSocketMachine {
    state: WebSocketState,
    offered: Vec<String>,
    denial: bool,
    vendor: bool,
    connected: bool,
    reason: Option<Disconnect>,
    observers: Observers,
}

/// How far the socket got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WebSocketState {
    /// The handshake waits for the application's answer.
    Connecting,
    /// Open.
    Open,
    /// The handshake is being refused with a response.
    Denying,
    /// Closed by either side, refused, or lost.
    Closed,
}

/// What to do when the application's call is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WebSocketEnding {
    /// Nothing: the socket is closed.
    Nothing,
    /// Answer the handshake with 500.
    Refuse,
    /// Close the socket with this code: 1000, or 1011 after a failure.
    Close(u16),
    /// Break the connection off in the middle of a denial.
    Abort,
}

impl WebSocketMachine {
    /// For the socket of this scope.
    #[must_use]
    pub fn new(scope: &WebSocketScope) -> Self {
        Self {
            state: WebSocketState::Connecting,
            offered: scope.subprotocols().map(str::to_owned).collect(),
            denial: scope.head().capabilities().contains(Capability::WebSocketDenial),
            vendor: scope.head().capabilities().contains(Capability::Vendor),
            connected: false,
            reason: None,
            observers: Observers::new(),
        }
    }

    /// How far the socket got.
    #[must_use]
    pub const fn state(&self) -> WebSocketState {
        self.state
    }

    /// Whether `websocket.connect` is due: true once.
    pub const fn connect(&mut self) -> bool {
        !std::mem::replace(&mut self.connected, true)
    }

    /// Why the socket is closed, if it is.
    #[must_use]
    pub const fn disconnect(&self) -> Option<Disconnect> {
        self.reason
    }

    /// The socket is closed by the peer, or lost.
    pub fn lose(&mut self, reason: Disconnect) {
        self.state = WebSocketState::Closed;
        self.reason.get_or_insert(reason);
    }

    /// Adds an observer: it learns the status of the handshake, and the octets of messages sent.
    pub fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.observers.add(observer);
    }

    /// The socket is done with: tells the observers.
    pub fn finish(&mut self) {
        let reason = self.reason.filter(|&reason| reason != Disconnect::Complete);
        self.observers.finish(reason);
    }

    /// The application sends this event.
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] when the socket is closed, [`SendError::Invalid`] when the event is
    /// not valid now; the state is as before.
    pub fn send(&mut self, event: &SendEvent) -> Result<(), SendError> {
        use WebSocketState::{Closed, Connecting, Denying, Open};
        if self.state == Closed {
            return Err(self.reason.unwrap_or(Disconnect::Complete).into());
        }
        let name = event.name();
        let next = match (event, self.state) {
            (SendEvent::WebSocketAccept(accept), Connecting) => {
                self.check_accept(accept)?;
                Open
            }
            (SendEvent::WebSocketSend(_), Open) => Open,
            (SendEvent::WebSocketClose(close), Connecting | Open) => {
                check_close(close)?;
                Closed
            }
            (SendEvent::WebSocketDenialStart(_) | SendEvent::WebSocketDenialBody(_), _) if !self.denial => {
                return Err(InvalidEvent::new(name, "the server does not support this extension").into());
            }
            (SendEvent::WebSocketDenialStart(start), Connecting) => {
                if !(200..600).contains(&start.status.as_u16()) {
                    return Err(InvalidEvent::new(name, "the final status is 200 to 599").into());
                }
                Denying
            }
            (SendEvent::WebSocketDenialBody(body), Denying) if body.more_body => Denying,
            (SendEvent::WebSocketDenialBody(_), Denying) => Closed,
            (SendEvent::Vendor(_), state) if self.vendor => state,
            (
                SendEvent::WebSocketAccept(_)
                | SendEvent::WebSocketSend(_)
                | SendEvent::WebSocketClose(_)
                | SendEvent::WebSocketDenialStart(_)
                | SendEvent::WebSocketDenialBody(_),
                state,
            ) => {
                return Err(
                    InvalidEvent::new(name, format!("not valid while the socket is {state:?}")).into()
                );
            }
            (SendEvent::Vendor(_), _) => {
                return Err(InvalidEvent::new(name, "the server does not know this event").into());
            }
            _ => {
                return Err(
                    InvalidEvent::other_protocol(name, "not an event of the websocket protocol").into()
                );
            }
        };
        self.tell(event);
        if next == Closed {
            self.reason = Some(Disconnect::Complete);
        }
        self.state = next;
        Ok(())
    }

    fn tell(&mut self, event: &SendEvent) {
        match event {
            SendEvent::WebSocketAccept(_) => self.observers.started(StatusCode::SWITCHING_PROTOCOLS),
            SendEvent::WebSocketSend(Message::Text(text)) => self.observers.block(text.len(), false),
            SendEvent::WebSocketSend(Message::Binary(octets)) => self.observers.block(octets.len(), false),
            SendEvent::WebSocketClose(_) => {
                if self.state == WebSocketState::Connecting {
                    self.observers.started(StatusCode::FORBIDDEN);
                }
                self.observers.completed();
            }
            SendEvent::WebSocketDenialStart(start) => self.observers.started(start.status),
            SendEvent::WebSocketDenialBody(block) => self.observers.block(block.body.len(), !block.more_body),
            _ => {}
        }
    }

    /// What to do now that the application's call is over, and whether it is its fault.
    #[must_use]
    pub fn end(&self, result: &Result<(), Error>) -> (WebSocketEnding, bool) {
        match self.state {
            WebSocketState::Connecting => (WebSocketEnding::Refuse, true),
            WebSocketState::Open if result.is_ok() => (WebSocketEnding::Close(1000), false),
            WebSocketState::Open => (WebSocketEnding::Close(1011), true),
            WebSocketState::Denying => (WebSocketEnding::Abort, true),
            WebSocketState::Closed => {
                let own = |error: &Error| error.is_disconnected();
                (WebSocketEnding::Nothing, result.as_ref().is_err_and(|error| !own(error)))
            }
        }
    }

    fn check_accept(&self, accept: &Accept) -> Result<(), InvalidEvent> {
        const NAME: &str = "websocket.accept";
        if let Some(chosen) = &accept.subprotocol
            && !self.offered.contains(chosen)
        {
            return Err(InvalidEvent::new(
                NAME,
                format!("the client did not offer the subprotocol `{chosen}`"),
            ));
        }
        owned_field(&accept.headers).map_or(Ok(()), |name| {
            Err(InvalidEvent::new(NAME, format!("the field `{name}` is the server's own")))
        })
    }
}

fn owned_field(headers: &HeaderMap) -> Option<&'static str> {
    [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "transfer-encoding",
        "upgrade",
    ]
    .into_iter()
    .find(|&name| headers.contains_key(name))
}

fn check_close(close: &Close) -> Result<(), InvalidEvent> {
    const NAME: &str = "websocket.close";
    if !matches!(close.code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(InvalidEvent::new(NAME, format!("the code {} must not be sent", close.code)));
    }
    if close.reason.len() > 123 {
        return Err(InvalidEvent::new(NAME, "the reason is longer than 123 octets"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;
    use crate::asgi::Capabilities;
    use crate::asgi::event::{DenialStart, ResponseBody};
    use crate::connection::Connection;
    use crate::request::RequestHead;

    fn machine(denial: bool) -> WebSocketMachine {
        let request = Request::get("/ws").header("sec-websocket-protocol", "a, b");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let mut set = Capabilities::none();
        if denial {
            set = set.with(Capability::WebSocketDenial);
        }
        let head = RequestHead::on(parts, Arc::new(Connection::new().with_capabilities(set)));
        WebSocketMachine::new(&WebSocketScope::new(head))
    }

    fn denial() -> SendEvent {
        SendEvent::WebSocketDenialStart(DenialStart::new(StatusCode::IM_A_TEAPOT, HeaderMap::new()))
    }

    fn in_state(name: &str) -> WebSocketMachine {
        let mut machine = machine(true);
        let event = match name {
            "connecting" => return machine,
            "open" => SendEvent::from(Accept::new()),
            "denying" => denial(),
            _ => SendEvent::WebSocketClose(Close::default()),
        };
        machine.send(&event).unwrap();
        machine
    }

    #[test]
    fn a_88_every_cell_of_the_table_holds() {
        use WebSocketState::{Closed, Denying, Open};
        let rows = [
            (SendEvent::from(Accept::new()), [Some(Open), None, None]),
            (SendEvent::WebSocketSend(Message::from("x")), [None, Some(Open), None]),
            (SendEvent::WebSocketClose(Close::default()), [Some(Closed), Some(Closed), None]),
            (denial(), [Some(Denying), None, None]),
            (SendEvent::WebSocketDenialBody(ResponseBody::block("x")), [None, None, Some(Denying)]),
            (SendEvent::WebSocketDenialBody(ResponseBody::last("x")), [None, None, Some(Closed)]),
            (SendEvent::StartupComplete, [None, None, None]),
        ];
        for (event, cells) in rows {
            for (state, cell) in ["connecting", "open", "denying"].into_iter().zip(cells) {
                let mut machine = in_state(state);
                let before = machine.state();
                let result = machine.send(&event).ok().map(|()| machine.state());
                assert_eq!(result, cell, "{} in {state}", event.name());
                if cell.is_none() {
                    assert_eq!(machine.state(), before);
                }
            }
            let error = in_state("closed").send(&event).unwrap_err();
            assert_eq!(error.disconnect(), Some(Disconnect::Complete));
        }
    }

    #[test]
    fn a_125_denial_without_the_capability_is_refused() {
        assert!(machine(false).send(&denial()).is_err());
    }

    #[test]
    fn a_79_subprotocol_that_was_not_offered_is_refused() {
        for (chosen, ok) in [("a", true), ("b", true), ("c", false), ("A", false)] {
            let event = SendEvent::from(Accept::new().with_subprotocol(chosen));
            assert_eq!(machine(true).send(&event).is_ok(), ok, "{chosen}");
        }
    }

    /// the one that names the protocol among them.
    #[test]
    fn a_80_field_of_the_server_in_accept_is_refused() {
        for name in ["sec-websocket-accept", "upgrade", "content-length", "sec-websocket-protocol"] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("x"));
            let event = SendEvent::from(Accept::new().with_headers(headers));
            assert!(machine(true).send(&event).is_err(), "{name}");
        }
    }

    #[test]
    fn a_86_close_codes_and_reasons_that_must_not_be_sent_are_refused() {
        for (code, ok) in [
            (0, false),
            (999, false),
            (1000, true),
            (1003, true),
            (1004, false),
            (1005, false),
            (1006, false),
            (1007, true),
            (1011, true),
            (1014, true),
            (1015, false),
            (1016, false),
            (2999, false),
            (3000, true),
            (4999, true),
            (5000, false),
        ] {
            assert_eq!(
                in_state("open").send(&SendEvent::WebSocketClose(Close::new(code))).is_ok(),
                ok,
                "{code}"
            );
        }
        for (len, ok) in [(123, true), (124, false)] {
            let close = Close::new(1000).with_reason("x".repeat(len));
            assert_eq!(in_state("open").send(&SendEvent::WebSocketClose(close)).is_ok(), ok, "{len}");
        }
    }

    #[test]
    fn a_94_an_application_that_ends_early_is_answered_by_state() {
        let failed = || Err(Error::new("broken"));
        for (state, ok, err) in [
            ("connecting", WebSocketEnding::Refuse, WebSocketEnding::Refuse),
            ("open", WebSocketEnding::Close(1000), WebSocketEnding::Close(1011)),
            ("denying", WebSocketEnding::Abort, WebSocketEnding::Abort),
            ("closed", WebSocketEnding::Nothing, WebSocketEnding::Nothing),
        ] {
            assert_eq!(in_state(state).end(&Ok(())).0, ok);
            assert_eq!(in_state(state).end(&failed()).0, err);
        }
    }

    #[test]
    fn a_77_connect_is_due_once() {
        let mut machine = machine(true);
        assert!(machine.connect());
        assert!(!machine.connect());
    }
}
