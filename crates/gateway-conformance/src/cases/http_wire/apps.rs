//! Applications that most cases of the wire are content with.

use crate::case::{App, asgi};

/// Notes its call, and answers with method, path and query, and then the body that it read.
pub(super) const TELLS: App = App::Asgi(|journal| {
    asgi(move |scope, mut receive, mut send| {
        let journal = journal.clone();
        async move {
            journal.note("called");
            let request = scope.into_http()?;
            let body = receive.body(1024 * 1024).await?;
            let target =
                format!("{} {}?{} ", request.method(), request.head().raw_path(), request.query_string());
            Ok(send.text(200, [target.as_bytes(), &body].concat()).await?)
        }
    })
});
