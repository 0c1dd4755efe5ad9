//! The validator: silent about what is right, exact about what is wrong, and in no one's way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "validator/applications.rs"]
mod applications;
#[path = "validator/fixtures.rs"]
mod fixtures;
#[path = "validator/ids.rs"]
mod ids;
#[path = "validator/levels.rs"]
mod levels;
#[path = "validator/losses.rs"]
mod losses;
#[path = "validator/pairs.rs"]
mod pairs;
#[path = "validator/right.rs"]
mod right;
#[path = "validator/script.rs"]
mod script;
#[path = "validator/unchanged.rs"]
mod unchanged;
#[path = "validator/wrong_applications_asgi.rs"]
mod wrong_applications_asgi;
#[path = "validator/wrong_applications_http.rs"]
mod wrong_applications_http;
#[path = "validator/wrong_applications_wsgi.rs"]
mod wrong_applications_wsgi;
#[path = "validator/wrong_middleware.rs"]
mod wrong_middleware;
#[path = "validator/wrong_servers_asgi.rs"]
mod wrong_servers_asgi;
#[path = "validator/wrong_servers_http.rs"]
mod wrong_servers_http;
#[path = "validator/wrong_servers_wsgi.rs"]
mod wrong_servers_wsgi;
