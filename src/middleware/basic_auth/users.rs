//! Who may pass.

use std::fmt;
use std::hint::black_box;

use crate::user::RemoteUser;

/// Says whether a password is that of a user: functions, closures and [`Users`] do.
pub trait Verify: Send + Sync {
    /// The user, if the password is right.
    fn verify(&self, user: &str, password: &str) -> Option<RemoteUser>;
}

impl<F: Fn(&str, &str) -> bool + Send + Sync> Verify for F {
    fn verify(&self, user: &str, password: &str) -> Option<RemoteUser> {
        self(user, password).then(|| RemoteUser::new(user, BASIC))
    }
}

/// A table of users and their passwords, for a few of them.
///
/// Each check compares every octet of what was sent with every user, and with one password, also where
/// the user is unknown: how long it takes tells how many users there are, and how long the names that
/// were sent are, but not which users there are, nor how much of a password was right. It is
/// linear in the number of users, and keeps the passwords as they are. With many users, or a table of
/// hashes, give [`BasicAuth`](super::BasicAuth) a function, which then takes care of that itself: it does the
/// same work for a user that it does not know.
///
/// # Examples
///
/// ```
/// use gateway_iface::middleware::{Users, Verify};
///
/// let users = Users::from_iter([("ada", "lovelace"), ("alan", "turing")]);
/// assert_eq!(users.verify("ada", "lovelace").unwrap().name(), "ada");
/// assert!(users.verify("ada", "turing").is_none());
/// assert_eq!(format!("{users:?}"), "Users { len: 2 }");
/// ```
#[derive(Clone, Default)]
pub struct Users {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    user: RemoteUser,
    password: Box<str>,
}

impl Users {
    /// Without anybody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more; the last password of a name is the one that counts.
    #[must_use]
    pub fn with(mut self, user: &str, password: &str) -> Self {
        self.entries.retain(|entry| entry.user.name() != user);
        self.entries.push(Entry { user: RemoteUser::new(user, BASIC), password: password.into() });
        self
    }
}

impl Verify for Users {
    fn verify(&self, user: &str, password: &str) -> Option<RemoteUser> {
        let mut found = None;
        for entry in &self.entries {
            if is_equal(user.bytes(), entry.user.name().as_bytes()) {
                found = Some(entry);
            }
        }
        let known = found.map_or("", |entry| &entry.password);
        // Before the user is looked at, so that an unknown one takes as long.
        let is_right = is_equal(password.bytes(), known.as_bytes());
        found.filter(|_| is_right).map(|entry| entry.user.clone())
    }
}

impl<U: AsRef<str>, P: AsRef<str>> FromIterator<(U, P)> for Users {
    fn from_iter<I: IntoIterator<Item = (U, P)>>(users: I) -> Self {
        users
            .into_iter()
            .fold(Self::new(), |all, (user, password)| all.with(user.as_ref(), password.as_ref()))
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("len", &self.entries.len()).finish()
    }
}

/// Compares to the end, wherever the first difference is; the work depends on the length of `sent` only.
fn is_equal(sent: impl Iterator<Item = u8>, known: &[u8]) -> bool {
    let (mut difference, mut len) = (0_u8, 0);
    for octet in sent {
        difference |= octet ^ known.get(len).copied().unwrap_or(!octet);
        len += 1;
        // The compiler must not see that the rest is of no use after the first difference.
        difference = black_box(difference);
    }
    difference == 0 && len == known.len()
}

const BASIC: &str = "Basic";

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn comparison_touches_every_octet_wherever_the_difference_is() {
        let known = b"correct horse";
        for at in 0..=known.len() {
            let mut sent = known.to_vec();
            if let Some(octet) = sent.get_mut(at) {
                *octet ^= 1;
            }
            for known in [&known[..], b"", b"c", b"correct horse battery"] {
                let touched = Cell::new(0);
                let octets = sent.iter().map(|&octet| {
                    touched.set(touched.get() + 1);
                    octet
                });
                assert_eq!(is_equal(octets, known), sent == known, "{at}");
                assert_eq!(touched.get(), sent.len(), "{at}");
            }
        }
    }

    #[test]
    fn only_the_whole_password_of_that_user_is_right() {
        let users = Users::from_iter([("ada", "a"), ("ada", "lovelace"), ("alan", ""), ("\u{E9}", "\u{FC}")]);
        assert_eq!(format!("{users:?}"), "Users { len: 3 }");
        for (user, password) in [("ada", "lovelace"), ("alan", ""), ("\u{E9}", "\u{FC}")] {
            let found = users.verify(user, password).unwrap();
            assert_eq!((found.name(), found.auth_type()), (user, "Basic"));
        }
        for (user, password) in [
            ("ada", "a"),
            ("ada", "lovelacE"),
            ("ada", "lovelace "),
            ("ada", "lovelac"),
            ("ada", ""),
            ("Ada", "lovelace"),
            ("ad", "lovelace"),
            ("adaa", "lovelace"),
            ("", "lovelace"),
            ("", ""),
            ("bob", ""),
            ("alan", "lovelace"),
        ] {
            assert!(users.verify(user, password).is_none(), "{user} {password}");
        }
    }
}
