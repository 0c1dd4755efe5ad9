//! The `date` of responses that hyper does not write (H-70).

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use parking_lot::Mutex;

/// The date as a field value, made once a second.
#[derive(Debug)]
pub(crate) struct Date {
    last: Mutex<(u64, HeaderValue)>,
}

impl Date {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new((u64::MAX, HeaderValue::from_static(""))) }
    }

    pub(crate) fn now(&self) -> HeaderValue {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut last = self.last.lock();
        if last.0 != second
            && let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(now))
        {
            *last = (second, value);
        }
        last.1.clone()
    }
}
