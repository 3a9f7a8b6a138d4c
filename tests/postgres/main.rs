//! The index on a real Postgres server with pgvector (`tests/postgres/install.sh` installs one).
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failing test names what is missing"
)]

mod access;
mod editor;
mod outage;
#[path = "../protocol/program.rs"]
#[allow(dead_code, reason = "only the protocol tests use all of it")]
mod program;
mod renewal;
mod same;
mod server;
mod tls;
mod upgrade;
mod words;

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use fovea::model::{Model, UNSTOPPED, default_source};
use fovea::similar::index::postgres::{Folder, Job, Shared};
use fovea::similar::index::{Collection, Filter, Limits, Query, Renewal, embed_query};
use server::Server;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model::load(&default_source()).unwrap());

/// Writes a file with an old modification time, so that its stamp is trusted.
fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let seconds = 1_000_000 + text.bytes().map(u64::from).sum::<u64>();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .unwrap();
}

/// A function whose body depends on `number`.
fn function(name: &str, number: usize) -> String {
    format!(
        "fn {name}(input: &[u32]) -> u32 {{\n    let mut total = {number};\n    for value in input {{\n        total += value * {number};\n    }}\n    total\n}}\n"
    )
}

/// A folder with one function in each file.
fn folder(files: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..files {
        write(
            folder.path(),
            &format!("src/f{i}.rs"),
            &function(&format!("number_{i}"), i),
        );
    }
    folder
}

fn job(server: &Server) -> Job {
    Job::open(server.place(), &MODEL).unwrap()
}

fn named<'a>(path: &'a Path, name: &'a str) -> Folder<'a> {
    Folder {
        path,
        name: Some(name),
        link: None,
    }
}

fn renew(job: &mut Job, root: &Path, name: &str) -> Renewal {
    job.renew(&MODEL, named(root, name), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap()
}

fn reader(server: &Server, own: Option<&str>) -> Shared {
    Shared::open(server.place(), &MODEL, own.map(Path::new)).unwrap()
}

/// A query with its embedding.
fn query(text: &str) -> Query {
    Query {
        vector: embed_query(&MODEL, text).unwrap(),
        ..Query::parse(text, &mut Filter::default())
    }
}

/// Names and paths of the items that a question finds.
fn found(items: &dyn Collection, question: &str, count: usize) -> Vec<String> {
    let query = query(question);
    let found = items.search(&query, &Filter::default(), count).unwrap();
    found
        .iter()
        .map(|hit| format!("{} {}", hit.item.name, hit.root.join(&hit.path).display()))
        .collect()
}
