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

#[test]
fn an_index_whose_damage_shows_only_when_it_is_read_is_emptied_and_built_again() {
    for damage in [Damage::Page, Damage::Name] {
        let bench = forty_files();
        let path = bench.index().path().to_owned();
        damage.strike(&path);
        let mut index = bench.index();
        let error = index.vector_index(&MODEL, bench.root.path()).unwrap_err();
        assert!(index.repair(&error), "{error}");
        assert!(!index.repair(&IndexError::Restless));
        drop(index);
        assert_eq!(bench.renew().read, 40);
        assert_eq!(bench.names().len(), 40);
        bench.index().check().unwrap();
    }
}

#[test]
fn an_examination_finds_damage_that_a_renewal_does_not_meet() {
    let bench = forty_files();
    bench.index().check().unwrap();
    let path = bench.index().path().to_owned();
    Damage::Page.strike(&path);
    let mut index = bench.index();
    let error = index.check().unwrap_err();
    assert!(error.to_string().contains("index.sqlite"), "{error}");
    assert!(index.repair(&error));
    index.check().unwrap();
    let mut memory = Index::in_memory().unwrap();
    assert!(!memory.repair(&error), "an index in memory has no file");
}

/// An index of forty files.
fn forty_files() -> Bench {
    let bench = Bench::new();
    for at in 0..40 {
        bench.write(format!("a{at}.rs"), &function(&format!("reads{at}"), at));
    }
    bench.renew();
    bench
}

/// What a failing disk or another program does to an index.
enum Damage {
    /// The pages with the items are overwritten.
    Page,
    /// The name of an item is no UTF-8.
    Name,
}

impl Damage {
    fn strike(&self, path: &Path) {
        let connection = Connection::open(path).unwrap();
        match self {
            Damage::Name => {
                connection
                    .execute("UPDATE items SET name = CAST(x'61ff62' AS TEXT) WHERE content = (SELECT min(content) FROM items)", [])
                    .unwrap();
            }
            Damage::Page => {
                connection
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .unwrap();
                let roots: Vec<u32> = connection
                    .prepare("SELECT rootpage FROM sqlite_schema WHERE name IN ('items', 'units')")
                    .unwrap()
                    .query_map([], |row| row.get(0))
                    .unwrap()
                    .map(Result::unwrap)
                    .collect();
                let size: u32 = connection
                    .pragma_query_value(None, "page_size", |row| row.get(0))
                    .unwrap();
                let mut bytes = std::fs::read(path).unwrap();
                for root in roots {
                    let start = (root - 1) as usize * size as usize;
                    bytes[start..start + size as usize].fill(0xa5);
                }
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
}
