//! Applications that most cases of the wire are content with.

use crate::case::{App, asgi};

/// Notes its call, and answers with method, path and query, then the fields whose names begin with
/// `x-kit-`, and then the body that it read.
pub(super) const TELLS: App = App::Asgi(|journal| {
    asgi(move |scope, mut receive, mut send| {
        let journal = journal.clone();
        async move {
            journal.note("called");
            let request = scope.into_http()?;
            let body = receive.body(1024 * 1024).await?;
            let mut told =
                format!("{} {}?{} ", request.method(), request.head().raw_path(), request.query_string());
            for (name, value) in request.headers() {
                if name.as_str().starts_with("x-kit-") {
                    told.push_str(&format!("{name}={} ", String::from_utf8_lossy(value.as_bytes())));
                }
            }
            Ok(send.text(200, [told.as_bytes(), &body].concat()).await?)
        }
    })
});
