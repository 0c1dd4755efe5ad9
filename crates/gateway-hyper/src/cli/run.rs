//! The functions that a program calls.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::Resettable;
use clap::{Arg, Parser};
use gateway_iface::asgi::Application;
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::wsgi;
use tracing::error;

use super::options::{Asynchronous, Options, PoolOptions, Synchronous};
use super::{check, logging, plan};
use crate::descriptors;
use crate::error::ServeError;
use crate::listener::Inherited;
use crate::pool::Pool;
use crate::restart::Restart;

/// Serves an asynchronous application as the command line and the environment say: a whole program.
///
/// `--help` lists the options. Each is a variable of the environment as well, in capitals after
/// `GATEWAY_`: `GATEWAY_GRACE_PERIOD=10s` for `--grace-period 10s`, `GATEWAY_ACCESS_LOG=1` for `--access-log`; an empty one is
/// none, and the command line has precedence. `--check` says
/// what would be done, and whether it can be, and binds nothing for good. What the server has to say goes to
/// standard error, unless the program has installed a [`tracing`] subscriber before.
///
/// It belongs at the beginning of a plain `main`, with no runtime around it and no thread beside it.
///
/// | exit code | meaning |
/// |---|---|
/// | 0 | the server was told to stop, and did; `--help`; `--check` found nothing wrong |
/// | 1 | it cannot listen, or the system refuses a thread; `--check` found that it could not |
/// | 2 | the options are wrong |
/// | 3 | the application's start-up failed (A-110) |
/// | 4 | the application's shutdown failed, or was cut off (A-114) |
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use gateway_iface::{Error, asgi};
///
/// async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "Hello, World!").await?;
///     Ok(())
/// }
///
/// fn main() -> ExitCode {
///     gateway_hyper::main(hello)
/// }
/// ```
pub fn main(app: impl Application + 'static) -> ExitCode {
    main_from(std::env::args_os(), app)
}

/// Does as [`main`], with these arguments in place of the program's: for a command of a larger command line.
///
/// The first argument is the name of the program, or of the command.
///
/// # Examples
///
/// ```
/// # use gateway_iface::{Error, asgi};
/// # async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
/// #     scope.into_http()?;
/// #     send.text(200, "Hello, World!").await?;
/// #     Ok(())
/// # }
/// use std::process::ExitCode;
///
/// let code = gateway_hyper::main_from(["app", "--listen", "127.0.0.1:0", "--check"], hello);
/// assert_eq!(code, ExitCode::SUCCESS);
/// ```
pub fn main_from(
    args: impl IntoIterator<Item: Into<OsString> + Clone>,
    app: impl Application + 'static,
) -> ExitCode {
    let inherited = Inherited::from_env();
    match parse::<Asynchronous>(args) {
        Ok(line) => run(&line.options, inherited, || Ok(Arc::new(app))),
        Err(code) => code,
    }
}

/// Serves a synchronous application, on a pool of threads that two more options are about; see [`main`].
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use gateway_iface::{Error, wsgi};
///
/// fn hello(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     start_response.text(200, "Hello, World!".into())
/// }
///
/// fn main() -> ExitCode {
///     gateway_hyper::main_wsgi(hello)
/// }
/// ```
pub fn main_wsgi(app: impl wsgi::Application + 'static) -> ExitCode {
    main_wsgi_from(std::env::args_os(), app)
}

/// Does as [`main_wsgi`], with these arguments in place of the program's; see [`main_from`].
pub fn main_wsgi_from(
    args: impl IntoIterator<Item: Into<OsString> + Clone>,
    app: impl wsgi::Application + 'static,
) -> ExitCode {
    let inherited = Inherited::from_env();
    match parse::<Synchronous>(args) {
        Ok(line) => run(&line.options, inherited, || Ok(Arc::new(WsgiToAsgi::new(app, pool(&line.pool)?)))),
        Err(code) => code,
    }
}

fn pool(options: &PoolOptions) -> io::Result<Pool> {
    match options.wsgi_threads {
        Some(threads) => Pool::new(threads.get(), options.wsgi_queue),
        None => Pool::new(Pool::default_threads(), options.wsgi_queue),
    }
}

/// The options; `Err` when there is nothing to serve.
fn parse<T: Parser>(args: impl IntoIterator<Item: Into<OsString> + Clone>) -> Result<T, ExitCode> {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    // The name is the program's, not this crate's.
    let name = args.first().and_then(|path| Path::new(path).file_name());
    let command = T::command()
        .name(name.map_or_else(|| "gateway".into(), |name| name.to_string_lossy().into_owned()))
        .about("Serves its application over HTTP.")
        .long_about(None::<&str>)
        .after_help(AFTER_HELP)
        .version(None::<&str>)
        .mut_args(|arg| unset_if_empty(arg.hide_env_values(true)));
    let parsed = command.try_get_matches_from(args).and_then(|matches| T::from_arg_matches(&matches));
    parsed.map_err(|error| {
        // Where it cannot be printed nobody reads it.
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
    })
}

/// Takes a variable that is empty for one that is not set, as files of variables for containers and services have them.
fn unset_if_empty(arg: Arg) -> Arg {
    let is_empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    if is_empty { arg.env(Resettable::Reset) } else { arg }
}

fn run(
    options: &Options,
    mut inherited: Inherited,
    app: impl FnOnce() -> io::Result<Arc<dyn Application>>,
) -> ExitCode {
    descriptors::raise();
    if options.check {
        return match check::check(options, &inherited) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) | Err(_) => ExitCode::FAILURE,
        };
    }
    logging::init(&options.logging);
    let served = app().and_then(|app| plan::server(options, app, &mut inherited));
    let served =
        served.and_then(|(server, app)| Ok((server.with_restart(Restart::new(&mut inherited)?), app)));
    let served = served.map_err(ServeError::from).and_then(|(server, app)| server.run(app));
    let Err(failed) = served else {
        return ExitCode::SUCCESS;
    };
    error!("{failed}");
    if !tracing::enabled!(tracing::Level::ERROR) {
        // Whoever silenced the log is still told why there is no server.
        let _ = writeln!(io::stderr(), "{failed}");
    }
    match failed {
        ServeError::Io(_) => ExitCode::FAILURE,
        ServeError::Startup(_) => ExitCode::from(STARTUP),
        ServeError::Shutdown(_) => ExitCode::from(SHUTDOWN),
    }
}

const USAGE: u8 = 2;
const STARTUP: u8 = 3;
const SHUTDOWN: u8 = 4;

const AFTER_HELP: &str = "\
Signals: TERM and INT stop it gracefully, a second one at once. USR2 has a new process of the same program take over: \
the old one goes on until the new one serves. HUP has certificates read anew.";
