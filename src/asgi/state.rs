//! What an application stores at start-up and finds again in every request.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A map from a type to one shared value of it (A-117).
///
/// A clone is cheap and independent: what is added to one is invisible to the others, and a value
/// stored before is the same object in all of them.
///
/// ```
/// use gateway_iface::asgi::State;
///
/// struct Pool(u32);
///
/// let mut state = State::new();
/// state.insert(Pool(7));
/// let copy = state.clone();
/// state.insert("only here");
/// assert_eq!(copy.get::<Pool>().map(|pool| pool.0), Some(7));
/// assert!(copy.get::<&str>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct State {
    values: Arc<HashMap<TypeId, Entry>>,
}

#[derive(Clone)]
struct Entry {
    name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl State {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a value; it replaces one of the same type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.insert_shared(Arc::new(value));
    }

    /// Stores a value that is shared already.
    pub fn insert_shared<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        let entry = Entry { name: type_name::<T>(), value };
        Arc::make_mut(&mut self.values).insert(TypeId::of::<T>(), entry);
    }

    /// The value of this type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.values.get(&TypeId::of::<T>())?.value.downcast_ref()
    }

    /// A handle of one's own on the value of this type.
    #[must_use]
    pub fn get_shared<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.values.get(&TypeId::of::<T>())?.value).downcast().ok()
    }

    /// Whether there are the values of `base`, one of type `T`, and no others.
    pub(crate) fn is_only<T: 'static>(&self, base: &Self) -> bool {
        self.values.len() == base.values.len() + 1
            && !base.values.contains_key(&TypeId::of::<T>())
            && base.values.iter().all(|(key, entry)| self.has(*key, entry))
    }

    /// Removes the value of this type.
    pub(crate) fn remove<T: 'static>(&mut self) {
        Arc::make_mut(&mut self.values).remove(&TypeId::of::<T>());
    }

    /// Adds the values of `other`, without those that it has from `base`.
    pub(crate) fn add(&mut self, other: &Self, base: &Self) {
        let values = Arc::make_mut(&mut self.values);
        let own = other.values.iter().filter(|(key, entry)| !base.has(**key, entry));
        values.extend(own.map(|(key, entry)| (*key, entry.clone())));
    }

    fn has(&self, key: TypeId, entry: &Entry) -> bool {
        self.values.get(&key).is_some_and(|own| Arc::ptr_eq(&own.value, &entry.value))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.values().map(|entry| entry.name)).finish()
    }
}

/// The state while the application starts: a handle that the server and the application share.
#[derive(Clone, Debug, Default)]
pub struct LifespanState {
    state: Arc<Mutex<State>>,
}

impl LifespanState {
    /// An empty map (A-44).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that begins with what is stored already.
    pub(crate) fn from_state(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Stores a value for every request to come.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).insert(value);
    }

    /// What is stored by now; a server takes it when start-up is complete (A-117, A-118).
    #[must_use]
    pub fn snapshot(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_117_shared_object_is_the_same_and_new_keys_stay_private() {
        let lifespan = LifespanState::new();
        lifespan.insert(Arc::new(Mutex::new(0)));
        let (mut one, two) = (lifespan.snapshot(), lifespan.snapshot());
        one.insert("private");
        *one.get::<Arc<Mutex<i32>>>().unwrap().lock().unwrap() = 5;
        assert_eq!(*two.get::<Arc<Mutex<i32>>>().unwrap().lock().unwrap(), 5);
        assert!(two.get::<&str>().is_none() && lifespan.snapshot().get::<&str>().is_none());
    }

    #[test]
    fn get_shared_is_the_same_object() {
        let mut state = State::new();
        let value = Arc::new(5_u8);
        state.insert_shared(Arc::clone(&value));
        assert!(Arc::ptr_eq(&state.get_shared::<u8>().unwrap(), &value));
    }
}
