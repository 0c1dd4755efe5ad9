//! One HTTP exchange: what the application's halves and hyper's body meet in.

mod halves;
mod shared;
mod state;

pub(crate) use self::shared::{HttpExchange, Next, answer};
