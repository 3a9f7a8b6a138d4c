//! Files that are damaged or of another version.

use super::*;

#[test]
fn a_damaged_index_is_rebuilt_and_a_newer_one_is_left_unchanged() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    bench.renew();
    let path = bench.index().path().to_owned();
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(database::beside(&path, end));
    }
    std::fs::write(
        &path,
        b"this is no database, and it is long enough to be taken for one by its size",
    )
    .unwrap();
    assert_eq!(bench.renew().embedded, 1);
    assert_eq!(bench.names(), ["a"]);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    let error = Index::open(bench.cache.path()).unwrap_err().to_string();
    assert!(
        error.contains("newer fovea") && error.contains("index.sqlite"),
        "{error}"
    );
}

#[test]
fn tables_of_another_version_are_called_older_or_newer() {
    for (version, said) in [(table::SCHEMA.version - 1, "an older fovea"), (999, "a newer fovea")] {
        let bench = Bench::new();
        let path = bench.index().path().to_owned();
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", version).unwrap();
        let memory = Index::in_memory().unwrap();
        let error = table::copy(&memory.connection, &path, bench.root.path()).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn an_index_with_contents_of_an_older_version_is_read_again_though_no_file_has_changed() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    bench.renew();
    assert_eq!(bench.renew().read, 0);
    let connection = Connection::open(bench.index().path()).unwrap();
    let older = table::SCHEMA.version - 1;
    assert_eq!(older % 100, super::super::reading::CONTENTS - 1);
    connection.pragma_update(None, "user_version", older).unwrap();
    drop(connection);
    assert_eq!(bench.renew().embedded, 1);
}
