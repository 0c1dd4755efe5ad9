//! Responses ahead of the response.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use http::HeaderValue;
use parking_lot::Mutex;

/// Responses with 103 or 100 (S-13), which hyper does not send: they go ahead of a head that hyper has
/// not written yet.
#[derive(Debug, Default)]
pub(super) struct Interim {
    octets: Mutex<BytesMut>,
    /// Whether there are any.
    waits: AtomicBool,
}

impl Interim {
    /// Leaves a response with links.
    #[cold]
    pub(super) fn hint(&self, links: Vec<HeaderValue>) {
        let mut octets = self.octets.lock();
        octets.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
        for link in links {
            octets.extend_from_slice(b"link: ");
            octets.extend_from_slice(link.as_bytes());
            octets.extend_from_slice(b"\r\n");
        }
        octets.extend_from_slice(b"\r\n");
        self.waits.store(true, Ordering::Relaxed);
    }

    /// Leaves a response with 100: hyper sends it for a body only.
    #[cold]
    pub(super) fn go_on(&self) {
        self.octets.lock().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        self.waits.store(true, Ordering::Relaxed);
    }

    /// Whether there is something to be sent.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Takes all there is.
    #[cold]
    pub(super) fn take(&self) -> BytesMut {
        self.waits.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.octets.lock())
    }
}
