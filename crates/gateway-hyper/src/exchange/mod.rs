//! One HTTP exchange: what the application's halves and a connection meet in.

mod budget;
mod file;
mod halves;
mod input;
mod reading;
mod shared;
mod state;

pub(crate) use self::input::Input;
pub(crate) use self::shared::{Aborted, HttpExchange, Next, Reply, busy};
