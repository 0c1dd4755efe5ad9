//! Who is asking.

use std::sync::Arc;

use gateway_iface::RemoteUser;
use gateway_iface::http::HeaderValue;
use gateway_iface::middleware::{
    BasicAuth, CookieJar, Cookies, ForwardingFields, ProxyHeaders, SetCookie, Users, Wrap,
};

use crate::case::{App, Case, Failure, asgi, ensure, equal, wsgi};
use crate::cases::fields::text;
use crate::client::{Client, Response};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "verified_user_reaches_the_application",
        rules: &["H-74"],
        about: "Without the right name and password a request is answered with 401 and a challenge, and the application is not called; with them it is told the name.",
        app: App::Asgi(|journal| {
            let app = asgi(move |scope, _, mut send| {
                journal.note("called");
                async move {
                    let request = scope.into_http()?;
                    let user = request.head().user().map_or("nobody", RemoteUser::name).to_owned();
                    Ok(send.text(200, user).await?)
                }
            });
            Arc::new(BasicAuth::new(app, Users::new().with("ada", "lovelace")))
        }),
        check: |client| {
            for credentials in
                [None, Some("Basic YWRhOndyb25n"), Some("Basic !"), Some("Bearer x"), Some("Basic YWRh")]
            {
                let refused = with(client, "authorization", credentials)?;
                equal("the status", refused.status, 401)?;
                let challenge = refused.field("www-authenticate").unwrap_or_default().into_owned();
                ensure(challenge.starts_with("Basic "), || challenge)?;
            }
            with(client, "authorization", Some("Basic YWRhOmxvdmVsYWNl"))?.is(200, "ada")?;
            equal("the calls", client.notes()?, ["called"])
        },
        ..Case::NEW
    },
    Case {
        name: "verified_user_is_remote_user",
        rules: &["W-40", "W-135"],
        about: "The verified name is REMOTE_USER, and AUTH_TYPE says how it was verified; no field can pose as either.",
        app: App::Wsgi(|_| {
            let app = wsgi(|environ, start_response| {
                let show =
                    |key: &str| environ.get(key).map(|value| value.latin1().into_owned()).unwrap_or_default();
                start_response.text(200, format!("{} {}", show("AUTH_TYPE"), show("REMOTE_USER")).into())
            });
            Arc::new(BasicAuth::new(app, Users::new().with("ada", "lovelace")))
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            for (name, value) in [
                ("authorization", "Basic YWRhOmxvdmVsYWNl"),
                ("remote-user", "root"),
                ("remote_user", "root"),
                ("auth-type", "x"),
            ] {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            client.request(request)?.is(200, "Basic ada")?;
            equal("the status", with(client, "remote-user", Some("root"))?.status, 401)
        },
        ..Case::NEW
    },
    Case {
        name: "cookies_of_every_field_are_one_jar",
        rules: &["A-29", "W-163", "H-29"],
        about: "The client sends cookies in two fields; the application finds each, and sets two of its own, which arrive apart.",
        app: App::Asgi(|_| {
            let app = asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let jar = CookieJar::of(request.head());
                let told = format!("{:?} {:?} {:?}", jar.get("a"), jar.get("b"), jar.get("c"));
                let mut headers = text();
                for name in ["one", "two"] {
                    headers.append("set-cookie", SetCookie::new(name, "1").http_only(true).build()?);
                }
                send.start(gateway_iface::http::StatusCode::OK, headers).await?;
                Ok(send.last(told).await?)
            });
            Arc::new(Cookies::new(app))
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            request.headers_mut().append("cookie", HeaderValue::from_static("a=1; b=two words"));
            request.headers_mut().append("cookie", HeaderValue::from_static("c=3"));
            let response = client.request(request)?;
            response.is(200, r#"Some("1") Some("two words") Some("3")"#)?;
            let set: Vec<_> = response.all("set-cookie").collect();
            ensure(set.len() == 2 && set[0].starts_with("one=1") && set[1].starts_with("two=1"), || {
                format!("{set:?}")
            })
        },
        ..Case::NEW
    },
    Case {
        name: "trusted_proxy_tells_client_and_scheme",
        rules: &["A-20", "A-30", "H-21"],
        about: "The peer is a trusted proxy: the right-most hop that is not trusted is the client, and what that one made up itself is not believed.",
        app: App::Asgi(|_| {
            let app = asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let head = request.head();
                let client = head.client().map(|client| client.ip().to_string()).unwrap_or_default();
                Ok(send.text(200, format!("{client} {}", head.is_secure())).await?)
            });
            let trusting = ["127.0.0.0/8", "::1", "10.0.0.0/8"]
                .into_iter()
                .try_fold(ProxyHeaders::new(app), ProxyHeaders::trust);
            Arc::new(trusting.expect("the networks of cases are valid"))
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            request.headers_mut().append("x-forwarded-for", HeaderValue::from_static("198.51.100.9"));
            request
                .headers_mut()
                .append("x-forwarded-for", HeaderValue::from_static("203.0.113.7, 10.1.2.3"));
            request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
            client.request(request)?.is(200, "203.0.113.7 true")
        },
        ..Case::NEW
    },
    Case {
        name: "stranger_is_not_believed",
        rules: &["W-49", "H-21", "W-135"],
        about: "The peer is no trusted proxy: what it says of client and scheme is not believed, and does not reach the application.",
        app: App::Wsgi(|_| {
            let app = wsgi(|environ, start_response| {
                let show = |key: &str| environ.get(key).map(|value| value.latin1().into_owned());
                let spoofed = show("REMOTE_ADDR").is_some_and(|addr| addr.starts_with("203.0.113."));
                let seen = ["HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"]
                    .map(show)
                    .iter()
                    .flatten()
                    .count();
                let scheme = environ.url_scheme();
                start_response.text(200, format!("{spoofed} {seen} {scheme}").into())
            });
            let strangers = ProxyHeaders::new(app).with_fields(ForwardingFields::Forwarded);
            Arc::new(
                strangers
                    .trust("192.0.2.0/24")
                    .expect("the networks of cases are valid")
                    .wrap(ProxyHeaders::new),
            )
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            for (name, value) in [
                ("forwarded", "for=203.0.113.7;proto=https"),
                ("x-forwarded-for", "203.0.113.7"),
                ("x-forwarded-proto", "https"),
            ] {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            client.request(request)?.is(200, "false 0 http")
        },
        ..Case::NEW
    },
];

/// A GET with that field.
fn with(client: &Client, name: &'static str, value: Option<&'static str>) -> Result<Response, Failure> {
    let mut request = client.to("GET", "", "");
    if let Some(value) = value {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    client.request(request)
}
