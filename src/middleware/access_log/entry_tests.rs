use super::*;

fn entry() -> AccessEntry<'static> {
    AccessEntry {
        remote: None,
        host: None,
        secure: false,
        user: None,
        time: SystemTime::UNIX_EPOCH,
        method: &Method::GET,
        target: "/",
        version: Version::HTTP_11,
        status: Some(StatusCode::OK),
        bytes: 0,
        referer: None,
        user_agent: None,
        request_id: None,
        duration: Duration::ZERO,
        complete: true,
        disconnect: None,
    }
}

#[test]
fn line_is_that_of_the_combined_format() {
    let (referer, agent) = (
        HeaderValue::from_static("http://www.example.com/start.html"),
        HeaderValue::from_static("Mozilla/4.08 [en]"),
    );
    let entry = AccessEntry {
        remote: Some("127.0.0.1:49152".parse().unwrap()),
        user: Some("frank"),
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(971_211_336),
        target: "/apache_pb.gif",
        version: Version::HTTP_10,
        bytes: 2326,
        referer: Some(&referer),
        user_agent: Some(&agent),
        ..entry()
    };
    assert_eq!(
        entry.to_string(),
        "127.0.0.1 - frank [10/Oct/2000:20:55:36 +0000] \"GET /apache_pb.gif HTTP/1.0\" 200 2326 \
         \"http://www.example.com/start.html\" \"Mozilla/4.08 [en]\""
    );
}

#[test]
fn what_is_unknown_is_a_hyphen() {
    let entry = AccessEntry { status: None, ..entry() };
    assert_eq!(entry.to_string(), "- - - [01/Jan/1970:00:00:00 +0000] \"GET / HTTP/1.1\" - - \"-\" \"-\"");
    let entry = AccessEntry { user: Some(""), remote: Some("[2001:db8::1]:80".parse().unwrap()), ..entry };
    assert!(entry.to_string().starts_with("2001:db8::1 - \"\" ["));
}

#[test]
fn nothing_ends_a_part_of_the_line_or_the_line() {
    let every: Vec<u8> = (0..=255).collect();
    let user = String::from_utf8_lossy(&every).into_owned();
    let visible: Vec<u8> = (0x20..=0xff).filter(|&octet| octet != 0x7f).chain([b'\t']).collect();
    let field = HeaderValue::from_bytes(&visible).unwrap();
    let target = "/\"\\ \u{e9}\u{1b}[31m";
    let entry =
        AccessEntry { user: Some(&user), target, referer: Some(&field), user_agent: Some(&field), ..entry() };
    let line = entry.to_string();
    assert!(line.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{line}");
    let mut parts = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for octet in line.bytes() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b' ' if !quoted => parts.push(()),
            _ => {}
        }
    }
    assert_eq!((parts.len(), quoted), (9, false), "{line}");
}

#[test]
fn escapes_are_those_of_apache() {
    for (text, escaped) in [
        ("a\"b", r#"a\"b"#),
        ("a\\b", r"a\\b"),
        ("\r\n\t\u{8}\u{b}", r"\r\n\t\b\v"),
        ("\0\u{7}\u{c}\u{1b}\u{7f}", r"\x00\x07\x0c\x1b\x7f"),
        ("\u{e9}", r"\xc3\xa9"),
        ("a b", r"a\x20b"),
    ] {
        let line = AccessEntry { user: Some(text), ..entry() }.to_string();
        assert!(line.starts_with(&format!("- - {escaped} [")), "{line}");
    }
}

#[test]
fn known_instants_are_written_as_dates() {
    for (seconds, date) in [
        (0, "01/Jan/1970:00:00:00"),
        (86_399, "01/Jan/1970:23:59:59"),
        (951_782_399, "28/Feb/2000:23:59:59"),
        (951_782_400, "29/Feb/2000:00:00:00"),
        (951_868_800, "01/Mar/2000:00:00:00"),
        (971_211_336, "10/Oct/2000:20:55:36"),
        (978_307_199, "31/Dec/2000:23:59:59"),
        (1_000_000_000, "09/Sep/2001:01:46:40"),
        (1_234_567_890, "13/Feb/2009:23:31:30"),
        (2_147_483_647, "19/Jan/2038:03:14:07"),
        (4_107_542_400, "01/Mar/2100:00:00:00"),
        (4_107_542_399, "28/Feb/2100:23:59:59"),
        (253_402_300_799, "31/Dec/9999:23:59:59"),
    ] {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let line = AccessEntry { time, ..entry() }.to_string();
        assert!(line.contains(&format!("[{date} +0000]")), "{seconds}: {line}");
    }
    for (before, date) in [(1, "31/Dec/1969:23:59:59"), (2_208_988_800, "01/Jan/1900:00:00:00")] {
        let time = SystemTime::UNIX_EPOCH - Duration::from_secs(before);
        assert!(AccessEntry { time, ..entry() }.to_string().contains(date), "{before}");
    }
    let time = SystemTime::UNIX_EPOCH - Duration::from_millis(1);
    assert!(AccessEntry { time, ..entry() }.to_string().contains("31/Dec/1969:23:59:59"));
}

#[test]
fn each_day_follows_the_one_before() {
    let mut last = civil(-800_000);
    for days in -799_999..800_000 {
        let now = civil(days);
        let (year, month, day) = last;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let len = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
        let next = match (day == len, month == 11) {
            (false, _) => (year, month, day + 1),
            (true, false) => (year, month + 1, 1),
            (true, true) => (year + 1, 0, 1),
        };
        assert_eq!(now, next, "{days}");
        last = now;
    }
}
