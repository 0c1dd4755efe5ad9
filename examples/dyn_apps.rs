//! Applications of any type in one list, chosen at run time by the number in the path.
//!
//! ```text
//! cargo run --example dyn_apps
//! curl http://127.0.0.1:8000/0/a
//! curl http://127.0.0.1:8000/1/a
//! curl http://127.0.0.1:8000/2/0/a
//! curl http://127.0.0.1:8000/2/1/a
//! curl -i http://127.0.0.1:8000/7
//! ```
//!
//! The third is a list of synchronous applications. Another address is an argument.

use std::sync::Arc;

use gateway_hyper::{ServeError, Server};
use gateway_iface::RequestHead;
use gateway_iface::middleware::{Counter, Refusal};
use gateway_iface::prelude::*;

/// A list of applications; the first segment of the path is the number of one of them.
struct Choice<A: ?Sized> {
    apps: Vec<Arc<A>>,
    not_found: Refusal,
}

impl<A: ?Sized> Choice<A> {
    fn new(apps: Vec<Arc<A>>) -> Self {
        Self { apps, not_found: Refusal::default() }
    }

    /// Finds the application, which sees only the rest of the path.
    fn choose(&self, head: &mut RequestHead) -> Option<&Arc<A>> {
        let segment = head.path_info().strip_prefix('/')?.split('/').next()?;
        let (app, len) = (self.apps.get(segment.parse::<usize>().ok()?)?, segment.len());
        head.mount(1 + len).ok()?;
        Some(app)
    }
}

#[async_trait]
impl asgi::Application for Choice<dyn asgi::Application> {
    async fn call(
        &self,
        mut scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> Result<(), Error> {
        match scope.head_mut().and_then(|head| self.choose(head)) {
            Some(app) => app.call(scope, receive, send).await,
            None => asgi::Application::call(&self.not_found, scope, receive, send).await,
        }
    }
}

impl wsgi::Application for Choice<dyn wsgi::Application> {
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        match self.choose(environ.head_mut()) {
            Some(app) => app.call(environ, start_response),
            None => wsgi::Application::call(&self.not_found, environ, start_response),
        }
    }
}

async fn plain(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    send.text(200, format!("asynchronous, at {} {}\n", head.root_path(), head.path_info())).await?;
    Ok(())
}

fn greeter(greeting: &'static str) -> impl wsgi::Application {
    move |environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse| {
        start_response.start(StatusCode::OK, HeaderMap::new())?;
        Ok(format!("{greeting}, at {} {}\n", environ.root_path(), environ.path_info()).into())
    }
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let blocking: Vec<Arc<dyn wsgi::Application>> =
        vec![Arc::new(greeter("hello")), Arc::new(greeter("bye"))];
    let apps: Vec<Arc<dyn asgi::Application>> = vec![
        Arc::new(plain),
        Arc::new(Counter::new(plain)),
        Arc::new(gateway_hyper::wsgi(Choice::new(blocking))?),
    ];
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(Choice::new(apps)).await
}
