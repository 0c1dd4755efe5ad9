//! What a client has seen of a response.

use std::borrow::Cow;

use gateway_iface::bytes::Bytes;
use gateway_iface::http::HeaderMap;

use crate::case::{Failure, ensure, equal};

/// A response, as far as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The fields in their order, names in lower case.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Whether it ended as its framing says it would.
    pub(crate) complete: bool,
}

/// A piece of the body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Block {
    Data(Bytes),
    /// The response is complete.
    End,
    /// The connection broke off before its end.
    Cut,
}

impl Response {
    pub(crate) fn new(status: u16, headers: &HeaderMap) -> Self {
        let fields =
            headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        Self { status, fields: fields.collect(), ..Self::default() }
    }

    /// The values of a field, in their order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let named = move |field: &&(String, Vec<u8>)| field.0 == name;
        self.fields.iter().filter(named).map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// The one value of a field.
    pub(crate) fn field<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        self.all(name).next()
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Fails unless it is complete, with that status and body.
    pub(crate) fn is(&self, status: u16, body: impl AsRef<[u8]>) -> Result<(), Failure> {
        equal("the status", self.status, status)?;
        ensure(self.complete, || format!("the response was cut after {} octets", self.body.len()))?;
        ensure(self.body == body.as_ref(), || {
            let wanted = String::from_utf8_lossy(body.as_ref());
            format!("the body: saw {}, wanted {}", excerpt(&self.text()), excerpt(&wanted))
        })
    }

    /// Fails unless the field has that value, once.
    pub(crate) fn has(&self, name: &str, value: &str) -> Result<(), Failure> {
        let seen: Vec<_> = self.all(name).collect();
        equal(&format!("the field `{name}`"), seen, [value])
    }

    /// Fails if there is such a field.
    pub(crate) fn lacks(&self, name: &str) -> Result<(), Failure> {
        equal(&format!("the field `{name}`"), self.field(name).as_deref(), None::<&str>)
    }

    /// Fails unless it was broken off, so that a client sees that something is missing.
    pub(crate) fn is_cut(&self) -> Result<(), Failure> {
        ensure(!self.complete, || format!("the response looks complete: {}", excerpt(&self.text())))
    }
}

fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    format!("{short:?} ({} octets)", text.len())
}
