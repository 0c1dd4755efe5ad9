//! One HTTP exchange.

use http::{HeaderMap, Method};

use super::protocol::{Before, Protocol, Sent};
use crate::asgi::event::{EarlyHint, ReceiveEvent, ResponseStart, SendEvent};
use crate::asgi::machine::{HttpMachine, HttpState, Step};
use crate::asgi::{Capabilities, Capability, Disconnect, InvalidEvent, SendError};
use crate::error::Error;
use crate::request::RequestHead;
use crate::validate::response_rules::{self, Response};
use crate::validate::session::Findings;

/// What the table of says, beside what the server does.
pub(super) struct Http {
    machine: HttpMachine,
    method: Method,
    capabilities: Capabilities,
    response: Response,
    announced: Option<u64>,
    received: u64,
    /// Octets of the response that were accepted.
    sent: u64,
    /// The client is gone, as a failed send told.
    gone: bool,
}

impl Http {
    pub(super) fn new(head: &RequestHead) -> Self {
        Self {
            machine: HttpMachine::new(head),
            method: head.method().clone(),
            capabilities: head.capabilities(),
            response: Response::default(),
            announced: head.content_length().filter(|_| !head.headers().contains_key("transfer-encoding")),
            received: 0,
            sent: 0,
            gone: false,
        }
    }

    /// What the server may refuse for reasons of its own, and what is wrong about it all the same.
    fn refusable(&self, event: &SendEvent) -> Option<Option<&'static str>> {
        let started = matches!(self.machine.state(), HttpState::Started | HttpState::Streaming);
        let valid = match event {
            SendEvent::PathSend(_) => self.machine.state() == HttpState::Started,
            SendEvent::ZeroCopySend(_) | SendEvent::Push(_) => started,
            SendEvent::Vendor(_) => true,
            _ => return None,
        };
        Some(if !self.has(event) { Some("A-123") } else { (!valid).then_some("A-66") })
    }

    fn has(&self, event: &SendEvent) -> bool {
        capability_of(event).is_none_or(|capability| self.capabilities.contains(capability))
    }

    fn rule(&self, event: &SendEvent, error: &InvalidEvent) -> &'static str {
        let started = matches!(self.machine.state(), HttpState::Started | HttpState::Streaming);
        if error.is_other_protocol() {
            return "A-07";
        }
        if !self.has(event) {
            return "A-123";
        }
        match event {
            SendEvent::ResponseStart(_) if self.machine.state() != HttpState::Idle => "A-66",
            SendEvent::ResponseStart(start) if !(200..600).contains(&start.status.as_u16()) => "A-60",
            SendEvent::ResponseStart(_) => "H-43",
            SendEvent::ResponseBody(_) | SendEvent::ZeroCopySend(_) if started => "A-74",
            SendEvent::ResponseTrailers(_) => "A-133",
            SendEvent::Debug(_) => "A-137",
            _ => "A-66",
        }
    }

    fn accepted(&mut self, event: &SendEvent, found: &mut Findings) {
        match event {
            SendEvent::ResponseStart(start) => {
                self.response = Response::new(&self.method, start.status, &start.headers);
            }
            SendEvent::ResponseBody(block) => {
                self.sent = self.sent.saturating_add(block.body.len() as u64);
                self.response.content(block.body.len() as u64, found);
            }
            SendEvent::ZeroCopySend(file) => {
                self.sent = self.sent.saturating_add(file.count.unwrap_or(0));
                // The rest of a file may be nothing.
                self.response.content(file.count.unwrap_or(0), found);
            }
            SendEvent::PathSend(file) => {
                if !file.path.is_absolute() {
                    found.outer("A-130", format!("took the relative path `{}`", file.path.display()));
                }
                self.response.file(found);
            }
            SendEvent::ResponseTrailers(trailers) => self.response.trailers(&trailers.headers, found),
            _ => {}
        }
    }

    fn told(&self, reason: Disconnect, before: Before, found: &mut Findings) {
        let state = self.machine.state();
        // No client sees the rest of a body that is dropped, or that is there already.
        let whole = self.machine.declared_length().is_some_and(|declared| self.sent >= declared);
        let open = state != HttpState::Done && !self.machine.is_bodiless() && !whole;
        if reason == Disconnect::Complete && open && !self.gone && !before.sending {
            found.outer("A-67", format!("told that the response is complete while it is {state:?}"));
        }
    }

    /// Told by `receive`, in either way.
    fn told_in(&mut self, reason: Disconnect, before: Before, found: &mut Findings) {
        self.told(reason, before, found);
        // Who broke its own request off may still be answered (H-49).
        let answerable = reason == Disconnect::Client && !self.machine.is_request_read();
        if matches!(reason, Disconnect::Client | Disconnect::Timeout) && !answerable {
            self.machine.lose(reason);
        }
    }
}

impl Protocol for Http {
    fn lint(&self, event: &SendEvent, found: &mut Findings) {
        match event {
            SendEvent::ResponseStart(start) => check_start(start, found),
            SendEvent::ResponseTrailers(trailers) => {
                response_rules::check_trailers(&trailers.headers, found);
            }
            SendEvent::EarlyHint(hint) => check_links(hint, found),
            SendEvent::Push(push) if !push.path.starts_with('/') => {
                found.inner("A-126", format!("a push of the path `{}`", push.path));
            }
            SendEvent::PathSend(file) if !file.path.is_absolute() => {
                found.inner("A-129", format!("the path `{}` is not absolute", file.path.display()));
            }
            SendEvent::Vendor(vendor) if !vendor.name().starts_with("http.") => {
                found.inner("A-07", format!("the event `{}` in an http scope", vendor.name()));
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
        if let (Err(_), Some(wrong)) = (result, self.refusable(event)) {
            if let Some(rule) = wrong {
                found.inner(rule, format!("{name} while the response is {:?}", self.machine.state()));
            }
            return Sent::Not;
        }
        let state = self.machine.state();
        match (self.machine.send(&mut event.clone()), result) {
            (Ok(Step::Ignored), Ok(())) if state == HttpState::Done => {
                found.inner("V-02", format!("{name} after the response was complete"));
                Sent::Accepted
            }
            (Ok(Step::Ignored), Err(_)) if state == HttpState::Done => {
                found.outer("A-107", format!("{name} after the response was complete is not ignored"));
                Sent::Not
            }
            (Ok(_), Ok(())) => {
                self.lint(event, found);
                self.accepted(event, found);
                Sent::Accepted
            }
            (Ok(_), Err(error)) => {
                let seen = format!("{name} is refused while the response is {state:?}: {error}");
                found.outer("A-66", seen);
                Sent::Unsure
            }
            (Err(SendError::Invalid(error)), result) => {
                let at = format!("while the response is {state:?}");
                Sent::invalid(event, &at, (self.rule(event, &error), &error), result, found)
            }
            (Err(SendError::Disconnected(reason)), Ok(())) if before.over => {
                found.outer("A-95", format!("accepted {name} after the exchange was lost: {reason}"));
                Sent::Unsure
            }
            // Accepted before the loss was told to the other half.
            (Err(SendError::Disconnected(_)), Ok(())) => Sent::Unsure,
            (Err(SendError::Disconnected(_)), Err(_)) => Sent::Not,
        }
    }

    fn received(&mut self, event: &ReceiveEvent, before: Before, found: &mut Findings) {
        match event {
            ReceiveEvent::HttpRequest(request) => {
                if self.machine.is_request_read() {
                    found.outer("A-67", "http.request after the last block of the request");
                } else if before.over && self.machine.state() == HttpState::Done {
                    found.outer("A-67", "http.request after the response was complete");
                }
                self.received = self.received.saturating_add(request.body.len() as u64);
                if let Some(announced) = self.announced {
                    let received = self.received;
                    if received > announced || (!request.more_body && received < announced) {
                        found.outer("A-53", format!("{received} octets of {announced} announced ones"));
                        self.announced = None;
                    }
                }
                self.machine.received(event);
            }
            ReceiveEvent::HttpDisconnect(reason) => self.told_in(*reason, before, found),
            ReceiveEvent::Vendor(_) => {}
            event => found.outer("A-07", format!("{} in an http scope", event.name())),
        }
    }

    fn lost(&mut self, reason: Disconnect, before: Before, found: &mut Findings) -> bool {
        self.told_in(reason, before, found);
        true
    }

    fn failed(&mut self, reason: Disconnect, before: Before, found: &mut Findings) {
        self.told(reason, before, found);
        if matches!(reason, Disconnect::Client | Disconnect::Timeout) {
            self.machine.lose(reason);
        }
        self.gone |= !matches!(reason, Disconnect::Shutdown | Disconnect::Complete);
    }

    fn is_complete(&self) -> bool {
        self.machine.state() == HttpState::Done
    }

    fn is_over(&self) -> bool {
        self.machine.disconnect().is_some()
    }

    fn is_disconnect_due(&self) -> bool {
        self.gone || self.machine.state() == HttpState::Done
    }

    fn ended(&mut self, result: &Result<(), Error>, found: &mut Findings) {
        let state = self.machine.state();
        if result.is_ok() && state != HttpState::Done {
            let early = matches!(state, HttpState::Idle | HttpState::Started);
            let rule = if early { "A-65" } else { "A-66" };
            found.inner(rule, format!("the call ended while the response is {state:?}"));
        }
    }
}

fn check_start(start: &ResponseStart, found: &mut Findings) {
    response_rules::check_head(start.status, &start.headers, found);
    check_connection_fields(&start.headers, found);
}

/// A server drops them: an application that sends them expects what will not be.
fn check_connection_fields(headers: &HeaderMap, found: &mut Findings) {
    if headers.contains_key("transfer-encoding") {
        found.inner("A-72", "`transfer-encoding` from an application");
    }
    for name in ["connection", "keep-alive", "proxy-connection", "upgrade"] {
        if headers.contains_key(name) {
            found.inner("A-73", format!("`{name}` from an application"));
        }
    }
}

fn check_links(hint: &EarlyHint, found: &mut Findings) {
    for link in &hint.links {
        let octets = link.as_bytes();
        if !(octets.starts_with(b"<") && octets.contains(&b'>')) {
            found.inner("V-07", format!("an early hint with the link {link:?}"));
        }
    }
}

/// What the server must have advertised for an event.
const fn capability_of(event: &SendEvent) -> Option<Capability> {
    match event {
        SendEvent::ResponseTrailers(_) => Some(Capability::Trailers),
        SendEvent::EarlyHint(_) => Some(Capability::EarlyHints),
        SendEvent::Push(_) => Some(Capability::Push),
        SendEvent::PathSend(_) => Some(Capability::PathSend),
        SendEvent::ZeroCopySend(_) => Some(Capability::ZeroCopySend),
        SendEvent::Debug(_) => Some(Capability::Debug),
        SendEvent::Vendor(_) => Some(Capability::Vendor),
        _ => None,
    }
}
