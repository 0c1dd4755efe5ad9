//! One WebSocket.

use http::{Method, header};

use super::protocol::{Before, Protocol, Sent};
use crate::asgi::event::{DenialStart, ReceiveEvent, ResponseBody, SendEvent, WebSocketDisconnect};
use crate::asgi::machine::{WebSocketMachine, WebSocketState};
use crate::asgi::{Capabilities, Capability, Disconnect, InvalidEvent, SendError, WebSocketScope};
use crate::error::Error;
use crate::request::parse_length;
use crate::validate::response_rules::{self, Response};
use crate::validate::session::Findings;

/// What the table of A-88 says, beside what the server does.
pub(super) struct WebSocket {
    machine: WebSocketMachine,
    capabilities: Capabilities,
    offered: Vec<String>,
    connected: bool,
    /// Whether the application has an answer out, or tried.
    answered: bool,
    disconnect: Option<WebSocketDisconnect>,
    denial: Denial,
}

impl WebSocket {
    pub(super) fn new(scope: &WebSocketScope) -> Self {
        Self {
            machine: WebSocketMachine::new(scope),
            capabilities: scope.head().capabilities(),
            offered: scope.subprotocols().map(str::to_owned).collect(),
            connected: false,
            answered: false,
            disconnect: None,
            denial: Denial::default(),
        }
    }

    fn rule(&self, event: &SendEvent, error: &InvalidEvent) -> &'static str {
        use WebSocketState::{Connecting, Open};
        if error.is_other_protocol() {
            return "A-07";
        }
        let denial = self.capabilities.contains(Capability::WebSocketDenial);
        let state = self.machine.state();
        match event {
            SendEvent::WebSocketDenialStart(_) | SendEvent::WebSocketDenialBody(_) if !denial => "A-123",
            SendEvent::Vendor(_) => "A-123",
            SendEvent::WebSocketAccept(accept) if state == Connecting => {
                let chosen = accept.subprotocol.as_ref();
                if chosen.is_some_and(|chosen| !self.offered.contains(chosen)) { "A-79" } else { "A-80" }
            }
            SendEvent::WebSocketClose(_) if matches!(state, Connecting | Open) => "A-86",
            SendEvent::WebSocketDenialStart(_) if state == Connecting => "A-60",
            _ => "A-88",
        }
    }

    fn accepted(&mut self, event: &SendEvent, found: &mut Findings) {
        match event {
            SendEvent::WebSocketDenialStart(start) => self.denial = Denial::new(start),
            SendEvent::WebSocketDenialBody(block) => self.denial.content(block, found),
            _ => {}
        }
    }
}

/// The response that refuses a handshake.
#[derive(Default)]
struct Denial {
    response: Response,
    declared: Option<u64>,
    sent: u64,
}

impl Denial {
    fn new(start: &DenialStart) -> Self {
        let silent = matches!(start.status.as_u16(), 204 | 304);
        let length = start.headers.get(header::CONTENT_LENGTH);
        Self {
            // A handshake is a GET, or a CONNECT whose refusal has a body like any other.
            response: Response::new(&Method::GET, start.status, &start.headers),
            declared: length.filter(|_| !silent).and_then(|length| parse_length(length.as_bytes())),
            sent: 0,
        }
    }

    fn content(&mut self, block: &ResponseBody, found: &mut Findings) {
        self.response.content(block.body.len() as u64, found);
        self.sent = self.sent.saturating_add(block.body.len() as u64);
        let (sent, last) = (self.sent, !block.more_body);
        if let Some(declared) = self.declared.filter(|&length| sent > length || (last && sent < length)) {
            found.inner("A-74", format!("{sent} octets of a denial, and a `content-length` of {declared}"));
            self.declared = None;
        }
    }
}

impl Protocol for WebSocket {
    fn lint(&self, event: &SendEvent, found: &mut Findings) {
        if !self.connected && !self.answered && event.name().starts_with("websocket.") {
            found.inner("A-91", format!("{} before websocket.connect was received", event.name()));
        }
        match event {
            SendEvent::WebSocketAccept(accept) => response_rules::check_fields(&accept.headers, found),
            SendEvent::WebSocketDenialStart(start) => {
                response_rules::check_head(start.status, &start.headers, found);
            }
            SendEvent::Vendor(vendor) if !vendor.name().starts_with("websocket.") => {
                found.inner("A-07", format!("the event `{}` in a websocket scope", vendor.name()));
            }
            _ => {}
        }
    }

    fn sent(
        &mut self,
        event: &SendEvent,
        result: &Result<(), SendError>,
        before: Before,
        found: &mut Findings,
    ) -> Sent {
        let name = event.name();
        if matches!((event, result), (SendEvent::Vendor(_), Err(_)))
            && self.capabilities.contains(Capability::Vendor)
        {
            return Sent::Not;
        }
        self.lint(event, found);
        self.answered = true;
        let state = self.machine.state();
        match (self.machine.send(event), result) {
            (Ok(()), Ok(())) => {
                self.accepted(event, found);
                Sent::Accepted
            }
            (Ok(()), Err(error)) => {
                found.outer("A-88", format!("{name} is refused while the socket is {state:?}: {error}"));
                Sent::Unsure
            }
            (Err(SendError::Invalid(error)), result) => {
                let at = format!("while the socket is {state:?}");
                Sent::invalid(event, &at, (self.rule(event, &error), &error), result, found)
            }
            (Err(SendError::Disconnected(reason)), Ok(())) if before.over => {
                found.outer("A-95", format!("accepted {name} after the socket was closed: {reason}"));
                Sent::Unsure
            }
            // Accepted before the loss was told to the other half.
            (Err(SendError::Disconnected(_)), Ok(())) => Sent::Unsure,
            (Err(SendError::Disconnected(_)), Err(_)) => {
                found.outer("A-95", format!("{name} on a closed socket is refused, not told to be lost"));
                Sent::Not
            }
        }
    }

    fn received(&mut self, event: &ReceiveEvent, before: Before, found: &mut Findings) {
        let connected = self.connected;
        if !connected && !matches!(event, ReceiveEvent::WebSocketConnect | ReceiveEvent::Vendor(_)) {
            found.outer("A-77", format!("{} before websocket.connect", event.name()));
        }
        match event {
            ReceiveEvent::WebSocketConnect => {
                if connected {
                    found.outer("A-77", "websocket.connect for the second time");
                }
                self.connected = true;
            }
            ReceiveEvent::WebSocketReceive(_) => match self.machine.state() {
                WebSocketState::Open => {}
                _ if before.sending => {}
                WebSocketState::Closed if !before.over => {}
                // What came before a loss is still to be received, also after a send told it.
                WebSocketState::Closed if self.machine.disconnect() != Some(Disconnect::Complete) => {}
                WebSocketState::Closed => {
                    found.outer("A-88", "websocket.receive after the socket was closed")
                }
                state => found.outer("A-92", format!("websocket.receive while the socket is {state:?}")),
            },
            ReceiveEvent::WebSocketDisconnect(how) => {
                if !(1000..5000).contains(&how.code) {
                    found.outer("A-83", format!("websocket.disconnect with the code {}", how.code));
                }
                match &self.disconnect {
                    Some(first) if first.code != how.code || first.reason != how.reason => {
                        let (first, then) = (first.code, how.code);
                        found
                            .outer("A-88", format!("websocket.disconnect with {first} and then with {then}"));
                    }
                    Some(_) => {}
                    None => self.disconnect = Some(how.clone()),
                }
                if how.cause != Disconnect::Shutdown {
                    self.machine.lose(how.cause);
                }
            }
            ReceiveEvent::Vendor(_) => {}
            event => found.outer("A-07", format!("{} in a websocket scope", event.name())),
        }
    }

    fn lost(&mut self, _: Disconnect, _: Before, _: &mut Findings) -> bool {
        // Messages that came before are still to be received.
        false
    }

    fn failed(&mut self, reason: Disconnect, _: Before, _: &mut Findings) {
        if reason != Disconnect::Shutdown {
            self.machine.lose(reason);
        }
    }

    fn is_over(&self) -> bool {
        self.machine.state() == WebSocketState::Closed
    }

    fn is_disconnect_due(&self) -> bool {
        self.disconnect.as_ref().is_some_and(|how| how.cause != Disconnect::Shutdown)
    }

    fn ended(&mut self, result: &Result<(), Error>, found: &mut Findings) {
        let state = self.machine.state();
        let unanswered = matches!(state, WebSocketState::Connecting | WebSocketState::Denying);
        if result.is_ok() && unanswered {
            found.inner("A-88", format!("the call ended while the socket is {state:?}"));
        }
    }
}
