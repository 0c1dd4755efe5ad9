//! The plain model that the guard is compared with: slow, without limits, on its own code.

use std::collections::BTreeSet;

/// What deny and allow list say: all readings as strings of octets-as-chars, rules applied to each.
pub(super) fn verdicts(path: &str) -> (bool, bool) {
    let broken = |path: &str| path.match_indices('%').any(|(at, _)| hex(&path[at + 1..]).is_none());
    if broken(path) {
        return (false, false);
    }
    let mut readings = BTreeSet::new();
    let mut todo = vec![path.bytes().map(char::from).collect::<String>()];
    while let Some(reading) = todo.pop() {
        if readings.insert(reading.clone()) {
            todo.extend(model_steps(&reading));
        }
    }
    if readings.iter().any(|reading| hostile(reading)) || readings.len() > 64 {
        return (false, false);
    }
    let text = |reading: &str| String::from_utf8(reading.chars().map(|c| u8::try_from(c).unwrap()).collect());
    let is_text = readings.iter().all(|reading| text(reading).is_ok());
    let segments = |reading: &str| -> Vec<String> {
        reading.split('/').map(decode_all).filter(|segment| !segment.is_empty()).collect()
    };
    let denied = |reading: &String| {
        let segments: Vec<_> = segments(reading).iter().map(|segment| segment.to_ascii_lowercase()).collect();
        segments.first().is_some_and(|first| first == "admin") || segments == ["secret", "key.txt"]
    };
    let allowed = |reading: &String| {
        let segments = segments(reading);
        segments.is_empty() || segments[0] == "public" || segments == ["health"]
    };
    (!readings.iter().any(denied), is_text && readings.iter().all(allowed))
}

fn hostile(reading: &str) -> bool {
    let mut depth = 0_i32;
    let mut above = false;
    for segment in reading.split('/').skip(1) {
        depth += match segment {
            "." => 0,
            ".." => -1,
            _ => 1,
        };
        above |= depth < 0;
    }
    above || reading.chars().any(|c| c.is_ascii_control() || matches!(c, '\u{C0}' | '\u{C1}'))
}

fn model_steps(path: &str) -> Vec<String> {
    let mut steps = vec![
        decode_once(path),
        path.replace('\\', "/"),
        path.split(['?', '#']).next().unwrap().to_owned(),
        path.split(';').next().unwrap().to_owned(),
        path.split('/').map(|segment| segment.split(';').next().unwrap()).collect::<Vec<_>>().join("/"),
        model_resolve(path, str::to_owned),
        model_resolve(path, decode_once),
    ];
    let mut merged = path.to_owned();
    while merged.contains("//") {
        merged = merged.replace("//", "/");
    }
    steps.push(merged);
    let trimmed = path.split('/').map(|segment| match segment {
        "." | ".." => segment,
        _ => segment.trim_end_matches(['.', ' ']),
    });
    steps.push(trimmed.collect::<Vec<_>>().join("/"));
    let dots = path.split('/').map(|segment| match segment.trim_matches(['.', ' ']) {
        "" if segment.starts_with("..") => "..",
        "" if segment.starts_with('.') => ".",
        _ => segment,
    });
    steps.push(dots.collect::<Vec<_>>().join("/"));
    if let Some(rest) = path.strip_prefix("//") {
        let rest = rest.trim_start_matches('/');
        steps.push(rest.find('/').map_or_else(|| "/".to_owned(), |end| rest[end..].to_owned()));
    }
    steps
}

fn model_resolve(path: &str, read: fn(&str) -> String) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    let mut out: Vec<&str> = Vec::new();
    for (at, &segment) in segments.iter().enumerate() {
        let read = read(segment);
        if read == "." || read == ".." {
            if read == ".." && out.len() > 1 {
                out.pop();
            }
            if at + 1 == segments.len() {
                out.push("");
            }
        } else {
            out.push(segment);
        }
    }
    out.join("/")
}

fn hex(text: &str) -> Option<u8> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

fn decode_once(path: &str) -> String {
    let (mut out, mut rest) = (String::new(), path);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match hex(rest) {
            Some(octet) if c == '%' => {
                out.push(char::from(octet));
                rest = &rest[2..];
            }
            _ => out.push(c),
        }
    }
    out
}

fn decode_all(segment: &str) -> String {
    let decoded = decode_once(segment);
    if decoded == segment { decoded.replace('/', "\0") } else { decode_all(&decoded) }
}
