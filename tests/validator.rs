//! The validator: silent about what is right, exact about what is wrong, and in no one's way.

#[path = "validator/fixtures.rs"]
mod fixtures;
#[path = "validator/right.rs"]
mod right;
#[path = "validator/unchanged.rs"]
mod unchanged;
#[path = "validator/wrong_applications_asgi.rs"]
mod wrong_applications_asgi;
#[path = "validator/wrong_applications_wsgi.rs"]
mod wrong_applications_wsgi;
#[path = "validator/wrong_middleware.rs"]
mod wrong_middleware;
#[path = "validator/wrong_servers_asgi.rs"]
mod wrong_servers_asgi;
#[path = "validator/wrong_servers_wsgi.rs"]
mod wrong_servers_wsgi;
