//! The state of one WebSocket, behind its lock.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use bytes::Bytes;
use gateway_iface::asgi::event::{Accept, DenialStart, Message, WebSocketDisconnect};
use gateway_iface::asgi::machine::{WebSocketEnding, WebSocketMachine, WebSocketState};
use gateway_iface::asgi::{Disconnect, WebSocketScope};
use http::StatusCode;
use tungstenite::protocol::frame::coding::OpCode;

use super::close;
use super::deflate::Deflater;
use super::frame::{self, BINARY, CLOSE, PING, PONG, TEXT};

#[derive(Debug)]
pub(super) struct State {
    pub(super) machine: WebSocketMachine,
    /// Messages that wait for the application.
    pub(super) incoming: VecDeque<Message>,
    pub(super) incoming_octets: usize,
    /// Frames that wait for the client, each whole (S-68).
    pub(super) out: Vec<u8>,
    /// Whether frames that were taken from there are still being written.
    pub(super) writing: bool,
    /// The latest ping that could not be answered for want of room (S-43).
    pub(super) pong: Option<Vec<u8>>,
    pub(super) deflater: Option<Deflater>,
    /// What the handshake is to be answered with.
    pub(super) reply: Option<Reply>,
    /// The head of a denial whose body has not begun.
    pub(super) denial: Option<DenialStart>,
    pub(super) blocks: VecDeque<Bytes>,
    pub(super) queued: usize,
    /// No one reads the body of the denial any more.
    pub(super) discard: bool,
    /// Whether this side's Close went to `out`: nothing follows it (S-51).
    pub(super) close_sent: bool,
    /// What `receive` tells, again and again.
    pub(super) disconnect: Option<WebSocketDisconnect>,
    pub(super) shutdown: bool,
    pub(super) ended: Option<WebSocketEnding>,
    pub(super) receiver: Option<Waker>,
    pub(super) sender: Option<Waker>,
    pub(super) connection: Option<Waker>,
}

/// What a handshake is answered with (S-15).
#[derive(Debug)]
pub(super) enum Reply {
    Accept(Box<Accept>),
    Refuse(StatusCode),
    Deny(DenialStart),
}

impl State {
    pub(super) fn new(scope: &WebSocketScope) -> Self {
        Self {
            machine: WebSocketMachine::new(scope),
            incoming: VecDeque::new(),
            incoming_octets: 0,
            out: Vec::new(),
            writing: false,
            pong: None,
            deflater: None,
            reply: None,
            denial: None,
            blocks: VecDeque::new(),
            queued: 0,
            discard: false,
            close_sent: false,
            disconnect: None,
            shutdown: false,
            ended: None,
            receiver: None,
            sender: None,
            connection: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.machine.state() == WebSocketState::Open
    }

    /// Whether the next event of the application can be taken: one beyond a fixed buffer.
    pub(super) fn has_room_to_send(&self) -> bool {
        self.out.len() < MAX_OUT && (self.discard || self.queued < MAX_OUT)
    }

    /// Whether the client may go on: reading pauses while the application does not receive (S-42).
    pub(super) fn has_room_to_receive(&self) -> bool {
        self.incoming.len() < MAX_INCOMING && self.incoming_octets < MAX_INCOMING_OCTETS
    }

    pub(super) fn push_message(&mut self, message: Message) {
        self.incoming_octets += octets(&message);
        self.incoming.push_back(message);
    }

    pub(super) fn pop_message(&mut self) -> Option<Message> {
        let message = self.incoming.pop_front()?;
        self.incoming_octets -= octets(&message);
        Some(message)
    }

    /// The application closed the socket, or ended: what it did not receive, it never will.
    pub(super) fn drop_messages(&mut self) {
        self.incoming = VecDeque::new();
        self.incoming_octets = 0;
    }

    /// Writes a message, compressed where that was agreed on (S-41).
    pub(super) fn write_message(&mut self, message: &Message) {
        let (opcode, payload) = match message {
            Message::Text(text) => (TEXT, text.as_bytes()),
            Message::Binary(octets) => (BINARY, &octets[..]),
            // There are no other kinds on the wire (S-69).
            _ => return,
        };
        let out = &mut self.out;
        let deflated = self.deflater.as_mut().is_some_and(|deflater| {
            deflater.deflate(payload, |deflated| frame::write(out, opcode, true, deflated))
        });
        if !deflated {
            frame::write(out, opcode, false, payload);
        }
    }

    fn write_control(&mut self, opcode: OpCode, payload: &[u8]) {
        if !self.close_sent {
            frame::write(&mut self.out, opcode, false, payload);
        }
    }

    pub(super) fn write_ping(&mut self) {
        self.write_control(PING, b"");
    }

    /// Answers a ping, or the latest one as soon as there is room (S-43).
    pub(super) fn write_pong(&mut self, payload: Vec<u8>) {
        if self.out.len() < MAX_OUT {
            self.write_control(PONG, &payload);
        } else {
            self.pong = Some(payload);
        }
    }

    /// Writes this side's Close, unless there is one already (S-50, S-51, S-57).
    pub(super) fn write_close(&mut self, code: Option<u16>, reason: &str) {
        let payload = code.map(|code| close::payload(code, reason)).unwrap_or_default();
        self.write_control(CLOSE, &payload);
        self.close_sent = true;
        self.deflater = None;
    }

    /// The socket is over: what `receive` tells from now on, unless it told something before.
    pub(super) fn lose(&mut self, code: u16, reason: String, cause: Disconnect) {
        self.machine.lose(cause);
        let cause = self.machine.disconnect().unwrap_or(cause);
        self.disconnect.get_or_insert_with(|| WebSocketDisconnect::new(code, cause).with_reason(reason));
        self.wake_both();
    }

    pub(super) fn wake_both(&mut self) {
        for waker in [self.receiver.take(), self.sender.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    /// Wakes the receiver, unless the connection's own task is about to poll it anyway.
    pub(super) fn wake_receiver(&mut self) {
        if let Some(waker) = self.receiver.take() {
            let own = self.connection.as_ref().is_some_and(|connection| connection.will_wake(&waker));
            if !own {
                waker.wake();
            }
        }
    }

    pub(super) fn wake_sender(&mut self) {
        if let Some(waker) = self.sender.take() {
            waker.wake();
        }
    }
}

fn octets(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(octets) => octets.len(),
        _ => 0,
    }
}

/// Keeps the waker of a half that waits.
pub(super) fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Octets that wait for the client; at this many a further `send` waits.
const MAX_OUT: usize = 64 * 1024;
/// Messages that wait for the application; at this many reading pauses.
const MAX_INCOMING: usize = 16;
/// Octets that wait for the application; at this many reading pauses.
const MAX_INCOMING_OCTETS: usize = 64 * 1024;
