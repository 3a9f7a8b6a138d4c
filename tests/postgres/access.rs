//! Permissions, the choice of a store, and errors about unsuitable stores.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use fovea::model::{Model, UNSTOPPED, default_source};
use fovea::similar::index::Limits;
use fovea::similar::index::postgres::{Job, Shared, StoreAddress};

use crate::{MODEL, Server, folder, found, job, named, reader, renew};

/// The statements of docs/scale.md that create the roles.
fn documented() -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md")).unwrap();
    let block = page.split("```sql\n").nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_documented_roles_are_enough_and_the_readers_can_change_nothing() {
    let Some(server) = Server::start(None) else { return };
    let mut admin = server.admin();
    admin.batch_execute(&documented()).unwrap();
    let place = |role: &str| StoreAddress::from_argument(&server.address(role)).unwrap();
    let mut job = Job::open(place("fovea_indexer"), &MODEL).unwrap();
    renew(&mut job, folder(2).path(), "one");
    let store = Shared::open(place("fovea_reader"), &MODEL, None).unwrap();
    assert_eq!(found(&store, "sum", 9).len(), 2);
    let more = folder(3);
    let error = Job::open(place("fovea_reader"), &MODEL)
        .and_then(|mut job| job.renew(&MODEL, named(more.path(), "two"), &Limits::default(), UNSTOPPED, |_| {}));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("permission denied") && error.contains("docs/scale.md"),
        "{error}"
    );
    assert_eq!(found(&store, "sum", 9).len(), 2);
    // A role without any grant gets the same error.
    admin.batch_execute("CREATE ROLE stranger LOGIN").unwrap();
    let error = Shared::open(place("stranger"), &MODEL, None).unwrap_err().to_string();
    assert!(
        error.contains("permission denied") && error.contains("docs/scale.md"),
        "{error}"
    );
}

#[test]
fn unsuitable_stores_are_distinguished_and_not_changed() {
    let Some(server) = Server::start(None) else { return };
    let opened = |model: &Model| Shared::open(server.place(), model, None).unwrap_err().to_string();
    assert!(opened(&MODEL).contains("it contains no index yet"));
    renew(&mut job(&server), folder(2).path(), "one");
    let plain = Model::load(&default_source()).unwrap().identifier_aware(false);
    for error in [
        opened(&plain),
        Job::open(server.place(), &plain).unwrap_err().to_string(),
    ] {
        assert!(
            error.contains("contains vectors of the model all-MiniLM-L6-v2 ("),
            "{error}"
        );
    }
    let mut admin = server.admin();
    for (version, said) in [
        (999, "a newer fovea wrote it (version 999"),
        (0, "DROP SCHEMA fovea CASCADE"),
    ] {
        admin
            .execute("UPDATE fovea.meta SET version = $1", &[&version])
            .unwrap();
        for error in [
            opened(&MODEL),
            Job::open(server.place(), &MODEL).unwrap_err().to_string(),
        ] {
            assert!(error.contains(said), "{error}");
        }
    }
    admin.batch_execute("UPDATE fovea.meta SET version = 2").unwrap();
    assert_eq!(found(&reader(&server, None), "sum", 9).len(), 2);
}

/// Runs the program without variables that name a store or a password.
fn fovea(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    for variable in ["FOVEA_STORE", "FOVEA_MODEL", "PGPASSWORD", "PGPASSFILE", "PGUSER"] {
        command.env_remove(variable);
    }
    command
        .env("HOME", "/nonexistent")
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn a_password_comes_from_the_environment_or_a_private_file_and_is_never_repeated() {
    let Some(server) = Server::start(Some("s3cret")) else {
        return;
    };
    let (root, private) = (folder(1), tempfile::tempdir().unwrap());
    let (root, address) = (root.path().to_str().unwrap(), server.address("postgres"));
    let with_password = address.replace("postgres@", "postgres:s3cret@");
    let file = |name: &str, text: &str, mode: u32| {
        let path = private.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let index = ["index", root, "--store"];
    let named = [&index[..], &[&address]].concat();
    let succeeded = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    succeeded(fovea(&named, &[("PGPASSWORD", "s3cret")]));
    succeeded(fovea(&index, &[("FOVEA_STORE", &with_password)]));
    succeeded(fovea(
        &named,
        &[("PGPASSFILE", &file("pass", "*:*:index:postgres:s3cret\n", 0o600))],
    ));
    let store = file("store", &format!("{with_password}\n"), 0o600);
    succeeded(fovea(&["index", root, "--store-file", &store], &[]));
    let search = ["search", "sum", "--store-file", &store];
    let lines = succeeded(fovea(&search, &[]));
    assert!(lines.contains(&format!("number_0 · {root}/src/f0.rs:1")), "{lines}");
    let refused = |output: Output, code: i32, said: &str| {
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(
            text.contains(said) && !text.contains("s3cret") && !text.contains("wr0ng"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    };
    refused(
        fovea(&named, &[("PGPASSWORD", "wr0ng")]),
        1,
        "password authentication failed for user \"postgres\"",
    );
    refused(fovea(&named, &[]), 1, "password");
    refused(
        fovea(&[&index[..], &[&with_password]].concat(), &[]),
        2,
        "remove it and set PGPASSWORD",
    );
    refused(fovea(&index, &[]), 2, "set FOVEA_STORE");
    let open = file("open", &with_password, 0o644);
    refused(fovea(&["index", root, "--store-file", &open], &[]), 2, "chmod 600");
}
