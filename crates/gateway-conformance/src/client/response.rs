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
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
    /// Whether it ended as its framing says it would.
    pub(crate) complete: bool,
}

/// Fields in their order, names in lower case.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

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
        Self { status, fields: fields(headers), ..Self::default() }
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

    /// Fails when it has another length than that one; it may have none.
    pub(crate) fn has_no_length_but(&self, length: usize) -> Result<(), Failure> {
        let (seen, length) = (self.all("content-length").collect::<Vec<_>>(), length.to_string());
        ensure(seen.iter().all(|seen| *seen == length), || {
            format!("`content-length`: saw {seen:?}, wanted {length} or none")
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

    /// Fails if the text is anywhere in it.
    pub(crate) fn tells_nothing_of(&self, text: &str) -> Result<(), Failure> {
        let told = |octets: &[u8]| String::from_utf8_lossy(octets).contains(text);
        let fields = self.fields.iter().chain(&self.trailers);
        ensure(!told(&self.body) && !fields.into_iter().any(|(_, value)| told(value)), || {
            format!("the response tells {text:?}")
        })
    }

    /// Fails if it declares another length than this, which its body had (H-85).
    pub(super) fn keeps_its_length(&self, len: usize) -> Result<(), Failure> {
        let Some(length) = self.field("content-length").filter(|_| !matches!(self.status, 204 | 304)) else {
            return Ok(());
        };
        equal("the content-length of a whole response", &*length, &*len.to_string())
    }

    /// Fails unless it was broken off, so that a client sees that something is missing.
    pub(crate) fn is_cut(&self) -> Result<(), Failure> {
        ensure(!self.complete, || format!("the response looks complete: {}", excerpt(&self.text())))
    }
}

/// The fields of a head, or trailers.
pub(super) fn fields(headers: &HeaderMap) -> Fields {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    format!("{short:?} ({} octets)", text.len())
}
