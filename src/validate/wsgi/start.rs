//! The application's way to its server.

use std::io;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::watch::Watch;
use crate::error::Error;
use crate::outcome::Observe;
use crate::validate::Violation;
use crate::wsgi::StartResponse;

/// What the application gets to start its response with.
pub(super) struct ValidStart<'a> {
    inner: &'a mut dyn StartResponse,
    watch: &'a Watch,
}

impl<'a> ValidStart<'a> {
    pub(super) fn new(inner: &'a mut dyn StartResponse, watch: &'a Watch) -> Self {
        Self { inner, watch }
    }
}

impl StartResponse for ValidStart<'_> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        if let Some(violation) = self.watch.refuses(status, &headers) {
            return Err(violation.into());
        }
        let result = self.inner.start(status, headers.clone());
        self.watch.started(status, &headers, &result).map_or(result, |violation| Err(violation.into()))
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        if let Some(violation) = self.watch.refuses(status, &headers) {
            return Err(violation.into());
        }
        let result = self.inner.restart(status, headers.clone(), cause);
        self.watch.restarted(status, &headers, &result).map_or(result, |violation| Err(violation.into()))
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.watch.writing();
        let result = self.inner.write(data);
        self.watch
            .written(data, &result)
            .map_or(result, |violation| Err(io::Error::other(InWrite(violation))))
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

/// Keeps the violation visible behind [`io::Error`], which shows only the source of what it holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct InWrite(#[source] Violation);
