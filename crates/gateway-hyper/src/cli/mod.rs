//! A ready-made command line around an application.

mod access;
mod check;
mod logging;
mod options;
mod plan;
mod run;
mod values;
mod websockets;

pub use self::run::{main, main_from, main_wsgi, main_wsgi_from};
