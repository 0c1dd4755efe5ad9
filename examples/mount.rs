//! A synchronous and an asynchronous application in one tree, by path and by host.
//!
//! ```text
//! cargo run --release --example mount
//! curl 'http://127.0.0.1:8000/'
//! curl 'http://127.0.0.1:8000/api/users/7'
//! curl 'http://127.0.0.1:8000/api/reports/2024%20q1?draft'
//! curl -d 'some text' 'http://127.0.0.1:8000/%61pi/reports'
//! curl -i 'http://127.0.0.1:8000/apiary'
//! curl -i 'http://127.0.0.1:8000/api/nothing'
//! curl -H 'host: www.example.org' 'http://127.0.0.1:8000/api/users/7'
//! curl -H 'host: blog.example.org:8000' 'http://127.0.0.1:8000/api/users/7'
//! ```
//!
//! Each application is told where it is mounted, and what is left of the path. The start-up of each runs
//! once, and what it stores is there for its own requests. Ctrl-C ends it. Another address is an argument.

use gateway_hyper::Server;
use gateway_iface::middleware::Mount;
use gateway_iface::prelude::*;

/// Stored at start-up by each asynchronous application, for itself.
struct Name(&'static str);

/// An asynchronous application that tells its name and where it is.
struct Site {
    name: &'static str,
}

#[async_trait]
impl asgi::Application for Site {
    async fn call(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        let request = match scope {
            asgi::Scope::Lifespan(lifespan) => {
                let (state, name) = (lifespan.state().clone(), self.name);
                let startup = async move {
                    eprintln!("{name} starts");
                    state.insert(Name(name));
                    Ok(())
                };
                let shutdown = async move {
                    eprintln!("{name} stops");
                    Ok(())
                };
                return lifespan.run(receive, send, startup, shutdown).await;
            }
            asgi::Scope::Http(request) => request,
            other => return Err(other.unsupported().into()),
        };
        let head = request.head();
        let name = head.state().and_then(|state| state.get::<Name>()).map_or("no lifespan", |name| name.0);
        let text = format!("{name}: mounted at {:?}, asked for {:?}\n", head.root_path(), head.path_info());
        send.text(200, text).await?;
        Ok(())
    }
}

/// A synchronous application: it may block, its thread is its own while it answers.
fn reports(
    mut environ: wsgi::Environ,
    start_response: &mut dyn wsgi::StartResponse,
) -> Result<wsgi::Body, Error> {
    let body = environ.input().read_all(1024 * 1024)?;
    let mut text = format!("reports: {} octets of body,", body.len());
    for key in ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"] {
        if let Some(value) = environ.get(key) {
            text += &format!(" {key}={:?}", value.latin1());
        }
    }
    start_response.text(200, (text + "\n").into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let api =
        Mount::new().at("/users", Site { name: "users" })?.at("/reports", gateway_hyper::wsgi(reports)?)?;
    let app = Mount::new()
        .at("/api", api)?
        .at("/", Site { name: "start page" })?
        .host("www.example.org", Site { name: "www" })?
        .host("*.example.org", Site { name: "any of example.org" })?;
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(app).await?;
    Ok(())
}
