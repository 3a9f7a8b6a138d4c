//! Folders that change between two renewals.

use super::super::reading::{Address, Of, UnitVector};
use super::*;

#[test]
fn items_are_found_and_unchanged_files_are_not_read_again() {
    let bench = Bench::new();
    bench.write(
        "src/sum.rs",
        &(function("weighted_sum", 3) + "\n" + &function("other_sum", 5)),
    );
    bench.write("docs/guide.md", "# Configuration files\n\nThe program reads its settings from a file in the home folder of the user, in the format TOML.\n");
    bench.write("rows.csv", "not,indexed\n");
    let first = bench.renew();
    assert_eq!((first.files, first.read, first.recognized, first.items), (2, 2, 0, 3));
    assert_eq!(first.skipped, [(Skipped::Unknown, 1)].into());
    assert!(first.embedded >= 3);
    let second = bench.renew();
    assert_eq!((second.files, second.read, second.embedded), (2, 0, 0));
    let vector_index = bench.vector_index();
    let hits = search(&vector_index, "where are the settings stored", &Filter::default(), 3);
    assert_eq!(hits[0].item.name, "Configuration files");
    assert_eq!(hits[0].path, Path::new("docs/guide.md"));
    let sum = &hits.iter().find(|hit| hit.item.name == "other_sum").unwrap().item;
    assert_eq!((sum.start.line, sum.start.column, sum.name_start.column), (8, 0, 3));
}

#[test]
fn a_renamed_file_and_another_checkout_are_recognized() {
    let bench = Bench::new();
    bench.write("a/one.rs", &function("one", 1));
    bench.write("a/two.rs", &function("two", 2));
    bench.renew();
    std::fs::rename(bench.root.path().join("a"), bench.root.path().join("b")).unwrap();
    let renamed = bench.renew();
    assert_eq!(
        (renamed.read, renamed.recognized, renamed.gone, renamed.embedded),
        (2, 2, 2, 0)
    );
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(bench.root.path().join("b/one.rs"), other.path().join("one.rs")).unwrap();
    let mut index = bench.index();
    let checkout = index
        .renew(&MODEL, other.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!((checkout.read, checkout.recognized, checkout.embedded), (1, 1, 0));
    assert_eq!(index.vector_index(&MODEL, other.path()).unwrap().len(), 1);
    assert_eq!(bench.vector_index().len(), 2);
}

#[test]
fn an_edit_embeds_only_changed_units_and_deleted_files_are_not_found() {
    let bench = Bench::new();
    let text = |last: usize| {
        (0..4)
            .map(|i| function(&format!("number_{i}"), i) + "\n")
            .collect::<String>()
            + &function("last", last)
    };
    bench.write("a.rs", &text(7));
    bench.write("b.rs", &function("alone", 9));
    bench.renew();
    bench.write("a.rs", &text(8));
    let edited = bench.renew();
    assert_eq!((edited.read, edited.recognized, edited.embedded), (1, 0, 1));
    std::fs::remove_file(bench.root.path().join("b.rs")).unwrap();
    assert_eq!(bench.renew().gone, 1);
    assert_eq!(bench.names(), ["last", "number_0", "number_1", "number_2", "number_3"]);
    // The file returns from another branch: nothing is embedded.
    bench.write("b.rs", &function("alone", 9));
    let back = bench.renew();
    assert_eq!((back.recognized, back.embedded), (1, 0));
}

#[test]
fn a_stopped_renewal_keeps_finished_work() {
    let bench = Bench::new();
    for i in 0..100 {
        bench.write(format!("f{i:03}.rs"), &function(&format!("f{i}"), i));
    }
    let done = AtomicUsize::new(0);
    let after_some = || done.load(Ordering::Relaxed) > 0;
    let mut index = bench.index();
    let tell = |progress: Progress| done.store(progress.done, Ordering::Relaxed);
    let stopped = index.renew(&MODEL, bench.root.path(), &Limits::default(), &after_some, tell);
    assert!(matches!(stopped, Err(IndexError::Stopped)), "{stopped:?}");
    let kept = bench.vector_index().len();
    assert!(kept > 0 && kept < 100, "{kept}");
    let rest = bench.renew();
    assert_eq!(rest.read, 100 - kept);
    assert_eq!(bench.vector_index().len(), 100);
}

#[test]
fn concurrent_renewals_give_the_result_of_one() {
    let bench = Bench::new();
    for i in 0..60 {
        bench.write(format!("f{i}.rs"), &function(&format!("f{}", i % 40), i % 40));
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(|| bench.renew())).collect();
        workers
            .into_iter()
            .for_each(|worker| assert_eq!(worker.join().unwrap().files, 60));
    });
    assert_eq!(bench.vector_index().len(), 60);
    let (_, looked) = examine(bench.cache.path()).unwrap();
    let looked = looked.unwrap();
    assert!(looked.wrong.is_empty() && looked.rows == 60, "{looked:?}");
    let connection = Connection::open(bench.index().path()).unwrap();
    let count = |table: &str| -> i64 {
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!((count("contents"), count("units")), (40, 40));
}

#[test]
fn a_skipped_file_is_counted_each_time_and_read_once() {
    let bench = Bench::new();
    bench.write("made.rs", &format!("// @generated\n{}", function("made", 1)));
    bench.write("long.js", &"x".repeat(30_000));
    bench.write("a.rs", &function("a", 1));
    for read in [3, 0] {
        let renewal = bench.renew();
        assert_eq!((renewal.read, renewal.files), (read, 1));
        assert_eq!(renewal.skipped, [(Skipped::NotText, 1), (Skipped::Generated, 1)].into());
    }
    assert_eq!(bench.names(), ["a"]);
}

#[test]
fn another_identifier_setting_has_a_separate_index() {
    let bench = Bench::new();
    bench.write("a.rs", &function("parseHttpConfig", 1));
    bench.renew();
    let plain = Model::load(&default_source()).unwrap().identifier_aware(false);
    let mut index = bench.index();
    let renewal = index
        .renew(&plain, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!(renewal.embedded, 1);
    assert_eq!(index.vector_index(&plain, bench.root.path()).unwrap().len(), 1);
    assert_eq!(bench.renew().read, 0);
}

#[test]
fn a_missing_folder_is_an_error_and_an_index_in_memory_works() {
    let bench = Bench::new();
    let nowhere = bench.root.path().join("nowhere");
    let error = bench
        .index()
        .renew(&MODEL, &nowhere, &Limits::default(), UNSTOPPED, |_| {})
        .unwrap_err();
    assert!(
        matches!(error, IndexError::Root { .. }) && error.to_string().contains("nowhere"),
        "{error}"
    );
    let mut memory = Index::in_memory().unwrap();
    bench.write("a.rs", &function("a", 1));
    memory
        .renew(&MODEL, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!(memory.vector_index(&MODEL, bench.root.path()).unwrap().len(), 1);
}

#[test]
fn contents_that_no_file_has_are_dropped_after_a_month() {
    let bench = Bench::new();
    let write = |name: &str, number| bench.write(format!("{name}.rs"), &function(name, number));
    write("a", 3);
    write("b", 5);
    bench.renew();
    std::fs::remove_file(bench.root.path().join("b.rs")).unwrap();
    bench.renew();
    let contents = |sooner: i64| -> i64 {
        let connection = Connection::open(bench.index().path()).unwrap();
        connection
            .execute("UPDATE contents SET orphaned = orphaned - ?1", [sooner])
            .unwrap();
        connection
            .query_row("SELECT count(*) FROM contents", [], |row| row.get(0))
            .unwrap()
    };
    // A day less than a month.
    assert_eq!(contents(29 * 24), 2);
    write("c", 7);
    bench.renew();
    assert_eq!(contents(2 * 24), 3);
    let rows = |table: &str| -> i64 {
        let connection = Connection::open(bench.index().path()).unwrap();
        let count = format!("SELECT count(*) FROM {table}");
        connection.query_row(&count, [], |row| row.get(0)).unwrap()
    };
    // The units and items of a, b and c; each has one.
    let (units, items) = (rows("units"), rows("items"));
    write("d", 9);
    bench.renew();
    assert_eq!(contents(0), 3, "all but that of b.rs");
    assert_eq!(
        (rows("units"), rows("items")),
        (units, items),
        "those of d.rs in place of b.rs"
    );
}

#[test]
fn unused_contents_have_the_hour_since_when_they_are_unused() {
    let hour = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64 / 3600;
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 3));
    bench.renew();
    std::fs::remove_file(bench.root.path().join("a.rs")).unwrap();
    let before = hour();
    bench.renew();
    let connection = Connection::open(bench.index().path()).unwrap();
    let since: i64 = connection
        .query_row("SELECT orphaned FROM contents", [], |row| row.get(0))
        .unwrap();
    assert!((before..=hour()).contains(&since), "{since}");
}

#[test]
fn units_of_no_file_are_read_back_as_they_were_stored() {
    let bench = Bench::new();
    let index = bench.index();
    let address = |text: &str| Address::new(Of::Unit, &MODEL, Language::Rust, text);
    let unit = UnitVector {
        tokens: 7,
        coverage: 0.75,
        vector: [0.5, -1.25].map(half::f16::from_f32).to_vec(),
    };
    table::keep_units(&index.connection, &[(address("one"), &unit)]).unwrap();
    assert_eq!(table::unit(&index.connection, address("one")).unwrap(), Some(unit));
    assert_eq!(table::unit(&index.connection, address("two")).unwrap(), None);
}
