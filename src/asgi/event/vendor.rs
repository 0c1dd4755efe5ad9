//! Events outside the published list.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// An event of a vendor's own, carrying a typed value (A-124).
///
/// The name begins with the protocol of the scope and a vendor's prefix, such as
/// `http.acme.flush`; a middleware passes what it does not know (A-143). A server that knows the
/// type advertises [`Capability::Vendor`](crate::asgi::Capability::Vendor).
///
/// ```
/// use gateway_iface::asgi::event::Vendor;
///
/// struct Flush;
///
/// let event = Vendor::new("http.acme.flush", Flush);
/// assert!(event.downcast_ref::<Flush>().is_some());
/// ```
#[derive(Clone)]
pub struct Vendor {
    name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl Vendor {
    /// An event of that name and value.
    pub fn new<T: Any + Send + Sync>(name: &'static str, value: T) -> Self {
        Self { name, value: Arc::new(value) }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its value, if it is of this type.
    #[must_use]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vendor").field(&self.name).finish()
    }
}
