//! The request's body, as the application reads it.

use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::asgi::Disconnect;
use gateway_iface::asgi::event::{ReceiveEvent, RequestBody};
use http::StatusCode;

use super::input::{Broken, Piece};
use super::state::State;
use crate::stats::Limit;

impl State {
    /// Reads on for an application that only waits, since hyper notices a loss when it reads.
    pub(super) fn read_ahead(&mut self, cx: &mut Context<'_>) {
        while self.request.is_some() && !self.expects && self.ahead_octets < MAX_READ_AHEAD {
            let Poll::Ready(ReceiveEvent::HttpRequest(request)) = self.poll_body(cx) else {
                // The application asks for nothing.
                self.budget.go_on();
                return;
            };
            self.ahead_octets += request.body.len();
            self.ahead.push_back(request);
        }
    }

    /// No more of the request's body is taken.
    pub(super) fn refuse(&mut self, status: StatusCode, reason: Disconnect) {
        self.refused = Some((status, reason));
        self.request = None;
        self.budget.go_on();
        if reason == Disconnect::Timeout {
            self.machine.lose(reason);
        }
    }

    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        loop {
            let Some(request) = &mut self.request else {
                return Poll::Ready(match self.refused {
                    Some((_, reason)) => ReceiveEvent::HttpDisconnect(reason),
                    None => ReceiveEvent::HttpRequest(RequestBody::last(Bytes::new())),
                });
            };
            let Poll::Ready(piece) = request.poll_piece(cx) else {
                self.budget.wait();
                return Poll::Pending;
            };
            self.budget.go_on();
            match piece {
                Some(Ok(Piece::Data(block))) => {
                    if self.budget.is_exceeded_by(block.len()) {
                        self.budget.counters().hit(Limit::BodySize);
                        self.refuse(StatusCode::PAYLOAD_TOO_LARGE, Disconnect::Client);
                        continue;
                    }
                    let body = if request.is_end() {
                        self.request = None;
                        RequestBody::last(block)
                    } else {
                        RequestBody::block(block)
                    };
                    return Poll::Ready(ReceiveEvent::HttpRequest(body));
                }
                Some(Ok(Piece::Trailers(fields))) => {
                    if let Some(trailers) = &self.request_trailers {
                        trailers.set(fields);
                    }
                }
                Some(Err(Broken::Malformed)) => self.refuse(StatusCode::BAD_REQUEST, Disconnect::Client),
                Some(Err(Broken::Lost)) => {
                    self.machine.lose(Disconnect::Client);
                    self.request = None;
                    return Poll::Ready(ReceiveEvent::HttpDisconnect(Disconnect::Client));
                }
                None => self.request = None,
            }
        }
    }
}

/// Octets of a request body that are read ahead of an application that waits for its client to leave, at
/// the most: a loss behind more than that is noticed when it reads on.
const MAX_READ_AHEAD: usize = 64 * 1024;
