//! One exchange under a validator's eyes, and where what it finds goes.

use std::sync::{Arc, Mutex, PoisonError};

use super::checks::is_advice;
use super::pair::{Lifespans, Pair};
use super::{Culprit, OnViolation, Violation, Violations};
use crate::request::RequestHead;

/// What the validator was told, and where violations go.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) on_violation: OnViolation,
    pub(super) violations: Violations,
    pub(super) outer: Culprit,
    pub(super) inner: Culprit,
    pub(super) except: Vec<&'static str>,
    pub(super) advice: bool,
    pub(super) cancels: bool,
    pub(super) http_only: bool,
    pub(super) role: Role,
    pub(super) lifespans: Lifespans,
}

/// Where a validator stands, when there are two around a middleware.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Single,
    Outer,
    Inner,
}

/// The side of a validator that broke a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    /// Towards the server.
    Outer,
    /// Towards the application.
    Inner,
}

/// What was found at one point, before it is told.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<(Side, &'static str, String)>,
}

impl Findings {
    /// The server's side broke a rule.
    pub(super) fn outer(&mut self, rule: &'static str, seen: impl Into<String>) {
        self.list.push((Side::Outer, rule, seen.into()));
    }

    fn of_inner(list: Vec<(&'static str, String)>) -> Self {
        Self { list: list.into_iter().map(|(rule, seen)| (Side::Inner, rule, seen)).collect() }
    }

    /// The application's side broke a rule.
    pub(super) fn inner(&mut self, rule: &'static str, seen: impl Into<String>) {
        self.list.push((Side::Inner, rule, seen.into()));
    }
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Session {
    settings: Arc<Settings>,
    exchange: String,
    pub(super) pair: Pair,
    /// What no call could fail with yet.
    failed: Mutex<Option<Violation>>,
}

impl Session {
    pub(super) fn new(settings: &Arc<Settings>, exchange: String, pair: Pair) -> Self {
        Self { settings: Arc::clone(settings), exchange, pair, failed: Mutex::new(None) }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether a violation is no more than collected.
    pub(super) fn collects(&self) -> bool {
        self.settings.on_violation == OnViolation::Collect
    }

    /// Whether a call is to fail with what is wrong about it.
    pub(super) fn fails(&self) -> bool {
        self.settings.on_violation == OnViolation::Error
    }

    /// Tells what was found; the first that the call is to fail with.
    ///
    /// # Panics
    ///
    /// With the first, where that was asked for.
    pub(super) fn tell(&self, findings: Findings) -> Option<Violation> {
        self.note(findings).and_then(|violation| self.raise(violation))
    }

    /// What a violation that is collected leads to: a panic, an error to fail with, or nothing.
    ///
    /// # Panics
    ///
    /// Where that was asked for.
    pub(super) fn raise(&self, violation: Violation) -> Option<Violation> {
        match self.settings.on_violation {
            OnViolation::Panic if !std::thread::panicking() => panic!("{violation}"),
            OnViolation::Error => Some(violation),
            _ => None,
        }
    }

    /// Tells what was found where no call can fail: the application's call will.
    pub(super) fn tell_later(&self, findings: Findings) {
        if let Some(violation) = self.tell(findings) {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert(violation);
        }
    }

    /// What the application's call is to fail with.
    pub(super) fn take_failed(&self) -> Option<Violation> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Collects what was found, and neither panics nor fails: while something is dropped.
    pub(super) fn note(&self, findings: Findings) -> Option<Violation> {
        let mut first = None;
        for (side, rule, seen) in findings.list {
            let advice = is_advice(rule) && !self.settings.advice;
            if advice || self.settings.except.contains(&rule) {
                continue;
            }
            let Some(rule) = self.pair.route(side, rule, &seen) else {
                continue;
            };
            let culprit = if side == Side::Outer { self.settings.outer } else { self.settings.inner };
            let violation = Violation::new(rule, culprit, seen, &self.exchange);
            self.settings.violations.push(violation.clone());
            first.get_or_insert(violation);
        }
        first
    }

    /// What the pair found by comparing both sides, and what the outer validator alone has seen.
    pub(super) fn pair_findings(&self) -> Findings {
        Findings::of_inner(self.pair.finish())
    }

    /// Collects what the outer validator alone has seen, of an exchange that a panic ended: what both
    /// sides saw differs by what was under way.
    pub(super) fn unwound(&self) {
        self.note(Findings::of_inner(self.pair.give_up()));
    }
}

/// How an exchange is called in a report.
pub(super) fn exchange_name(protocol: &str, head: Option<&RequestHead>) -> String {
    match head {
        Some(head) if protocol == "websocket" => format!("websocket {}", head.raw_path()),
        Some(head) => format!("{} {}", head.method(), head.raw_path()),
        None => protocol.to_owned(),
    }
}
