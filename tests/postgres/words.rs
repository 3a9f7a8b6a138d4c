//! Searches by words, names and paths in a store, which contains no text.

use fovea::similar::index::{Collection, Filter, Query};

use crate::{Server, folder, function, job, query, reader, renew, write};

/// The names and files of found items.
fn names(store: &dyn Collection, query: &Query) -> Vec<String> {
    let found = store.search(query, &Filter::default(), 3).unwrap();
    found
        .iter()
        .map(|hit| format!("{} {}", hit.item.name, hit.path.display()))
        .collect()
}

#[test]
fn items_without_a_vector_are_found_by_name_and_words() {
    let Some(server) = Server::start(None) else { return };
    let root = folder(4);
    write(root.path(), "src/tiny.rs", "struct Zugriff;\n");
    renew(&mut job(&server), root.path(), "one");
    let vectors = "SELECT count(vector) FROM fovea.items WHERE name = 'Zugriff'";
    assert_eq!(server.admin().query_one(vectors, &[]).unwrap().get::<_, i64>(0), 0);
    let store = reader(&server, None);
    for typed in ["Zugriff", "zugriff of a session"] {
        assert_eq!(names(&store, &query(typed))[0], "Zugriff src/tiny.rs", "{typed}");
        let words = Query::parse(typed, &mut Filter::default());
        assert_eq!(names(&store, &words), ["Zugriff src/tiny.rs"], "{typed}");
    }
    let hit = &store.search(&query("Zugriff"), &Filter::default(), 1).unwrap()[0];
    let why = hit.why.as_ref().unwrap();
    assert!(why.definition > 0.0 && why.words > 0.0 && why.cosine == 0.0, "{why:?}");
    assert_eq!(why.matched, ["zugriff"]);
}

#[test]
fn a_passage_is_found_by_the_beginning_of_a_word_of_its_path_alone() {
    let Some(server) = Server::start(None) else { return };
    let root = folder(4);
    write(root.path(), "src/configurations/other.rs", &function("g", 7));
    renew(&mut job(&server), root.path(), "one");
    let words = Query::parse("config zugriff", &mut Filter::default());
    let store = reader(&server, None);
    assert_eq!(names(&store, &words)[0], "g src/configurations/other.rs");
    let hit = &store.search(&words, &Filter::default(), 1).unwrap()[0];
    let why = hit.why.as_ref().unwrap();
    assert!(why.path > 0.0 && why.words == 0.0 && why.cosine == 0.0, "{why:?}");
}

#[test]
fn results_contain_every_word_of_a_phrase_and_no_unwanted_word() {
    let Some(server) = Server::start(None) else { return };
    let root = folder(2);
    let comment = |words: &str| format!("/// {words}\n{}", function("f", 7));
    write(root.path(), "src/session.rs", &comment("Signs the session cookie."));
    write(
        root.path(),
        "src/cookies/other.rs",
        &comment("Bakes, and has a session afterwards."),
    );
    renew(&mut job(&server), root.path(), "one");
    let store = reader(&server, None);
    let files = |typed: &str| {
        let mut files = names(&store, &query(typed));
        files.sort();
        files
    };
    // Words of the path count as words of the passage.
    assert_eq!(
        files("\"session cookie\""),
        ["f src/cookies/other.rs", "f src/session.rs"]
    );
    assert_eq!(files("\"signs the session\""), ["f src/session.rs"]);
    assert_eq!(files("\"session cookie\" -bakes"), ["f src/session.rs"]);
    assert_eq!(files("\"session cookie\" -cookies"), [""; 0]);
}

#[test]
fn the_latest_of_several_versions_comes_first() {
    let Some(server) = Server::start(None) else { return };
    let root = folder(1);
    for version in ["v2", "v3"] {
        write(
            root.path(),
            &format!("api/{version}/parse.rs"),
            &function("parse_request", version.len() + 3),
        );
    }
    renew(&mut job(&server), root.path(), "one");
    let found = reader(&server, None)
        .search(&query("parse_request"), &Filter::default(), 2)
        .unwrap();
    let weights: Vec<_> = found
        .iter()
        .map(|hit| (hit.path.to_str().unwrap(), hit.why.as_ref().unwrap().weight))
        .collect();
    assert_eq!(weights, [("api/v3/parse.rs", 1.0), ("api/v2/parse.rs", 0.6)]);
}
