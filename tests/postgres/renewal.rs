//! Changing folders and several indexers.

use std::path::Path;

use fovea::similar::index::{Asked, Collection, Filter, embed_items};
use fovea::text::Language;

use crate::{MODEL, Server, folder, found, function, job, reader, renew, write};

#[test]
fn known_items_are_not_embedded_again_and_deleted_ones_are_not_found() {
    let Some(server) = Server::start(None) else { return };
    let (root, mut job) = (folder(3), job(&server));
    let first = renew(&mut job, root.path(), "one");
    assert_eq!((first.files, first.read, first.recognized, first.items), (3, 3, 0, 3));
    let second = renew(&mut job, root.path(), "one");
    assert_eq!((second.files, second.read, second.embedded), (3, 0, 0));
    // Another checkout of the same files.
    let other = renew(&mut job, root.path(), "two");
    assert_eq!((other.read, other.recognized, other.embedded), (3, 3, 0));
    write(root.path(), "src/f1.rs", &function("edited", 77));
    std::fs::remove_file(root.path().join("src/f2.rs")).unwrap();
    let edited = renew(&mut job, root.path(), "one");
    assert_eq!(
        (edited.read, edited.recognized, edited.embedded, edited.gone),
        (1, 0, 1, 1)
    );
    let mut names = found(&reader(&server, None), "anything", 100);
    names.sort();
    let expected = [
        "edited one/src/f1.rs",
        "number_0 one/src/f0.rs",
        "number_0 two/src/f0.rs",
        "number_1 two/src/f1.rs",
    ];
    assert_eq!(names, [&expected[..], &["number_2 two/src/f2.rs"]].concat());
}

#[test]
fn an_item_is_not_similar_to_itself_but_to_its_copy_in_another_folder() {
    let Some(server) = Server::start(None) else { return };
    let (root, mut job) = (folder(2), job(&server));
    renew(&mut job, root.path(), "one");
    renew(&mut job, root.path(), "two");
    let item = embed_items(&MODEL, &function("number_0", 0), Language::Rust)
        .unwrap()
        .remove(0);
    let asked = Asked {
        path: Some(Path::new("src/f0.rs")),
        item: &item.item,
        vector: &item.vector,
        base: None,
        known: None,
    };
    let nearest = |own| {
        let found = reader(&server, own).similar(&asked, &Filter::default(), 1).unwrap();
        found[0].root.join(&found[0].path).display().to_string()
    };
    assert_eq!(nearest(Some("one")), "two/src/f0.rs");
    assert_eq!(nearest(Some("two")), "one/src/f0.rs");
    // The reader's checkout is unknown, so copies in both count as the item itself.
    for own in [None, Some("elsewhere")] {
        assert_eq!(nearest(own), "one/src/f1.rs");
    }
}

#[test]
fn several_indexers_leave_the_same_tables_as_one() {
    let Some(server) = Server::start(None) else { return };
    let root = tempfile::tempdir().unwrap();
    for i in 0..60 {
        write(
            root.path(),
            &format!("f{i}.rs"),
            &function(&format!("f{}", i % 40), i % 40),
        );
    }
    std::thread::scope(|scope| {
        for name in ["one", "one", "two"] {
            let (server, root) = (&server, root.path());
            scope.spawn(move || assert_eq!(renew(&mut job(server), root, name).files, 60));
        }
    });
    assert_eq!(reader(&server, None).len().unwrap(), 120);
    let mut admin = server.admin();
    let mut count = |table: &str| -> i64 {
        admin
            .query_one(&format!("SELECT count(*) FROM fovea.{table}"), &[])
            .unwrap()
            .get(0)
    };
    let counts = ["roots", "files", "contents", "units", "items", "uses"].map(&mut count);
    assert_eq!(counts, [2, 120, 40, 40, 40, 40]);
}

#[test]
fn contents_that_no_file_has_for_a_month_are_dropped_unless_they_came_back() {
    let Some(server) = Server::start(None) else { return };
    let (root, mut job, mut admin) = (folder(3), job(&server), server.admin());
    renew(&mut job, root.path(), "one");
    for file in ["src/f1.rs", "src/f2.rs"] {
        std::fs::remove_file(root.path().join(file)).unwrap();
    }
    renew(&mut job, root.path(), "one");
    let orphans = "SELECT count(*) FROM fovea.contents WHERE orphaned IS NOT NULL";
    assert_eq!(admin.query_one(orphans, &[]).unwrap().get::<_, i64>(0), 2);
    // The file comes back, as after a change of branches.
    write(root.path(), "src/f1.rs", &function("number_1", 1));
    let back = renew(&mut job, root.path(), "one");
    assert_eq!((back.recognized, back.embedded), (1, 0));
    assert_eq!(admin.query_one(orphans, &[]).unwrap().get::<_, i64>(0), 1);
    admin
        .batch_execute("UPDATE fovea.contents SET orphaned = orphaned - 1000")
        .unwrap();
    write(root.path(), "src/f3.rs", &function("number_3", 3));
    renew(&mut job, root.path(), "one");
    for table in ["contents", "items", "texts", "units", "uses"] {
        let left: i64 = admin
            .query_one(&format!("SELECT count(*) FROM fovea.{table}"), &[])
            .unwrap()
            .get(0);
        assert_eq!(left, 3, "{table}");
    }
}
