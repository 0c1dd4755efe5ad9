//! How a client over a socket reads and writes the notes of a case.

use gateway_iface::asgi::{self, Scope};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, RequestHead};

use crate::cases::cases;
use crate::journal::Journals;

/// Answers what is for no case: the notes, at `/!/CASE`.
///
/// `GET` reads the notes, a line each; `POST` to `/!/CASE/TEXT` adds one; `DELETE` forgets them.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    journals: Journals,
}

impl Control {
    pub(crate) const fn new(journals: Journals) -> Self {
        Self { journals }
    }

    pub(crate) async fn answer(&self, scope: Scope, mut send: asgi::Send) -> Result<(), Error> {
        let request = scope.into_http()?;
        let (status, text) = self.reply(request.head());
        Ok(send.text(status, text).await?)
    }

    pub(crate) fn answer_blocking(
        &self,
        environ: &Environ,
        start_response: &mut dyn StartResponse,
    ) -> Result<Body, Error> {
        let (status, text) = self.reply(environ.head());
        start_response.text(status, text.into())
    }

    fn reply(&self, head: &RequestHead) -> (u16, String) {
        let mut path = head.path_info().split('/').skip(1);
        let (Some(CONTROL), Some(name)) = (path.next(), path.next()) else {
            return (404, format!("no case is named by {}\n", head.raw_path()));
        };
        let Some((_, case)) = cases().find(|(_, case)| case.name == name) else {
            return (404, format!("no case is named {name}\n"));
        };
        let journal = self.journals.of(case.name);
        match (head.method().as_str(), path.next()) {
            ("GET", None) => {
                let lines = journal.lines();
                return (200, lines.iter().map(|line| format!("{line}\n")).collect());
            }
            ("POST", Some(text)) => journal.note(text),
            ("DELETE", None) => journal.clear(),
            _ => return (405, "notes are read, added to and forgotten\n".to_owned()),
        }
        (200, String::new())
    }
}

/// The first segment of the paths that are for no case.
pub(crate) const CONTROL: &str = "!";
