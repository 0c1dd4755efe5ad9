//! What a whole run came to, for a person to read.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use gateway_iface::http::Uri;

use crate::case::{Case, Failure, Group};
use crate::cases::cases;
use crate::client::Client;
use crate::host::{Host, Reach};
use crate::run::{Verdict, check, verify};

/// The verdicts of a run, group by group.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Each case that ran, and what became of it.
    pub verdicts: Vec<(Group, Case, Verdict)>,
    /// Groups that were not run, with the reason.
    pub left_out: Vec<(Group, String)>,
}

impl Report {
    /// Runs the cases of these groups on a host that the kit starts itself.
    #[must_use]
    pub fn of_host(host: &dyn Host, groups: &[Group]) -> Self {
        let verdicts = cases().filter(|(group, _)| groups.contains(group));
        Self {
            verdicts: verdicts.map(|(group, case)| (group, *case, verify(host, case))).collect(),
            left_out: not_asked_for(groups),
        }
    }

    /// Runs the cases of these groups against a server that serves an
    /// [`Application`](crate::Application) there; `told` is called with each verdict.
    ///
    /// # Errors
    ///
    /// When the address is none of http, or nothing of the kit answers there.
    pub fn of_url(
        url: &Uri,
        groups: &[Group],
        told: impl FnMut(Group, &Case, &Verdict),
    ) -> Result<Self, Failure> {
        let (addr, base) = address(url)?;
        Self::of_reach(&Reach::Tcp(addr, base), groups, told)
    }

    /// The same by HTTP/2, as who knows ahead that the server speaks it; without the group that is about HTTP/1.1.
    ///
    /// # Errors
    ///
    /// As for [`of_url`](Self::of_url).
    pub fn of_http2_url(
        url: &Uri,
        groups: &[Group],
        told: impl FnMut(Group, &Case, &Verdict),
    ) -> Result<Self, Failure> {
        let (addr, base) = address(url)?;
        Self::of_reach(&Reach::Http2(addr, base), groups, told)
    }

    fn of_reach(
        reach: &Reach,
        groups: &[Group],
        mut told: impl FnMut(Group, &Case, &Verdict),
    ) -> Result<Self, Failure> {
        let mut report = Self { left_out: not_asked_for(groups), ..Self::default() };
        for (group, case) in cases().filter(|(group, _)| groups.contains(group)) {
            if report.left_out.iter().any(|(left_out, _)| *left_out == group) {
                continue;
            }
            if let Some(reason) = left_out(group, reach) {
                report.left_out.push((group, reason));
                continue;
            }
            let client = Client::new(case.name, reach.clone(), None, None);
            let ready = client.forget_notes();
            if report.verdicts.is_empty() {
                ready?;
            } else if let Err(failure) = ready {
                // What was seen until the server went away is worth a report.
                report.verdicts.push((group, *case, Verdict::Failed(failure)));
                continue;
            }
            let verdict = match check(case, &client) {
                Ok(()) => Verdict::Passed,
                Err(failure) => Verdict::Failed(failure),
            };
            told(group, case, &verdict);
            report.verdicts.push((group, *case, verdict));
        }
        Ok(report)
    }

    /// Whether no case failed.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_))) == 0
    }

    fn count(&self, which: impl Fn(&Verdict) -> bool) -> usize {
        self.verdicts.iter().filter(|(.., verdict)| which(verdict)).count()
    }
}

/// The summary: what failed with its rules, what was left out, and the numbers of each group.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, case, verdict) in &self.verdicts {
            if !matches!(verdict, Verdict::Passed) {
                let rules = case.rules.join(", ");
                writeln!(f, "{}/{} ({rules})\n  {}\n  {verdict}", group.name(), case.name, case.about)?;
            }
        }
        for group in Group::ALL {
            let of_group = |passed: bool| {
                let verdicts = self.verdicts.iter().filter(|(of, ..)| *of == group);
                verdicts.filter(|(.., verdict)| passed == matches!(verdict, Verdict::Passed)).count()
            };
            let (passed, others) = (of_group(true), of_group(false));
            match self.left_out.iter().find(|(of, _)| *of == group) {
                Some((_, reason)) => writeln!(f, "{:>15}: not run: {reason}", group.name())?,
                None => writeln!(f, "{:>15}: {passed} of {} passed", group.name(), passed + others)?,
            }
        }
        let passed = self.count(|verdict| matches!(verdict, Verdict::Passed));
        let excepted = self.count(|verdict| matches!(verdict, Verdict::Excepted(_)));
        let failed = self.verdicts.len() - passed - excepted;
        write!(f, "{passed} passed, {failed} failed, {excepted} known not to pass")
    }
}

fn not_asked_for(groups: &[Group]) -> Vec<(Group, String)> {
    let left_out = Group::ALL.into_iter().filter(|group| !groups.contains(group));
    left_out.map(|group| (group, "not asked for".to_owned())).collect()
}

/// Why a group cannot be run against a server that runs already, if so.
fn left_out(group: Group, reach: &Reach) -> Option<String> {
    match group {
        Group::HttpWire if matches!(reach, Reach::Http2(..)) => Some("it is about HTTP/1.1".to_owned()),
        Group::Http2 if !matches!(reach, Reach::Http2(..)) => {
            Some("it is about HTTP/2: ask for that".to_owned())
        }
        Group::Lifespan => Some("the kit must start and stop the host itself: use `suite!`".to_owned()),
        Group::AsgiWebSocket | Group::WebSocketWire if matches!(reach, Reach::Http2(..)) => {
            Some("the kit opens WebSockets over HTTP/1.1 only".to_owned())
        }
        Group::AsgiWebSocket | Group::WebSocketWire => {
            let client = Client::new(ECHOES, reach.clone(), None, None);
            let answer = client.frames(client.to("GET", "", ())).and_then(|mut frames| frames.accepted());
            answer.err().map(|failure| format!("the server opens no WebSocket: {failure}"))
        }
        _ => None,
    }
}

/// Where that is, and the path that all requests there begin with.
fn address(url: &Uri) -> Result<(SocketAddr, Arc<str>), Failure> {
    use std::net::ToSocketAddrs;

    let authority = url.authority().filter(|_| url.scheme_str() == Some("http"));
    let authority = authority.ok_or_else(|| Failure::new(format!("{url} is no http:// address")))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let mut addrs = (host, authority.port_u16().unwrap_or(80))
        .to_socket_addrs()
        .map_err(|error| Failure::of("looking the address up", error))?;
    let addr = addrs.next().ok_or_else(|| Failure::new(format!("{host} has no address")))?;
    Ok((addr, url.path().trim_end_matches('/').into()))
}

/// A case that accepts a WebSocket.
const ECHOES: &str = "messages_keep_kind_and_content";
