//! The whole kit in this process, on either interface and through the bridges, as a report.
//!
//! ```text
//! cargo run -p gateway-conformance --example report
//! ```
//!
//! A synchronous host cannot tell an asynchronous application that its client left, nor let it send while
//! it waits for more of its request: the report says so.

use std::sync::Arc;
use std::thread;

use gateway_conformance::{Application, Exception, Group, Host, Report, Running};
use gateway_iface::BoxError;
use gateway_iface::bridge::{AsgiToWsgi, Busy, Job, WsgiToAsgi};

/// A host, and what is known not to pass on it.
struct Known(fn(Application) -> Result<Running, BoxError>, &'static [Exception]);

impl Host for Known {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        self.0(app)
    }

    fn exceptions(&self) -> &[Exception] {
        self.1
    }
}

fn on_a_thread(job: Job) -> Result<(), Busy> {
    thread::spawn(|| job.run());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report is what it is for")]
fn main() {
    use Group::{AsgiHttp, AsgiWebSocket, Lifespan, Middleware, Wsgi};
    let all = &[Wsgi, AsgiHttp, AsgiWebSocket, Lifespan, Middleware][..];
    let requests = &[Wsgi, AsgiHttp, Middleware][..];
    let hosts: [(&str, Known, &[Group]); 4] = [
        ("asynchronous", Known(|app| Ok(Running::asgi(app)), &[]), all),
        ("synchronous", Known(|app| Ok(Running::wsgi(app)), Exception::SYNCHRONOUS), requests),
        (
            "on threads of an asynchronous host",
            Known(|app| Ok(Running::asgi(WsgiToAsgi::new(app, on_a_thread))), Exception::SYNCHRONOUS),
            requests,
        ),
        (
            "hosted by a synchronous one, with its lifespan",
            Known(
                |app| {
                    let bridge = Arc::new(AsgiToWsgi::with_lifespan(app)?);
                    let stop = Arc::clone(&bridge);
                    Ok(Running::wsgi(bridge).with_stop(move || Ok(stop.shutdown()?)))
                },
                Exception::SYNCHRONOUS,
            ),
            &[Wsgi, AsgiHttp, Lifespan, Middleware],
        ),
    ];
    for (name, host, groups) in hosts {
        println!("== {name}\n{}\n", Report::of_host(&host, groups));
    }
}
