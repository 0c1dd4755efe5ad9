//! Chains of middleware.

/// Wraps a value in another, so that a chain of middleware reads top to bottom.
///
/// The first one is closest to the application, the last one outermost: it sees a request first and
/// the response last. It is there for every type.
///
/// ```
/// use gateway_iface::middleware::Wrap;
///
/// let app = "app".wrap(|app| format!("inner({app})")).wrap(|app| format!("outer({app})"));
/// assert_eq!(app, "outer(inner(app))");
/// ```
pub trait Wrap: Sized {
    /// Gives itself to `layer`, and returns what that makes of it.
    fn wrap<W>(self, layer: impl FnOnce(Self) -> W) -> W {
        layer(self)
    }
}

impl<A> Wrap for A {}
