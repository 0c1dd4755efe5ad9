//! Variables that say who sends a request, and how: they stand for pieces of the head, so that a variable and
//! the typed accessors cannot tell of two clients (W-42).

use std::net::SocketAddr;

use super::Environ;
use crate::user::RemoteUser;

/// Whether a variable is one of those, which no value set by hand hides.
pub(super) fn is_peer_key(key: &str) -> bool {
    matches!(key, "REMOTE_USER" | "AUTH_TYPE" | "REMOTE_ADDR" | "REMOTE_PORT" | "HTTPS")
}

impl Environ {
    /// Writes one of them into the head; `None` if the value is none for it, `Some(false)` if it has no place
    /// until there is a user, or an address.
    pub(super) fn set_peer(&mut self, key: &str, value: &[u8]) -> Option<bool> {
        let text = std::str::from_utf8(value).ok()?;
        let head = self.head();
        match (key, head.user(), head.client()) {
            ("REMOTE_USER", user, _) => {
                let waiting = || Some(self.waiting("AUTH_TYPE")?.to_owned());
                let auth_type = user.map_or_else(waiting, |user| Some(user.auth_type().to_owned()));
                let user = RemoteUser::new(text, auth_type.unwrap_or_default());
                self.head_mut().set_user(Some(user));
            }
            ("AUTH_TYPE", Some(user), _) => {
                let user = RemoteUser::new(user.name(), text.to_owned());
                self.head_mut().set_user(Some(user));
            }
            ("REMOTE_ADDR", _, client) => {
                let port = client
                    .map_or_else(|| self.waiting("REMOTE_PORT")?.parse().ok(), |addr| Some(addr.port()));
                let addr = SocketAddr::new(text.parse().ok()?, port.unwrap_or_default());
                self.head_mut().connection_mut().set_client(Some(addr));
            }
            ("REMOTE_PORT", _, Some(client)) => {
                let addr = SocketAddr::new(client.ip(), text.parse().ok()?);
                self.head_mut().connection_mut().set_client(Some(addr));
            }
            ("REMOTE_PORT", _, None) => {
                text.parse::<u16>().ok()?;
                return Some(false);
            }
            ("HTTPS", ..) => {
                let secure = match text {
                    "on" | "1" => true,
                    "off" | "0" | "" => false,
                    _ => return None,
                };
                self.head_mut().set_secure(secure);
            }
            _ => return Some(false),
        }
        Some(true)
    }

    /// Takes one of them out of the head.
    pub(super) fn remove_peer(&mut self, key: &str) {
        let head = self.head_mut();
        match (key, head.user(), head.client()) {
            ("REMOTE_USER", Some(_), _) => head.set_user(None),
            ("AUTH_TYPE", Some(user), _) => {
                let user = RemoteUser::new(user.name(), "");
                head.set_user(Some(user));
            }
            ("REMOTE_ADDR", _, Some(_)) => head.connection_mut().set_client(None),
            ("REMOTE_PORT", _, Some(client)) => {
                head.connection_mut().set_client(Some(SocketAddr::new(client.ip(), 0)));
            }
            ("HTTPS", ..) => head.set_secure(false),
            _ => {}
        }
    }

    /// What was set before there was a place for it.
    fn waiting(&self, key: &str) -> Option<&str> {
        std::str::from_utf8(self.overlay()?.get(key)?.as_deref()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::wsgi::Value;

    fn environ() -> Environ {
        Environ::from_request(Request::get("http://h/").body("").unwrap())
    }

    fn text(environ: &Environ, key: &str) -> Option<String> {
        environ.get(key).map(|value: Value<'_>| value.latin1().into_owned())
    }

    #[test]
    fn w_42_user_has_one_name_whoever_sets_it_last() {
        let mut environ = environ();
        environ.set("REMOTE_USER", "mallory").unwrap();
        assert_eq!(environ.head().user().map(RemoteUser::name), Some("mallory"));
        assert!(!environ.contains("AUTH_TYPE"));
        environ.head_mut().set_user(Some(RemoteUser::new("ada", "Basic")));
        assert_eq!(text(&environ, "REMOTE_USER").as_deref(), Some("ada"));
        assert_eq!(text(&environ, "AUTH_TYPE").as_deref(), Some("Basic"));
        environ.remove("REMOTE_USER");
        assert!(environ.head().user().is_none() && !environ.contains("AUTH_TYPE"));
        environ.head_mut().set_user(Some(RemoteUser::new("ada", "Basic")));
        assert_eq!(text(&environ, "REMOTE_USER").as_deref(), Some("ada"));
        environ.clear();
        assert!(environ.head().user().is_none() && environ.iter().count() == 0);
        environ.head_mut().set_user(Some(RemoteUser::new("ada", "Basic")));
        assert_eq!(text(&environ, "REMOTE_USER").as_deref(), Some("ada"));
        assert!(environ.set("REMOTE_USER", b"\xFF".to_vec()).is_err());
        assert_eq!(text(&environ, "REMOTE_USER").as_deref(), Some("ada"));
    }

    #[test]
    fn w_42_user_set_by_name_is_known_behind_a_bridge() {
        use crate::bridge::AsgiToWsgi;
        use crate::testing::WsgiClient;
        use crate::{Error, RequestHead, asgi};
        async fn who(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
            let user = scope.into_http()?.head().user().map_or("nobody", RemoteUser::name).to_owned();
            Ok(send.text(200, user).await?)
        }
        let client = WsgiClient::new(AsgiToWsgi::new(who));
        let head = RequestHead::new(Request::get("/").body(()).unwrap().into_parts().0);
        let mut exchange = client.begin(head);
        exchange.environ_mut().set("REMOTE_USER", "ada").unwrap();
        assert_eq!(exchange.run().body(), "ada");
    }

    #[test]
    fn w_04_user_and_address_are_set_and_removed_in_any_order() {
        for order in [[0, 1], [1, 0]] {
            let mut environ = environ();
            for pairs in [
                [("REMOTE_USER", "ada"), ("AUTH_TYPE", "Digest")],
                [("REMOTE_ADDR", "192.0.2.7"), ("REMOTE_PORT", "4711")],
            ] {
                order.iter().for_each(|&at| environ.set(pairs[at].0, pairs[at].1).unwrap());
                for (key, value) in pairs {
                    assert_eq!(text(&environ, key).as_deref(), Some(value), "{order:?}");
                    assert_eq!(environ.iter().filter(|(own, _)| own == key).count(), 1);
                }
            }
            assert_eq!(environ.head().user(), Some(&RemoteUser::new("ada", "Digest")));
            assert_eq!(environ.head().client(), Some("192.0.2.7:4711".parse().unwrap()));
            assert_eq!(environ.remove("AUTH_TYPE").unwrap(), "Digest");
            assert_eq!(environ.remove("REMOTE_PORT").unwrap(), "4711");
            assert!(!environ.contains("AUTH_TYPE") && !environ.contains("REMOTE_PORT"));
            assert_eq!(environ.remove("REMOTE_ADDR").unwrap(), "192.0.2.7");
            assert!(environ.head().client().is_none());
        }
    }

    #[test]
    fn w_41_w_42_address_and_scheme_that_are_verified_later_are_seen() {
        let mut environ = environ();
        for (key, value) in [("REMOTE_PORT", "1"), ("REMOTE_ADDR", "10.0.0.1"), ("HTTPS", "off")] {
            environ.set(key, value).unwrap();
        }
        environ.head_mut().connection_mut().set_client(Some("192.0.2.7:2".parse().unwrap()));
        environ.head_mut().set_secure(true);
        assert_eq!(text(&environ, "REMOTE_ADDR").as_deref(), Some("192.0.2.7"));
        assert_eq!(text(&environ, "REMOTE_PORT").as_deref(), Some("2"));
        assert_eq!(text(&environ, "HTTPS").as_deref(), Some("on"));
        environ.remove("HTTPS");
        assert_eq!((environ.url_scheme(), environ.contains("HTTPS")), ("http", false));
        for (key, value) in [("REMOTE_ADDR", "h"), ("REMOTE_PORT", "x"), ("HTTPS", "maybe")] {
            assert_eq!(environ.set(key, value).unwrap_err().key(), key);
        }
    }
}
