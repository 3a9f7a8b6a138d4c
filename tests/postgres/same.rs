//! Compares answers of an index file and of a server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fovea::model::UNSTOPPED;
use fovea::segment::ItemKind;
use fovea::similar::index::{
    Asked, Collection, EmbeddedItem, Filter, Found, Globs, Index, Limits, Query, Tests, VectorIndex, Why, embed_items,
};
use fovea::similar::thresholds::{self, Ties};
use fovea::text::Language;

use crate::{MODEL, Server, job, query, reader, renew};

/// The error of a score that half-precision vectors and means may cause.
const NEAR: f32 = 2e-3;

#[test]
fn a_server_finds_what_a_file_finds_with_and_without_graphs() {
    let Some(server) = Server::start(None) else { return };
    let (root, cache) = (sources(), tempfile::tempdir().unwrap());
    let mut index = Index::open(cache.path()).unwrap();
    index
        .renew(&MODEL, root.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    let vector_index = index.vector_index(&MODEL, root.path()).unwrap();
    let mut job = job(&server);
    let renewal = renew(&mut job, root.path(), "team/sources");
    assert!(renewal.embedded > 100 && renew(&mut job, root.path(), "team/sources").read == 0);
    let questions = questions(root.path());
    let store = reader(&server, Some("team/sources"));
    assert_eq!(store.len().unwrap(), vector_index.len());
    let plain = compare(&vector_index, &store, &questions);
    // The server would scan so few items without graphs. The graphs have the same options as those of the job.
    let mut admin = server.admin();
    admin
        .batch_execute(
            "CREATE INDEX ON fovea.items USING hnsw (vector halfvec_cosine_ops) WITH (m = 24, ef_construction = 160);
             CREATE INDEX ON fovea.items USING hnsw (centred halfvec_ip_ops) WITH (m = 24, ef_construction = 160);
             ALTER ROLE postgres SET enable_seqscan = off; ALTER ROLE postgres SET enable_bitmapscan = off;
             ALTER ROLE postgres SET enable_sort = off",
        )
        .unwrap();
    let graphs = compare(&vector_index, &reader(&server, Some("team/sources")), &questions);
    assert!(plain > 300 && graphs == plain, "{plain} {graphs}");
    let scans = "SELECT coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_user_indexes i
        JOIN pg_index USING (indexrelid) JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE a.amname = 'hnsw'";
    // The server counts scans only after the reader's process ends.
    let start = Instant::now();
    while admin.query_one(scans, &[]).unwrap().get::<_, i64>(0) <= 50 {
        assert!(start.elapsed() < Duration::from_secs(30), "the graphs were not used");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn globs(patterns: &[&str]) -> Option<Globs> {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    Globs::new(&patterns).unwrap()
}

/// Compares the answers of both; returns the number of answers.
fn compare(vector_index: &VectorIndex, store: &dyn Collection, questions: &[(PathBuf, EmbeddedItem)]) -> usize {
    let filters = [
        Filter::default(),
        Filter {
            languages: vec![Language::Python, Language::Go],
            ..Filter::default()
        },
        Filter {
            kinds: vec![ItemKind::Type],
            below: Some("similar/index/".into()),
            ..Filter::default()
        },
        Filter {
            tests: Tests::None,
            paths: globs(&["similar/**/*.rs", "/größe/ä*.rs", "*.[p-q]y"]),
            ..Filter::default()
        },
        Filter {
            tests: Tests::Only,
            ..Filter::default()
        },
    ];
    let mut answers = 0;
    for (i, (path, question)) in questions.iter().enumerate() {
        let filter = &filters[i % filters.len()];
        for (base, decided) in [
            (Some(thresholds::DEFAULT), true),
            (Some(thresholds::DEFAULT), false),
            (Some(0.3), false),
            (None, false),
        ] {
            let known = vector_index.known(path, &question.item).filter(|_| decided);
            assert_eq!(known.is_some(), decided);
            let asked = Asked {
                path: Some(path.as_path()),
                item: &question.item,
                vector: &question.vector,
                base,
                known,
            };
            let one = vector_index.similar(&asked, filter, 12).unwrap();
            let other = store.similar(&asked, filter, 12).unwrap();
            let question = format!("{} {base:?} {filter:?}", question.item.name);
            answers += same(&one, &other, &bars(base.filter(|_| !decided)), &question);
        }
    }
    for typed in SEARCHES {
        for filter in &filters {
            let mut filter = filter.clone();
            let with_vector = query(typed);
            let words_alone = Query::parse(typed, &mut filter);
            for query in [with_vector, words_alone] {
                let one = vector_index.search(&query, &filter, 12).unwrap();
                let other = store.search(&query, &filter, 12).unwrap();
                answers += same(&one, &other, &[], typed);
                same_reasons(&one, &other, typed);
            }
        }
    }
    answers
}

/// Typical searches: by meaning, words and names, with required and with excluded words.
const SEARCHES: [&str; 14] = [
    "read the settings from a file",
    "sort some numbers",
    "how are places kept",
    "a lock for one writer",
    "VectorIndex",
    "near_items",
    "how does CloneType differ from Fingerprint",
    "postgres password file",
    "\"which files are meant\" patterns",
    "center of a language -postgres",
    "ähnlich größe",
    "sample lang:go",
    "mod.rs of the index",
    "tests of the calibration",
];

/// The thresholds of a score for each relation of two items.
fn bars(base: Option<f32>) -> Vec<f32> {
    let Some(base) = base else { return Vec::new() };
    let both = [false, true];
    let all =
        both.map(|file| both.map(|language| both.map(|name| thresholds::needed(base, Ties { file, language, name }))));
    all.as_flattened().as_flattened().to_vec()
}

/// Checks that both lists have the same items; returns their number.
///
/// Items with a score close to the last one or to a threshold may differ.
fn same(one: &[Found], other: &[Found], bars: &[f32], question: &str) -> usize {
    let key = |hit: &Found| {
        (
            hit.path.clone(),
            hit.item.start,
            hit.item.name.clone(),
            hit.container.clone(),
        )
    };
    let at_a_bar = |hit: &Found| bars.iter().any(|bar| (hit.score - bar).abs() < NEAR);
    let clear = |hits: &[Found]| -> Vec<Found> { hits.iter().filter(|hit| !at_a_bar(hit)).cloned().collect() };
    let (clear_one, clear_other) = match one.len() == other.len() {
        true => (one.to_vec(), other.to_vec()),
        false => (clear(one), clear(other)),
    };
    assert_eq!(clear_one.len(), clear_other.len(), "{question}: {one:?}\n{other:?}");
    let last = clear_one.last().map_or(0.0, |hit| hit.score) + NEAR;
    for (a, b) in clear_one.iter().zip(&clear_other) {
        assert!((a.score - b.score).abs() < NEAR, "{question}: {a:?}\n{b:?}");
        let found = clear_other.iter().any(|hit| key(hit) == key(a));
        assert!(found || a.score < last, "{question}: {a:?} is not among {other:?}");
    }
    one.len()
}

/// Checks that both lists have the same order and the same reasons.
fn same_reasons(one: &[Found], other: &[Found], question: &str) {
    for (a, b) in one.iter().zip(other) {
        assert_eq!((&a.path, &a.item), (&b.path, &b.item), "{question}: {one:?}\n{other:?}");
        let (of_a, of_b) = (a.why.as_ref().unwrap(), b.why.as_ref().unwrap());
        assert_eq!(of_a.matched, of_b.matched, "{question}: {a:?}\n{b:?}");
        let parts = |why: &Why| [why.cosine, why.words, why.definition, why.path, why.weight];
        for (x, y) in parts(of_a).into_iter().zip(parts(of_b)) {
            assert!((x - y).abs() < 1e-4, "{question}: {a:?}\n{b:?}");
        }
    }
}

/// Real sources: the fixtures in about twenty languages, and the sources of Fovea's index.
fn sources() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, to) in [
        ("tests/fixtures/segments", "fixtures"),
        ("src/similar", "similar"),
        ("src/database", "database"),
    ] {
        copy(&here.join(from), &folder.path().join(to));
    }
    // Copies of files: answers contain their items once for each copy.
    copy(&here.join("src/database"), &folder.path().join("copy"));
    // Names outside ASCII, and one that is not UTF-8.
    let named = folder.path().join("größe");
    std::fs::create_dir_all(&named).unwrap();
    std::fs::copy(here.join("src/database/look.rs"), named.join("ähnlich.rs")).unwrap();
    let broken = std::os::unix::ffi::OsStrExt::from_bytes(&b"gr\xf6\xdfe.rs"[..]);
    std::fs::copy(here.join("src/places.rs"), named.join::<&std::ffi::OsStr>(broken)).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Items of some files, with their paths.
fn questions(root: &Path) -> Vec<(PathBuf, EmbeddedItem)> {
    let files = [
        "fixtures/sample.py",
        "fixtures/sample.go",
        "database/mod.rs",
        "similar/index/mod.rs",
        "fixtures/sample.md",
    ];
    let of = |file: &&str| {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let items = embed_items(&MODEL, &text, Language::from_path(Path::new(file))).unwrap();
        items
            .into_iter()
            .map(|item| (PathBuf::from(file), item))
            .collect::<Vec<_>>()
    };
    files.iter().flat_map(of).collect()
}
