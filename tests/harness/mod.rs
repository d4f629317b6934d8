//! What every end-to-end test uses: a stack of its own in a temporary home, commands against it, and waiting.

pub mod control;
pub mod native;
pub mod otlp_proxy;
pub mod raw_http;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use firedrill::run_file::RunFile;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::{Instant, sleep},
};

/// Long enough for a loaded machine; nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_firedrill")
}

/// The checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the checkout")
}

/// A command in a home of its own, with nothing of the developer's environment that would change its telemetry.
pub fn command(home: &Path) -> Command {
    command_of(Path::new(program()), home)
}

/// The same with another program, which may start this one.
pub fn command_of(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        if ["OTEL_", "LOG_EXPORT", "LOKI_URL", "RUST_LOG", "FIREDRILL_"].iter().any(|p| name.starts_with(p)) {
            command.env_remove(name);
        }
    }
    command.env("FIREDRILL_HOME", home).current_dir(checkout()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(home: &Path, args: &[&str]) -> Output {
    run_within(PATIENCE, home, args).await
}

async fn run_within(patience: Duration, home: &Path, args: &[&str]) -> Output {
    let child = command(home).args(args).output();
    tokio::time::timeout(patience, child).await.expect("the command ends").expect("the command runs")
}

/// The last line of standard output as JSON.
pub fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|e| panic!("{e} in {last:?}; {}", stderr(output)))
}

/// All that a command said, for the message of a failed assertion.
pub fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout).trim(), stderr(output))
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// Waits until `look` finds something, and fails with `what` when it never does.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A running stack; dropped, it is killed, and with it all its children.
pub struct Stack {
    pub home: TempDir,
    pub run: RunFile,
    pub http: reqwest::Client,
    up: Child,
}

/// How a stack is to be started.
#[derive(Default)]
pub struct Setup {
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    home: Option<TempDir>,
    folder: Option<PathBuf>,
}

impl Setup {
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn home(mut self, home: TempDir) -> Self {
        self.home = Some(home);
        self
    }

    /// Starts it in this folder and not in the checkout: what lies there overrides the files that the program carries.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_path_buf());
        self
    }

    pub async fn start(self) -> Stack {
        let home = self.home.unwrap_or_else(|| tempfile::tempdir().expect("a home"));
        let mut command = command(home.path());
        command.args(["up", "--ports", "auto"]).args(&self.args).envs(&self.env);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut up = command.spawn().expect("firedrill starts");
        let deadline = Instant::now() + PATIENCE;
        let run = loop {
            // The lock tells a new stack's file from one that is left over.
            if let Ok(run) = RunFile::find(&firedrill::home::Home::new(Some(home.path().to_path_buf()))) {
                break run;
            }
            if let Some(status) = up.try_wait().expect("its status") {
                panic!("firedrill up ended with {status}: {}", drain(&mut up).await);
            }
            assert!(Instant::now() < deadline, "firedrill up is not ready");
            sleep(Duration::from_millis(20)).await;
        };
        let http = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        Stack { home, run, http, up }
    }
}

async fn drain(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(mut err) = child.stderr.take() {
        let _ = err.read_to_string(&mut text).await;
    }
    text
}

impl Stack {
    /// A stack without traffic.
    pub async fn quiet() -> Self {
        Setup::default().arg("--no-load").start().await
    }

    pub fn url(&self, part: &str) -> &str {
        self.run.url(part).expect("a part of the stack")
    }

    /// Runs a command against this stack.
    pub async fn run(&self, args: &[&str]) -> Output {
        run(self.home.path(), args).await
    }

    /// The same for one that has a thousand things to do, which on a loaded machine takes more than one's patience.
    pub async fn run_long(&self, args: &[&str]) -> Output {
        run_within(PATIENCE * 4, self.home.path(), args).await
    }

    pub fn query(&self) -> query::Stack {
        firedrill::stack::of(&self.run).expect("three addresses")
    }

    /// The process ids of the children, as they are now.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        let home = firedrill::home::Home::new(Some(self.home.path().to_path_buf()));
        RunFile::find(&home).expect("run.json").pids
    }

    pub fn up_pid(&self) -> u32 {
        self.up.id().expect("firedrill up runs")
    }

    /// What `up` says on standard error from now on, line by line; who takes it finds nothing of it in `Stopped`.
    pub fn errors(&mut self) -> Lines<BufReader<ChildStderr>> {
        BufReader::new(self.up.stderr.take().expect("it is taken once")).lines()
    }

    /// What `up` prints from now on, line by line; who takes it finds nothing of it in `Stopped`.
    pub fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.up.stdout.take().expect("it is taken once")).lines()
    }

    /// Places an order.
    pub async fn order(&self, body: &Value, correlation: &str) -> reqwest::Response {
        let request = self.http.post(format!("{}/orders", self.url("order-service"))).json(body);
        request.header("X-Correlation-ID", correlation).send().await.expect("order-service answers")
    }

    /// Kills `up`, so that it can stop nothing itself, and waits for its end.
    pub async fn kill(mut self) -> TempDir {
        self.up.kill().await.expect("up ends");
        self.home
    }

    /// Interrupts `up` as Ctrl-C does and waits for its end.
    pub async fn interrupt(self) -> Stopped {
        signal(self.up_pid(), rustix::process::Signal::INT);
        self.ended().await
    }

    /// Waits for the end of `up`, which something else has caused.
    pub async fn ended(self) -> Stopped {
        let output = self.up.wait_with_output();
        let output = tokio::time::timeout(PATIENCE, output).await.expect("up ends").expect("its output");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Stopped { status: output.status, out: text(output.stdout), err: text(output.stderr), home: self.home }
    }
}

/// A stack that has ended.
pub struct Stopped {
    pub status: std::process::ExitStatus,
    /// What it printed.
    pub out: String,
    /// What it said on standard error.
    pub err: String,
    /// What it left, for a next one to start from.
    pub home: TempDir,
}

/// Sends a signal to a process.
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

/// The processes that work in a home or were started for it: what they were started with names it.
pub fn working_in(home: &Path) -> Vec<u32> {
    let name = home.as_os_str().as_encoded_bytes();
    let names = |file: PathBuf| {
        std::fs::read(file).is_ok_and(|text| text.windows(name.len()).any(|part| part == name))
    };
    let pids = std::fs::read_dir("/proc").expect("the processes").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let process = PathBuf::from(format!("/proc/{pid}"));
        alive(*pid) && ["environ", "cmdline"].iter().any(|file| names(process.join(file)))
    })
    .collect()
}

/// Whether a process is there (a zombie that nobody has reaped yet is not).
pub fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X'])))
}
