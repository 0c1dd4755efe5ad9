//! Listeners beside those of a server, with applications of their own.

use std::fmt;
use std::io;
use std::sync::Arc;

use gateway_iface::asgi::Application;
use tokio::runtime;
use tracing::info;

use crate::accept::{Accepting, Acceptors};
use crate::builder::Builder;
use crate::listener::Listener;
use crate::serving::Serving;

/// A listener with an application of its own.
pub(crate) struct Beside {
    listener: Listener,
    app: Arc<dyn Application>,
}

impl Beside {
    pub(crate) fn new(listener: Listener, app: Arc<dyn Application>) -> Self {
        Self { listener, app }
    }

    pub(crate) const fn listener(&self) -> &Listener {
        &self.listener
    }

    pub(crate) fn ready(self) -> io::Result<ReadyBeside> {
        let address = self.listener.url()?;
        let acceptors = Acceptors::of(vec![self.listener], &[runtime::Handle::current()])?;
        Ok(ReadyBeside { address, acceptors, app: self.app })
    }
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// The same on a runtime, where nothing can fail any more.
pub(crate) struct ReadyBeside {
    address: String,
    acceptors: Acceptors,
    app: Arc<dyn Application>,
}

impl ReadyBeside {
    pub(crate) fn serve(self, builder: &Builder) -> (Accepting, Arc<Serving>) {
        let serving = Arc::new(Serving::new(self.app, builder.clone(), None));
        let accepting = self.acceptors.accept(&serving, Arc::default);
        info!(address = %self.address, "listening beside");
        (accepting, serving)
    }
}
