//! Two validators around one middleware: who has seen what, and what only a comparison shows.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Violations;
use super::session::{Role, Side};
use crate::request::RequestHead;

/// One validator's place in the pair; alone it routes everything as it is.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    role: Role,
    link: Option<Arc<Link>>,
}

impl Pair {
    /// For a validator that stands alone.
    pub(super) const fn single() -> Self {
        Self { role: Role::Single, link: None }
    }

    /// For the outer validator, at the begin of an exchange: the inner one finds it in the head, or
    /// among the lifespans.
    pub(super) fn open(head: Option<&mut RequestHead>, lifespans: &Lifespans) -> Self {
        let link = Arc::new(Link::default());
        match head {
            Some(head) => {
                head.extensions_mut().insert(InHead(Arc::clone(&link)));
            }
            None => lifespans.lock().push_back(Arc::downgrade(&link)),
        }
        Self { role: Role::Outer, link: Some(link) }
    }

    /// For the inner validator; without a link when the middleware dropped it.
    pub(super) fn join(head: Option<&RequestHead>, lifespans: &Lifespans) -> Self {
        let link = match head {
            Some(head) => head.extensions().get::<InHead>().map(|link| Arc::clone(&link.0)),
            None => lifespans.lock().pop_front().and_then(|link| link.upgrade()),
        };
        Self { role: Role::Inner, link }
    }

    pub(super) const fn role(&self) -> Role {
        self.role
    }

    pub(super) const fn is_linked(&self) -> bool {
        self.link.is_some()
    }

    /// The rule to be told of now, if it is this validator that tells it.
    pub(super) fn route(&self, side: Side, rule: &'static str, seen: &str) -> Option<&'static str> {
        let Some(mut facts) = self.facts() else {
            return Some(rule);
        };
        let kind = family(rule);
        match (self.role, side) {
            (Role::Outer, Side::Outer) => keep(&mut facts.server, kind),
            (Role::Inner, Side::Inner) => keep(&mut facts.application, kind),
            // The server did it, and the middleware passed it on.
            (Role::Inner, Side::Outer) if facts.server.contains(&kind) => return None,
            // A refusal that followed from what the middleware made of it.
            (Role::Inner, Side::Outer) if REFUSALS.contains(&rule) && !facts.deferred.is_empty() => {
                return None;
            }
            // Only when all is over is it known what the inner validator saw of it.
            (Role::Outer, Side::Inner) if !facts.finished => {
                if facts.deferred.len() < Violations::MAX_COLLECTED {
                    facts.deferred.push((rule, seen.to_owned()));
                }
                return None;
            }
            _ => {}
        }
        Some(rule)
    }

    /// The outer validator's exchange is over: what the middleware did.
    pub(super) fn finish(&self) -> Vec<(&'static str, String)> {
        self.end(true)
    }

    /// As [`finish`](Self::finish), of an exchange that a panic ended: nothing is compared.
    pub(super) fn give_up(&self) -> Vec<(&'static str, String)> {
        self.end(false)
    }

    fn end(&self, compare: bool) -> Vec<(&'static str, String)> {
        if self.role != Role::Outer {
            return Vec::new();
        }
        let Some(mut facts) = self.facts() else {
            return Vec::new();
        };
        if std::mem::replace(&mut facts.finished, true) {
            return Vec::new();
        }
        let deferred = std::mem::take(&mut facts.deferred);
        let own = deferred.into_iter().filter(|(rule, _)| !facts.application.contains(&family(rule)));
        // An application that counts right, and a middleware that changed the size; one that answers
        // itself has changed nothing.
        let changed = facts.inner_heads.count > 0;
        let mut told: Vec<_> = own
            .map(|(rule, seen)| match rule {
                "A-74" if changed => ("A-146", seen),
                "H-85" if changed => ("W-130", seen),
                _ => (rule, seen),
            })
            .collect();
        if compare {
            facts.compare(&mut told);
        }
        told
    }

    /// Adds to what both know.
    pub(super) fn with(&self, change: impl FnOnce(&mut Facts, Role)) {
        if let Some(mut facts) = self.facts() {
            change(&mut facts, self.role);
        }
    }

    fn facts(&self) -> Option<MutexGuard<'_, Facts>> {
        let link = self.link.as_ref()?;
        Some(link.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What both validators know of one exchange.
#[derive(Debug, Default)]
pub(super) struct Facts {
    server: Vec<&'static str>,
    application: Vec<&'static str>,
    deferred: Vec<(&'static str, String)>,
    finished: bool,
    /// Whether both sides must have seen the same.
    pub(super) untouched: bool,
    outer_traces: [Trace; 2],
    inner_traces: [Trace; 2],
    /// Whether the outer call of a synchronous exchange has not returned.
    pub(super) in_call: bool,
    /// Blocks that were taken from either body.
    pub(super) outer_blocks: u64,
    pub(super) inner_blocks: u64,
    /// Whether the inner body was asked while the call had not returned.
    pub(super) drained: bool,
    /// What both were when the outer body first gave less.
    behind: Option<(u64, u64)>,
    /// Inner bodies that were not closed.
    pub(super) open_bodies: u64,
    /// The outer body was closed while inner ones were not.
    pub(super) left_open: bool,
    /// Heads as either side saw them.
    outer_heads: Heads,
    inner_heads: Heads,
    /// Mount prefix and path, as the outer validator saw them.
    pub(super) path: Option<String>,
    /// Whether the inner validator is of a synchronous application, which could use `write`.
    pub(super) may_write: bool,
    /// Whether it did, or that it did not was told of.
    pub(super) has_written: bool,
}

impl Facts {
    /// Something passed one of the validators.
    pub(super) fn trace(&mut self, role: Role, way: Way, what: &str) {
        match role {
            Role::Outer => self.outer_traces[way as usize].add(what),
            Role::Inner => self.inner_traces[way as usize].add(what),
            Role::Single => {}
        }
    }

    /// A head was accepted.
    pub(super) const fn head(&mut self, role: Role, status: u16) {
        match role {
            Role::Outer => self.outer_heads.add(status),
            Role::Inner => self.inner_heads.add(status),
            Role::Single => {}
        }
    }

    /// The outer body gave a block, or ended.
    pub(super) fn compare_blocks(&mut self, ended: bool) {
        // Who drained the inner body ahead (W-133) is behind until the end.
        if self.inner_blocks > self.outer_blocks && (ended || !self.drained) {
            self.behind.get_or_insert((self.outer_blocks, self.inner_blocks));
        }
    }

    fn compare(&self, told: &mut Vec<(&'static str, String)>) {
        if self.untouched && self.outer_traces != self.inner_traces {
            let count = |traces: &[Trace; 2]| traces.iter().map(|trace| trace.count).sum::<u64>();
            let (outer, inner) = (count(&self.outer_traces), count(&self.inner_traces));
            let seen = format!(
                "a scope that is not http was not passed on as it is: {outer} scopes and events outside, {inner} inside"
            );
            told.push(("A-144", seen));
        }
        if let Some((outer, inner)) = self.behind {
            told.push(("W-132", format!("{outer} blocks for the {inner} that the inner body gave")));
        }
        if self.left_open {
            told.push(("W-134", "the body was closed, and the one inside it was not".to_owned()));
        }
        let Heads { first, last, .. } = self.inner_heads;
        if self.outer_heads.count == 1 && first != last && self.outer_heads.first == first {
            let seen = format!("status {first} was kept when the application replaced it with {last}");
            told.push(("W-136", seen));
        }
    }
}

/// Lifespans that the outer validator began and the inner one has not seen: they have no head.
#[derive(Clone, Debug, Default)]
pub(super) struct Lifespans {
    waiting: Arc<Mutex<VecDeque<Weak<Link>>>>,
}

impl Lifespans {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Weak<Link>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Link {
    facts: Mutex<Facts>,
}

#[derive(Clone)]
struct InHead(Arc<Link>);

/// Which way something passed. The two halves may be used from two tasks, so that what passes one way
/// has no order beside what passes the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    In,
    Out,
}

/// The first of several heads, and the last.
#[derive(Debug, Default)]
struct Heads {
    count: u64,
    first: u16,
    last: u16,
}

impl Heads {
    const fn add(&mut self, status: u16) {
        if self.count == 0 {
            self.first = status;
        }
        self.last = status;
        self.count += 1;
    }
}

/// What passed, in order, in constant room.
#[derive(Debug, Default, Eq, PartialEq)]
struct Trace {
    count: u64,
    hash: u64,
}

impl Trace {
    fn add(&mut self, what: &str) {
        let mut hasher = DefaultHasher::new();
        (self.hash, what).hash(&mut hasher);
        self.hash = hasher.finish();
        self.count += 1;
    }
}

/// Keeps each once, so that a long exchange needs no more room.
fn keep(kinds: &mut Vec<&'static str>, kind: &'static str) {
    if !kinds.contains(&kind) {
        kinds.push(kind);
    }
}

/// What a server breaks that refuses what is right.
const REFUSALS: [&str; 5] = ["A-66", "A-88", "A-116", "W-91", "W-107"];

/// The same fault has other names in the other interface, behind a bridge.
fn family(rule: &'static str) -> &'static str {
    match rule {
        "A-74" | "H-85" | "W-119" => "length",
        "A-60" | "W-93" => "status",
        "H-43" | "W-124" => "content-length",
        "A-72" | "A-73" | "W-99" => "connection",
        "A-65" | "W-07" => "unanswered",
        _ => rule,
    }
}
