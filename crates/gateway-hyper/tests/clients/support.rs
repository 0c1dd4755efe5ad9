//! A server under test, and programs that are run against it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use gateway_hyper::{Listener, Server, TlsConfig};
use gateway_iface::asgi;
use gateway_iface::validate::{OnViolation, Validator};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::runtime;

use crate::certificates::Certificates;

/// Where a server is, and whom to trust there.
pub(crate) struct Site {
    authority: String,
    certificates: Option<Certificates>,
}

impl Site {
    pub(crate) fn url(&self, path: &str) -> String {
        self.url_by("http", path)
    }

    /// The address by the plain name of a scheme; it is the one for TLS where there is TLS.
    pub(crate) fn url_by(&self, scheme: &str, path: &str) -> String {
        let secure = if self.certificates.is_some() { "s" } else { "" };
        format!("{scheme}{secure}://{}{path}", self.authority)
    }

    /// The file with the certificates to trust, where there is TLS.
    pub(crate) fn roots(&self) -> Option<&str> {
        self.certificates.as_ref().map(Certificates::roots)
    }
}

/// Serves the application without TLS while the test runs. Server and application keep all rules, and the
/// server stops as it should.
pub(crate) fn over_tcp(app: impl asgi::Application + 'static, test: impl AsyncFnOnce(&Site)) {
    serving(None, app, test);
}

/// As [`over_tcp`], with TLS.
pub(crate) fn over_tls(app: impl asgi::Application + 'static, test: impl AsyncFnOnce(&Site)) {
    serving(Some(Certificates::make()), app, test);
}

fn serving(
    certificates: Option<Certificates>,
    app: impl asgi::Application + 'static,
    test: impl AsyncFnOnce(&Site),
) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let served = async {
        let mut listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let mut host = "127.0.0.1";
        if let Some(certificates) = &certificates {
            listener = listener.with_tls(TlsConfig::new(certificates.chain(), certificates.key())).unwrap();
            host = Certificates::HOST;
        }
        let server = Server::builder().signals(false).grace_period(10 * DEADLINE).listen(listener).unwrap();
        let port = server.local_addr().tcp().unwrap().port();
        let handle = server.handle();
        // These applications are terse: they answer HEAD as they do GET.
        let app = Validator::new(app).on_violation(OnViolation::Collect).except("V-06");
        let violations = app.violations();
        let task = tokio::spawn(server.serve(app));
        test(&Site { authority: format!("{host}:{port}"), certificates }).await;
        handle.shutdown();
        task.await.unwrap().unwrap();
        violations.assert_none();
    };
    let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, served).await });
    // What a failed test left on a thread must not keep the run from ending.
    runtime.shutdown_background();
    done.expect("the test does not come to an end");
}

/// Runs a script that lies beside these tests, in the environment with the Python clients: it must end well.
pub(crate) async fn python(script: &str, arguments: &[&str]) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // By its path and isolated: nothing of the user's own Python gets in.
    let mut command = Command::new(package.join("../../target/venv/bin/python"));
    command.arg("-I").arg(package.join("tests/clients").join(script)).args(arguments);
    let output = run(&mut command, b"").await;
    let says = |octets| String::from_utf8_lossy(octets).into_owned();
    let (stdout, stderr) = (says(&output.stdout), says(&output.stderr));
    assert!(output.status.success(), "{script} {arguments:?}\n{stdout}\n{stderr}");
}

/// Runs the program to its end, with that on its standard input.
pub(crate) async fn run(command: &mut Command, input: &[u8]) -> Output {
    let program = command.as_std().get_program().to_owned();
    // What is tested is on this machine: whatever proxy others are reached by is not asked.
    command.env("no_proxy", "*").env("NO_PROXY", "*");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("{} cannot be run ({error}): run `bash .ci/setup`", program.display())
    });
    let mut stdin = child.stdin.take().unwrap();
    let feed = async move {
        // A program may well end before it has read everything.
        let _ = stdin.write_all(input).await;
    };
    tokio::join!(child.wait_with_output(), feed).0.unwrap()
}

/// Keeps a deadlock from hanging the run; no test depends on how long anything takes.
const DEADLINE: Duration = Duration::from_secs(120);
