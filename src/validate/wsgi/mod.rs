//! The synchronous interface.

mod body;
mod environ;
mod input;
mod start;
mod watch;

use std::sync::Arc;

use self::start::ValidStart;
use self::watch::Watch;
use super::validator::Validator;
use super::witness::Witness;
use crate::error::Error;
use crate::wsgi::{Application, Body, Environ, StartResponse};

impl<A: Application> Application for Validator<A> {
    fn call(&self, mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let watch = Arc::new(Watch::begin(&self.settings, &mut environ));
        environ::check(&watch, &mut environ)?;
        input::watch(&watch, &mut environ);
        start_response.observe(Witness::new(&watch));
        let mut start = ValidStart::new(start_response, &watch);
        let mut unwinding = Unwinding { watch: &watch, over: false };
        let result = self.inner.call(environ, &mut start);
        unwinding.over = true;
        drop(unwinding);
        watch.returned(&result).map_or(Ok(()), |violation| Err(Error::from(violation)))?;
        match result {
            Ok(body) => body::watch(watch, body),
            Err(error) => watch.finished().map_or(Err(error), |violation| Err(violation.into())),
        }
    }
}

/// Sees a call end in a panic.
struct Unwinding<'a> {
    watch: &'a Watch,
    over: bool,
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.watch.unwound();
        }
    }
}
