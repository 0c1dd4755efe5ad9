//! Whether what came of a case is right.

use crate::answer::{Answer, End};
use crate::calls::Call;
use crate::table::Case;

/// What is to be said of a case.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Right,
    /// Not right, and the table says so.
    Known,
    Wrong(String),
}

/// Judges a case by what came and by the calls of the application, which `reads` bodies or leaves them.
pub(crate) fn judge(case: &Case, answer: &Answer, calls: &[Call], reads: bool) -> Verdict {
    let is_right = case.right.iter().any(|right| fits(case, right, answer, reads));
    let today = case.today.as_ref().filter(|_| !(case.today_left && reads));
    let is_known = !is_right && today.is_some_and(|today| fits(case, today, answer, reads));
    if !is_right && !is_known {
        return Verdict::Wrong(format!("came: {answer}"));
    }
    if let Some(fault) = fault(case, answer, calls, reads) {
        return Verdict::Wrong(format!("came: {answer}; the application saw {fault}"));
    }
    if is_known { Verdict::Known } else { Verdict::Right }
}

/// Whether the answer is one that the table names. An application that leaves the body may have answered
/// before a fault in it is found, asks for no 100, and may cost the connection (H-56).
fn fits(case: &Case, right: &Answer, answer: &Answer, reads: bool) -> bool {
    if right == answer {
        return true;
    }
    if reads {
        return false;
    }
    let early = case.in_body && answer.statuses == [200] && answer.end == End::Close;
    let without_100 = || right.statuses.iter().filter(|&&status| status != 100);
    let ends = right.end == answer.end || (right.end == End::Marker && answer.end == End::Close);
    let same = without_100().eq(&answer.statuses);
    let sooner = answer.end == End::Close
        && right.served() > answer.served()
        && without_100().take(answer.statuses.len()).eq(&answer.statuses);
    early || (ends && same) || sooner
}

/// What the application saw and should not have seen.
fn fault(case: &Case, answer: &Answer, calls: &[Call], reads: bool) -> Option<String> {
    let whole = calls.iter().filter(|call| call.body.is_some() || !reads).count();
    let spare = usize::from(case.in_body);
    if !(answer.served()..=answer.served() + spare).contains(&calls.len()) {
        return Some(format!("{} requests", calls.len()));
    }
    if reads && whole != answer.served() {
        return Some(format!("{whole} whole bodies"));
    }
    if let Some(smuggled) = calls.iter().find(|call| call.target.starts_with(b"/smuggled")) {
        return Some(format!("the request that is none, {}", smuggled.method));
    }
    let mut pairs = calls.iter().zip(&case.seen);
    pairs.find_map(|(call, seen)| call.differs(seen))
}
