//! The fields of the request, as variables.

use gateway_iface::http::{HeaderName, HeaderValue};
use gateway_iface::wsgi::Body;

use super::environ::{show, tell};
use crate::case::{App, Case, Failure, ensure, equal, wsgi};
use crate::client::{HOST, Upload};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "type_and_length_have_keys_of_their_own",
        rules: &["W-29", "W-30", "W-36"],
        about: "CONTENT_TYPE and CONTENT_LENGTH tell of the body, are absent or empty without one, and no HTTP_ key shows them.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("POST", "", "12345");
            request.headers_mut().insert("content-type", HeaderValue::from_static("text/x-kit"));
            let told = client.request(request)?;
            let has = |line: &str| {
                let there = told.text().lines().any(|known| known == line);
                ensure(there, || format!("{line} is not among {}", told.text()))
            };
            has("CONTENT_TYPE=text/x-kit")?;
            has("CONTENT_LENGTH=5")?;
            let bare = client.get("")?;
            for told in [told.text(), bare.text()] {
                ensure(!told.contains("HTTP_CONTENT_"), || format!("an HTTP_CONTENT_ key is there: {told}"))?;
            }
            for key in ["CONTENT_TYPE=", "CONTENT_LENGTH="] {
                let value = bare.text().lines().find_map(|line| Some(line.strip_prefix(key)?.to_owned()));
                let none = matches!(value.as_deref(), None | Some(""));
                ensure(none, || format!("{key}{value:?} without a body"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "body_in_chunks_is_decoded_and_has_no_length_but_its_own",
        rules: &["W-31", "W-81", "W-146", "A-55"],
        about: "A request body comes in chunks; the application reads its content, and CONTENT_LENGTH is absent or that of the content.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let length = show(&environ, "CONTENT_LENGTH");
                let body = environ.input().read_all(100)?;
                let ok = length.is_empty() || length == body.len().to_string();
                let body = if ok { body } else { format!("CONTENT_LENGTH is {length}").into() };
                start_response.text(200, Body::from(body))
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Chunked)?;
            exchange.send("one ", false)?;
            exchange.send("two", false)?;
            exchange.send("", true)?;
            exchange.response()?.is(200, "one two")
        },
        ..Case::NEW
    },
    Case {
        name: "fields_are_variables",
        rules: &["W-35", "W-37", "W-60"],
        about: "Each field is an HTTP_ key with its octets as they are, and there is no such key without a field; repeated ones are joined in order by a comma, and cookies by a semicolon.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("GET", "", "");
            let fields: [(&str, &[u8]); 6] = [
                ("x-one", b"a  b"),
                ("x-many", b"1"),
                ("x-many", b"2, 3"),
                ("cookie", b"a=1"),
                ("cookie", b"b=2"),
                ("x-octets", b"caf\xE9"),
            ];
            for (name, value) in fields {
                let value = HeaderValue::from_bytes(value).map_err(|error| Failure::of(name, error))?;
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
            let told = client.request(request)?;
            let lines: Vec<_> = told.body.split(|&octet| octet == b'\n').collect();
            let has = |wanted: &[&[u8]]| {
                ensure(lines.iter().any(|line| wanted.contains(line)), || {
                    format!("{:?} is not among {}", String::from_utf8_lossy(wanted[0]), told.text())
                })
            };
            has(&[b"HTTP_X_ONE=a  b"])?;
            has(&[b"HTTP_X_MANY=1,2, 3", b"HTTP_X_MANY=1, 2, 3"])?;
            has(&[b"HTTP_COOKIE=a=1; b=2"])?;
            has(&[b"HTTP_X_OCTETS=caf\xE9"])?;
            has(&[format!("HTTP_HOST={HOST}").as_bytes()])?;
            // The client sends a `connection` too, which a server may keep to itself (W-39).
            let known =
                ["HTTP_HOST", "HTTP_CONNECTION", "HTTP_X_ONE", "HTTP_X_MANY", "HTTP_COOKIE", "HTTP_X_OCTETS"];
            let keys = lines.iter().map(|line| line.split(|&octet| octet == b'=').next().unwrap_or_default());
            let made_up: Vec<_> = keys
                .map(String::from_utf8_lossy)
                .filter(|key| key.starts_with("HTTP_") && !known.contains(&&**key))
                .collect();
            equal("keys without a field", made_up, [""; 0])
        },
        ..Case::NEW
    },
    Case {
        name: "repeated_fields_lose_nothing",
        rules: &["W-37"],
        about: "The client sends one field 64 times, and two content types: each value of the field is there, in order; the types are refused, or one of them is CONTENT_TYPE, never both joined.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("GET", "", "");
            for n in 0..64 {
                request.headers_mut().append("x-many", HeaderValue::from(n));
            }
            let told = client.request(request)?;
            let told = told.text();
            let seen = told.lines().find_map(|line| line.strip_prefix("HTTP_X_MANY=")).unwrap_or_default();
            let seen: Vec<_> = seen.split(',').map(str::trim).collect();
            equal("HTTP_X_MANY", seen, (0..64).map(|n| n.to_string()).collect::<Vec<_>>())?;
            let mut request = client.to("POST", "", "x");
            for value in ["text/one", "text/two"] {
                request.headers_mut().append("content-type", HeaderValue::from_static(value));
            }
            let told = client.request(request)?;
            let one = ["CONTENT_TYPE=text/one", "CONTENT_TYPE=text/two"];
            let one = told
                .text()
                .lines()
                .filter(|line| line.starts_with("CONTENT_TYPE"))
                .all(|line| one.contains(&line));
            ensure((400..500).contains(&told.status) || one, || told.text().into_owned())
        },
        ..Case::NEW
    },
    Case {
        name: "field_cannot_pose_as_another",
        rules: &["W-38", "C-21"],
        about: "A field with an underscore in its name does not show under the key of the one with a hyphen, and no field makes HTTP_PROXY.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("GET", "", "");
            for (name, value) in [("x_user", "false"), ("x-user", "true"), ("proxy", "http://evil.example")] {
                request.headers_mut().append(name, HeaderValue::from_static(value));
            }
            let told = client.request(request)?;
            let told = told.text();
            ensure(told.lines().any(|line| line == "HTTP_X_USER=true"), || told.clone().into_owned())?;
            ensure(!told.contains("HTTP_PROXY="), || format!("HTTP_PROXY is there: {told}"))
        },
        ..Case::NEW
    },
];

/// Answers with every variable, a line each.
const TELLS: App =
    App::Wsgi(|_| wsgi(|environ, start_response| start_response.text(200, tell(&environ).into())));
