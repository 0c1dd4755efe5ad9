//! The synchronous interface: an application is called, starts its response, and returns the body.
//!
//! It is what [PEP 3333](https://peps.python.org/pep-3333/) (WSGI) is for Python, typed. Read in this
//! order: [`Application`], [`Environ`], [`Input`], [`StartResponse`], [`Body`]. A server also uses
//! [`run()`] and [`Transport`], or builds on [`HeadState`] itself.

mod application;
mod body;
mod cgi_keys;
mod cgi_view;
mod environ;
mod errors;
mod head_check;
mod head_state;
mod input;
mod overlay;
mod peer_keys;
mod responder;
mod run;
mod start_response;
mod url;
mod value;

pub use application::Application;
pub use body::Body;
pub use environ::Environ;
pub use errors::ErrorStream;
pub use head_check::InvalidHead;
pub use head_state::{Admitted, Head, HeadState, InvalidCall};
pub use input::Input;
pub use overlay::InvalidVariable;
pub use responder::{Responder, Transport};
pub(crate) use run::is_lost_input;
pub use run::{RunError, run, run_with};
pub use start_response::StartResponse;
pub use value::Value;
