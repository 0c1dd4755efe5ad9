//! What the application was called with.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};

use crate::answer::MARKER;
use crate::table::Seen;

/// The calls of an application, by client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<HashMap<SocketAddr, Vec<Call>>>>);

/// A call of the application.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: HeaderMap,
    /// The body, once all of it was read.
    pub(crate) body: Option<Bytes>,
}

impl Calls {
    /// Takes down a call, and gives the response to it.
    pub(crate) fn begin(
        &self,
        client: SocketAddr,
        method: &str,
        target: &str,
        headers: &HeaderMap,
    ) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        if (method, target) == ("GET", "/marker") && headers.len() == 2 {
            response.headers_mut().insert(MARKER, HeaderValue::from_static("yes"));
        } else {
            let call = Call {
                method: method.to_owned(),
                target: target.as_bytes().to_vec(),
                headers: headers.clone(),
                body: None,
            };
            self.with(client, |calls| calls.push(call));
        }
        response
    }

    /// The whole body of the last call came.
    pub(crate) fn read(&self, client: SocketAddr, body: Bytes) {
        self.with(client, |calls| {
            if let Some(call) = calls.last_mut().filter(|call| call.body.is_none()) {
                call.body = Some(body);
            }
        });
    }

    /// The calls of a client.
    pub(crate) fn of(&self, client: SocketAddr) -> Vec<Call> {
        self.with(client, |calls| calls.clone())
    }

    fn with<R>(&self, client: SocketAddr, action: impl FnOnce(&mut Vec<Call>) -> R) -> R {
        action(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(client).or_default())
    }
}

impl Call {
    /// What differs from what must have been seen.
    pub(crate) fn differs(&self, seen: &Seen) -> Option<String> {
        if (&self.method, &self.target) != (&seen.method, &seen.target) {
            return Some(format!("{} {}", self.method, String::from_utf8_lossy(&self.target)));
        }
        if let (Some(body), Some(right)) = (&self.body, &seen.body)
            && body != right
        {
            return Some(format!("the body {body:?}"));
        }
        seen.fields.iter().find_map(|(name, right)| {
            let values: Vec<_> = self.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            let value = if values.is_empty() { None } else { Some(values.join(&b'|')) };
            (value != *right).then(|| format!("{name}: {values:?}"))
        })
    }
}
