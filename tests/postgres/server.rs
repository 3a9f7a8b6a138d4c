//! A Postgres server that ends with its test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use fovea::similar::index::postgres::StoreAddress;
use postgres::{Client, NoTls};

/// The variable with the folder of the server's programs. Tests are skipped if it is not set.
const VARIABLE: &str = "FOVEA_POSTGRES_BIN";

/// A part of the socket's name.
///
/// Each server listens only on a socket in its own folder, so parallel tests cannot conflict.
const PORT: u16 = 5432;

/// A server with a database `index`, reached through a socket.
pub struct Server {
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server without passwords, or with one for the superuser.
    ///
    /// `None` if there are no programs for a server.
    pub fn start(password: Option<&str>) -> Option<Server> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "CI must set {VARIABLE}");
            eprintln!("skipped: {VARIABLE} does not name a folder with the programs of Postgres");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("fovea-pg").tempdir().unwrap();
        if is_root() {
            run(Command::new("chown").arg("nobody").arg(folder.path()));
        }
        let server = Server { folder };
        let mut initdb = as_nobody(&programs.join("initdb"));
        initdb
            .arg("-D")
            .arg(server.data())
            .args(["-U", "postgres", "--no-locale", "-E", "UTF8", "--no-sync"]);
        match password {
            Some(password) => {
                let file = server.folder.path().join("password");
                std::fs::write(&file, password).unwrap();
                initdb.args(["-A", "scram-sha-256", "--pwfile"]).arg(file);
            }
            None => {
                initdb.args(["-A", "trust"]);
            }
        }
        run(&mut initdb);
        server.go();
        server
            .superuser("postgres", password)
            .batch_execute("CREATE DATABASE index")
            .unwrap();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn control(&self) -> Command {
        let mut control = as_nobody(&programs().unwrap().join("pg_ctl"));
        control.arg("-D").arg(self.data()).args(["-w", "-s"]);
        control
    }

    /// Starts the server, also after a stop.
    pub fn go(&self) {
        let folder = self.folder.path().display();
        let options = format!("-p {PORT} -c listen_addresses= -c unix_socket_directories={folder} -c fsync=off");
        let log = self.folder.path().join("log");
        let output = self
            .control()
            .arg("-l")
            .arg(&log)
            .args(["-o", &options, "start"])
            .output()
            .unwrap();
        let log = std::fs::read_to_string(log).unwrap_or_default();
        assert!(output.status.success(), "the server did not start: {log}");
    }

    /// The server's socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{PORT}"))
    }

    /// Stops the server as in a crash.
    pub fn kill(&self) {
        run(self.control().args(["-m", "immediate", "stop"]));
    }

    /// The server's address through the socket, for a role.
    pub fn address(&self, role: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{folder}:{PORT}/index")
    }

    /// The address of the database for the superuser.
    pub fn place(&self) -> StoreAddress {
        StoreAddress::from_argument(&self.address("postgres")).unwrap()
    }

    /// A connection of the superuser to a database.
    pub fn superuser(&self, database: &str, password: Option<&str>) -> Client {
        let mut config = postgres::Config::new();
        config
            .host_path(self.folder.path())
            .port(PORT)
            .user("postgres")
            .dbname(database);
        if let Some(password) = password {
            config.password(password);
        }
        config.connect(NoTls).unwrap()
    }

    /// A connection to the database `index`.
    pub fn admin(&self) -> Client {
        self.superuser("index", None)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.control().args(["-m", "immediate", "stop"]).output();
    }
}

fn is_root() -> bool {
    let mine = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::MetadataExt::uid(&mine.as_file().metadata().unwrap()) == 0
}

/// A command that runs as `nobody` if the user is root, because the server refuses root.
///
/// The command finds its libraries wherever the folder is.
fn as_nobody(program: &Path) -> Command {
    let libraries = program.parent().unwrap().with_file_name("lib");
    if !is_root() {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", libraries);
        return command;
    }
    let mut command = Command::new("setpriv");
    command.env("LD_LIBRARY_PATH", libraries);
    command.args([
        "--reuid=nobody",
        "--regid=nogroup",
        "--clear-groups",
        "env",
        "HOME=/nonexistent",
    ]);
    command.arg(program).current_dir("/");
    command
}

/// The folder of the programs, which `nobody` must be able to read.
///
/// Programs in a closed folder, such as root's home folder, are copied.
fn programs() -> Option<&'static Path> {
    static PROGRAMS: OnceLock<Option<(PathBuf, Option<tempfile::TempDir>)>> = OnceLock::new();
    let found = PROGRAMS.get_or_init(|| {
        let named = PathBuf::from(std::env::var_os(VARIABLE).filter(|value| !value.is_empty())?);
        let works = as_nobody(&named.join("postgres")).arg("--version").output();
        if works.is_ok_and(|output| output.status.success()) {
            return Some((named, None));
        }
        let copy = tempfile::Builder::new().prefix("fovea-pg-programs").tempdir().unwrap();
        run(Command::new("cp")
            .arg("-r")
            .arg(named.parent()?)
            .arg(copy.path().join("pg")));
        run(Command::new("chmod").arg("-R").arg("a+rX").arg(copy.path()));
        Some((copy.path().join("pg/bin"), Some(copy)))
    });
    found.as_ref().map(|(folder, _)| folder.as_path())
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
