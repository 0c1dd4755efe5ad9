//! Where the body of a request comes from.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http_body::Body as _;
use hyper::body::Incoming;

/// The body of a request, as its protocol decodes it.
#[derive(Debug)]
pub(crate) enum Input {
    Http1(Incoming),
    Http2(RecvStream),
}

/// A piece of it.
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

/// Why there is no more of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Broken {
    /// The client sent what is no message, and may still read an answer.
    Malformed,
    /// The client is gone.
    Lost,
}

impl Input {
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, Broken>>> {
        match self {
            Self::Http1(body) => loop {
                let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) else {
                    return Poll::Ready(None);
                };
                let piece = match frame.map_err(|error| broken(&error))?.into_data() {
                    Ok(data) => Piece::Data(data),
                    Err(frame) => match frame.into_trailers() {
                        // A lone LF in place of the last empty line: hyper has taken what followed for trailers
                        // and lost it, and would serve what comes next. So the connection ends here (H-53, H-98).
                        Ok(trailers) if trailers.is_empty() => {
                            return Poll::Ready(Some(Err(Broken::Lost)));
                        }
                        Ok(trailers) => Piece::Trailers(trailers),
                        Err(_) => continue,
                    },
                };
                return Poll::Ready(Some(Ok(piece)));
            },
            Self::Http2(body) => {
                let piece = match ready!(body.poll_data(cx)) {
                    Some(Ok(data)) => {
                        // The window opens as the application takes the octets: that is the backpressure.
                        // Where it fails the stream is gone, which is told by the next read.
                        let _ = body.flow_control().release_capacity(data.len());
                        Piece::Data(data)
                    }
                    Some(Err(_)) => return Poll::Ready(Some(Err(Broken::Lost))),
                    None => match ready!(body.poll_trailers(cx)) {
                        Ok(Some(trailers)) => Piece::Trailers(trailers),
                        Ok(None) => return Poll::Ready(None),
                        Err(_) => return Poll::Ready(Some(Err(Broken::Lost))),
                    },
                };
                Poll::Ready(Some(Ok(piece)))
            }
        }
    }

    /// Whether it is known that nothing follows.
    pub(super) fn is_end(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }
}

fn broken(error: &hyper::Error) -> Broken {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Broken::Malformed,
                _ => Broken::Lost,
            };
        }
        next = error.source();
    }
    Broken::Lost
}
