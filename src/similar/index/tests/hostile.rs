//! Unusual folders, clocks, disks and files.

use super::*;

#[cfg(unix)]
#[test]
fn circular_dangling_and_outward_links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("outside.rs"), function("outside", 1)).unwrap();
    bench.write("src/a.rs", &function("a", 1));
    let at = |path: &str| bench.root.path().join(path);
    symlink(bench.root.path(), at("src/up")).unwrap();
    symlink(at("src/round.rs"), at("src/round.rs")).unwrap();
    symlink(at("nowhere.rs"), at("dangling.rs")).unwrap();
    symlink(outside.path(), at("out")).unwrap();
    symlink(outside.path().join("outside.rs"), at("outside.rs")).unwrap();
    let renewal = bench.renew();
    assert_eq!((renewal.files, renewal.read), (1, 1));
    assert!(renewal.skipped.is_empty(), "{:?}", renewal.skipped);
    assert_eq!(bench.names(), ["a"]);
    // The root may be a link: it is the same folder.
    let link = outside.path().join("link");
    symlink(bench.root.path(), &link).unwrap();
    let again = bench
        .index()
        .renew(&MODEL, &link, &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!((again.files, again.read), (1, 0));
}

#[cfg(unix)]
#[test]
fn unreadable_files_are_skipped_and_found_once_readable() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.write("open/a.rs", &function("a", 1));
    bench.write("open/shut.rs", &function("shut", 2));
    bench.write("closed/b.rs", &function("b", 3));
    let allow = |path: &str, mode| {
        let path = bench.root.path().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let close = || {
        allow("open/shut.rs", 0o000);
        allow("closed", 0o000);
    };
    let open = || {
        allow("open/shut.rs", 0o600);
        allow("closed", 0o700);
    };
    close();
    // The administrator can read everything.
    let readable = std::fs::read_dir(bench.root.path().join("closed")).is_ok();
    let renewal = bench.renew();
    let names = bench.names();
    open();
    if readable {
        assert_eq!(names, ["a", "b", "shut"]);
        return;
    }
    assert_eq!((renewal.files, names), (1, vec!["a".to_owned()]));
    assert_eq!(renewal.skipped, [(Skipped::Unreadable, 2)].into());
    assert_eq!(bench.renew().read, 2);
    assert_eq!(bench.names(), ["a", "b", "shut"]);
    // Known files return without work.
    close();
    assert_eq!(bench.renew().gone, 1);
    open();
    assert_eq!(bench.renew().embedded, 0);
    assert_eq!(bench.names(), ["a", "b", "shut"]);
}

#[cfg(unix)]
#[test]
fn folder_names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let folder = Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    if std::fs::create_dir(bench.root.path().join(folder)).is_err() {
        return; // This file system rejects such names.
    }
    bench.write(folder.join("tests/a.rs"), &function("coffee", 1));
    bench.renew();
    let filter = Filter {
        below: Some(folder.to_owned()),
        tests: Tests::Only,
        paths: Globs::new(&["**/tests/*.rs".to_owned()]).unwrap(),
        ..Filter::default()
    };
    assert_eq!(search(&bench.vector_index(), "coffee", &filter, 9).len(), 1);
    assert_eq!(bench.renew().read, 0);
    let inside = bench.root.path().join(folder);
    let renewal = bench
        .index()
        .renew(&MODEL, &inside, &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!((renewal.files, renewal.recognized), (1, 1));
}

#[test]
fn a_file_written_during_a_read_is_eventually_indexed_correctly() {
    let bench = Bench::new();
    let path = bench.root.path().join("a.rs");
    let text = |round: usize| function(&format!("round_{}", round % 10), round % 7) + &"// \n".repeat(round % 50 * 40);
    std::fs::write(&path, text(0)).unwrap();
    let writing = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..2000 {
                std::fs::write(&path, text(round)).unwrap();
            }
            writing.store(false, Ordering::Release);
        });
        while writing.load(Ordering::Acquire) {
            // At any moment, there is one file or none.
            assert!(bench.renew().files <= 1);
        }
    });
    bench.renew();
    assert_eq!(bench.names(), ["round_9"]);
}

#[test]
fn clock_jumps_are_tolerated() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    let dated = |text: &str, time: SystemTime| {
        let path = bench.root.path().join("b.rs");
        std::fs::write(&path, text).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    };
    let (now, century) = (SystemTime::now(), Duration::from_secs(100 * 365 * 24 * 3600));
    let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1_000_000);
    // The texts have equal lengths: only the time distinguishes them.
    for (time, name) in [
        (now + century, "x"),
        (early, "y"),
        (now - century / 4, "z"),
        (now + century, "w"),
    ] {
        dated(&function(name, 5), time);
        assert_eq!(bench.renew().read, if name == "x" { 2 } else { 1 });
        assert_eq!(bench.renew().read, 0, "{name} is not read twice");
        assert_eq!(bench.names(), ["a", name]);
    }
    // A clock that jumps by years may age unused contents, but never contents in use.
    let mut index = bench.index();
    for hour in [i64::MAX / 2, 0, -1_000_000] {
        table::forget(&mut index.connection, 1, std::iter::empty(), hour).unwrap();
    }
    assert_eq!(bench.names(), ["a", "w"]);
    assert_eq!(bench.renew().read, 0);
}

#[test]
fn damaged_rows_are_skipped() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    bench.write("b.rs", &function("b", 2));
    bench.write("c.rs", &function("c", 3));
    bench.renew();
    let index = bench.index();
    let change = |sql: &str| {
        assert_eq!(index.connection.execute(sql, []).unwrap(), 1);
    };
    change("UPDATE units SET vector = zeroblob(6) WHERE id = (SELECT unit FROM uses ORDER BY content LIMIT 1)");
    change("UPDATE items SET places = x'01' WHERE content = (SELECT min(content) + 1 FROM items)");
    change("UPDATE items SET units = x'6300000001' WHERE content = (SELECT max(content) FROM items)");
    // Without a usable vector, an item is found by its name and words, and resembles nothing.
    let found = |name: &str| {
        let hits = search(&bench.vector_index(), name, &Filter::default(), 9);
        hits.iter().any(|hit| hit.item.name == name)
    };
    assert_eq!(["a", "b", "c"].map(found), [true, false, true]);
    let (vector_index, like) = (bench.vector_index(), only_item(&function("c", 3)));
    assert_eq!(
        vector_index
            .similar(&asked(&like, Some(-1.0)), &Filter::default(), 9)
            .unwrap(),
        []
    );
}

#[test]
fn an_index_with_older_tables_is_rebuilt() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    bench.renew();
    let connection = Connection::open(bench.index().path()).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    assert_eq!(bench.renew().embedded, 1);
    assert_eq!(bench.names(), ["a"]);
}

#[test]
fn a_full_disk_keeps_written_data_and_indexing_resumes_later() {
    let bench = Bench::new();
    for i in 0..200 {
        bench.write(format!("f{i:03}.rs"), &function(&format!("f{i}"), i));
    }
    let mut index = bench.index();
    let room = |index: &Index, pages: u32| {
        let set = index
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        set.unwrap();
    };
    room(&index, 40);
    let full = index.renew(&MODEL, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {});
    let error = full.unwrap_err();
    assert!(
        matches!(error, IndexError::Database { .. })
            && error.to_string().contains("index.sqlite")
            && error.to_string().contains("full"),
        "{error}"
    );
    let kept = bench.vector_index().len();
    assert!(kept > 0 && kept < 200, "{kept}");
    // The stored part serves an index in memory, which computes only the rest.
    let mut memory = Index::in_memory_with(bench.cache.path(), bench.root.path()).unwrap();
    let rest = memory
        .renew(&MODEL, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!((rest.files, rest.embedded), (200, 200 - kept));
    assert_eq!(memory.vector_index(&MODEL, bench.root.path()).unwrap().len(), 200);
    assert_eq!(bench.vector_index().len(), kept, "the file is unchanged");
    room(&index, 1_000_000);
    let after = index
        .renew(&MODEL, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!(after.embedded, 200 - kept);
    let (_, looked) = examine(bench.cache.path()).unwrap();
    assert!(looked.unwrap().wrong.is_empty());
}

#[test]
fn an_index_in_memory_starts_empty_without_a_usable_file() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    let embedded = |folder: &Path| {
        let mut memory = Index::in_memory_with(folder, bench.root.path()).unwrap();
        let renewal = memory.renew(&MODEL, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {});
        renewal.unwrap().embedded
    };
    assert_eq!(embedded(&bench.cache.path().join("nowhere")), 1);
    bench.renew();
    assert_eq!(embedded(bench.cache.path()), 0);
    let path = bench.index().path().to_owned();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    assert_eq!(embedded(bench.cache.path()), 1, "a newer file is not understood");
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(database::beside(&path, end));
    }
    std::fs::write(
        &path,
        b"no database, but long enough to be one by its size alone".repeat(9),
    )
    .unwrap();
    assert_eq!(embedded(bench.cache.path()), 1);
}

#[test]
fn a_hundred_thousand_files_are_indexed() {
    let bench = Bench::new();
    let text = function("same", 1);
    for folder in 0..100 {
        let folder = bench.root.path().join(format!("d{folder:02}"));
        std::fs::create_dir(&folder).unwrap();
        for file in 0..1000 {
            std::fs::write(folder.join(format!("f{file:03}.rs")), &text).unwrap();
        }
    }
    let limits = Limits {
        files: 100_000,
        ..Limits::default()
    };
    bench.write("zz.rs", &text);
    let mut index = bench.index();
    let mut renew = || {
        index
            .renew(&MODEL, bench.root.path(), &limits, UNSTOPPED, |_| {})
            .unwrap()
    };
    let first = renew();
    assert_eq!((first.files, first.embedded), (100_000, 1));
    assert_eq!(first.skipped, [(Skipped::TooMany, 1)].into());
    assert_eq!(bench.vector_index().len(), 100_000);
}
