//! Searches and neighbors: filters, ranks, the item itself.

use super::*;
use crate::similar::Center;

#[test]
fn configuration_ranks_below_code_unless_the_query_asks_for_it() {
    let bench = Bench::new();
    bench.write(
        "src/retry.rs",
        &format!(
            "/// Retries a request with a timeout.\n{}",
            function("retry_request", 3)
        ),
    );
    bench.write(
        "service.toml",
        "[retry]\n# Retries a request with a timeout.\nretry_request = true\ntimeout = 30\nattempts = 5\n",
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let first = |query: &str| search(&vector_index, query, &Filter::default(), 1).remove(0).path;
    assert_eq!(first("retry a request with a timeout"), Path::new("src/retry.rs"));
    assert_eq!(
        first("retry request configuration timeout attempts"),
        Path::new("service.toml")
    );
    assert_eq!(first("retry a request in service.toml"), Path::new("service.toml"));
    let lowered = |query: &str| {
        let hits = search(&vector_index, query, &Filter::default(), 9);
        let hit = hits.iter().find(|hit| hit.path.ends_with("service.toml")).unwrap();
        hit.why.as_ref().unwrap().weight
    };
    assert_eq!(lowered("retry a request"), 0.5);
    assert_eq!(lowered("retry a request path:*.toml"), 1.0);
    assert_eq!(lowered("retry a request lang:toml"), 1.0);
}

/// A function with "server" in its documentation.
fn server() -> String {
    format!("/// Runs a server.\n{}", function("serve", 3))
}

#[test]
fn a_word_that_only_documentation_contains_is_found_there_first() {
    let bench = Bench::new();
    bench.write("src/server.rs", &server());
    let page = "# Gunicorn\n\nGunicorn is a server with several workers, and it is easy to install on most machines of a team.\n";
    bench.write("docs/deploying/gunicorn.md", page);
    bench.renew();
    let vector_index = bench.vector_index();
    let first = |query: &str| {
        let hit = search(&vector_index, query, &Filter::default(), 1).remove(0);
        (hit.path.to_owned(), hit.why.unwrap().weight)
    };
    assert_eq!(first("gunicorn"), (PathBuf::from("docs/deploying/gunicorn.md"), 0.85));
    assert_eq!(first("workers of a team").1, 0.85);
    // Code contains this word as well.
    assert_eq!(first("server"), (PathBuf::from("src/server.rs"), 1.0));
}

#[test]
fn an_open_page_weighs_as_it_does_in_its_folder() {
    let folder = Bench::new();
    folder.write("src/server.rs", &server());
    let page = Bench::new();
    let text = "# Deploying\n\nA server with several workers is easy to install on most machines of a team, say the authors.\n";
    page.write("deploying.md", text);
    folder.write("deploying.md", text);
    folder.renew();
    page.renew();
    let (folder, page) = (folder.vector_index(), page.vector_index());
    let weight = |word: &str, folders: &[&VectorIndex]| {
        let mut filter = Filter::default();
        let mut query = Query::parse(word, &mut filter);
        query.vector = embed_query(&MODEL, &query.text).unwrap();
        let around = Surroundings::of(folders.iter().copied(), &query, &filter);
        let hits = search_in(&page, &query, &filter, 1, (Without::default(), around));
        hits[0].why.as_ref().unwrap().weight
    };
    assert_eq!(weight("server", &[]), 1.0, "alone, it is a book");
    assert_eq!(weight("server", &[&folder]), 0.5, "code contains this word");
    assert_eq!(weight("workers", &[&folder]), 0.85);
}

#[test]
fn filters_apply_before_the_best_are_selected() {
    let bench = Bench::new();
    for i in 0..30 {
        bench.write(format!("src/f{i}.rs"), &function("same", 1));
    }
    bench.write("lib/f.rs", &function("same", 1));
    bench.write(
        "lib/f.py",
        "def same(values):\n    total = 1\n    for value in values:\n        total += value\n    return total\n",
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let item = only_item(&function("same", 1));
    let asked = asked(&item, None);
    let found = |filter: Filter| vector_index.similar(&asked, &filter, 3).unwrap();
    let python = found(Filter {
        languages: vec![Language::Python],
        ..Filter::default()
    });
    assert_eq!(python.len(), 1);
    let below = found(Filter {
        below: Some("lib".into()),
        ..Filter::default()
    });
    assert_eq!(
        below.iter().map(|hit| &*hit.path).collect::<Vec<_>>(),
        [Path::new("lib/f.rs"), Path::new("lib/f.py")]
    );
    // Equal scores are ordered by path.
    let paths: Vec<PathBuf> = found(Filter::default()).iter().map(|hit| hit.path.to_owned()).collect();
    assert_eq!(paths, ["lib/f.rs", "src/f0.rs", "src/f1.rs"].map(PathBuf::from));
    let own = Asked {
        path: Some(Path::new("lib/f.rs")),
        ..asked.clone()
    };
    let apart = vector_index.similar(&own, &Filter::default(), 3).unwrap();
    assert_eq!(apart[0].path, Path::new("src/f0.rs"));
    let types = found(Filter {
        kinds: vec![ItemKind::Type],
        ..Filter::default()
    });
    assert!(types.is_empty());
    // The other language has the same name, but it is a single word, and the score is too low.
    let strict = Asked {
        base: Some(0.84),
        ..asked.clone()
    };
    let near = vector_index.similar(&strict, &Filter::default(), 40).unwrap();
    assert!(near.len() == 31 && near.iter().all(|hit| hit.item.language == Language::Rust));
    let far = vector_index.similar(
        &Asked {
            base: Some(1.1),
            ..asked.clone()
        },
        &Filter::default(),
        3,
    );
    let far = far.unwrap();
    assert!(far.is_empty());
}

#[test]
fn filters_of_tests_and_paths_apply_before_the_best_are_selected() {
    let bench = Bench::new();
    for i in 0..8 {
        bench.write(format!("tests/t{i}.rs"), &function("same", 1));
    }
    let module = format!(
        "{}\n#[cfg(test)]\nmod tests {{\n    use super::*;\n\n{}}}\n",
        function("same", 1),
        function("same_again", 1)
    );
    bench.write("src/a.rs", &module);
    bench.write("src/deep/b.rs", &function("same", 1));
    bench.renew();
    let vector_index = bench.vector_index();
    let item = only_item(&function("same", 1));
    let found = |filter: Filter, count| -> Vec<String> {
        let hits = vector_index.similar(&asked(&item, Some(0.9)), &filter, count).unwrap();
        let name = |hit: &Found| format!("{} {}", hit.path.display(), hit.item.name);
        hits.iter().map(name).collect()
    };
    let tests = |tests| Filter {
        tests,
        ..Filter::default()
    };
    assert_eq!(found(tests(Tests::None), 2), ["src/a.rs same", "src/deep/b.rs same"]);
    let only = found(tests(Tests::Only), 20);
    assert!(
        only.len() == 9 && only.contains(&"src/a.rs same_again".to_owned()),
        "{only:?}"
    );
    assert_eq!(found(tests(Tests::With), 20).len(), 11);
    let paths = |pattern: &str| Filter {
        paths: Globs::new(&[pattern.to_owned()]).unwrap(),
        ..Filter::default()
    };
    assert_eq!(found(paths("src/**/b.rs"), 1), ["src/deep/b.rs same"]);
    assert_eq!(found(paths("t[01].rs"), 9), ["tests/t0.rs same", "tests/t1.rs same"]);
}

#[test]
fn an_item_is_not_similar_to_itself_in_any_order_of_paths() {
    let bench = Bench::new();
    // In byte order the first precedes the second; in path order it follows.
    for path in ["a/index.rs", "a/index/mod.rs", "a/index-old/x.rs", "a/zz.rs"] {
        bench.write(path, &function("same", 1));
    }
    bench.renew();
    let (vector_index, item) = (bench.vector_index(), only_item(&function("same", 1)));
    for path in ["a/index.rs", "a/index/mod.rs", "a/index-old/x.rs"] {
        let own = Asked {
            path: Some(Path::new(path)),
            ..asked(&item, None)
        };
        let found = vector_index.similar(&own, &Filter::default(), 9).unwrap();
        assert!(
            found.len() == 3 && found.iter().all(|hit| hit.path != Path::new(path)),
            "{path}"
        );
    }
}

#[test]
fn a_short_item_is_found_by_its_name_and_resembles_nothing() {
    let bench = Bench::new();
    let functions: String = (0..24).map(|i| function(&format!("sum_{i}"), i) + "\n").collect();
    bench.write("a.rs", &format!("fn tiny() {{}}\n\n{functions}"));
    bench.renew();
    let vector_index = bench.vector_index();
    let found = search(&vector_index, "tiny", &Filter::default(), 1);
    assert_eq!(found[0].item.name, "tiny");
    // The same holds when the mean of its language is subtracted.
    let like = only_item(&function("other", 77));
    let near = vector_index
        .similar(&asked(&like, None), &Filter::default(), 100)
        .unwrap();
    assert_eq!((near.len(), vector_index.len()), (24, 24));
    assert!(near.iter().all(|hit| hit.item.name != "tiny"));
}

#[test]
fn a_phrase_is_looked_up_in_the_files_and_in_no_passage_without_it() {
    let bench = Bench::new();
    let with = |comment: &str| format!("/// {comment}\n{}", function("sum", 3));
    bench.write("a.rs", &with("Adds the numbers of the list"));
    bench.write("b.rs", &with("Adds the list of the numbers"));
    bench.write("c.rs", &with("Adds THE NUMBERS of\n/// the list"));
    bench.renew();
    let vector_index = bench.vector_index();
    let found = |query: &str| -> Vec<PathBuf> {
        let hits = search(&vector_index, query, &Filter::default(), 9);
        let items = hits.iter().filter(|hit| hit.item.kind != ItemKind::File);
        let mut paths: Vec<PathBuf> = items.map(|hit| hit.path.to_owned()).collect();
        paths.sort();
        paths
    };
    assert_eq!(found("adds").len(), 3);
    assert_eq!(found("adds \"the numbers of\""), ["a.rs", "c.rs"].map(PathBuf::from));
    assert_eq!(found("\"list of the\""), [PathBuf::from("b.rs")]);
    assert!(found("\"numbers list\"").is_empty());
    // The index stores no text: a file that is gone contains no phrase.
    std::fs::remove_file(bench.root.path().join("a.rs")).unwrap();
    assert_eq!(found("adds \"the numbers of\""), [PathBuf::from("c.rs")]);
}

#[test]
fn words_of_a_path_count_unless_the_query_is_a_single_name() {
    let bench = Bench::new();
    bench.write("retry_request/client.rs", &function("send_bytes", 3));
    bench.renew();
    let vector_index = bench.vector_index();
    let path = |query: &str| {
        let hits = search(&vector_index, query, &Filter::default(), 1);
        hits[0].why.as_ref().unwrap().path
    };
    assert!(path("how does the client retry a request") > 0.0);
    assert_eq!(path("retry_request"), 0.0);
}

#[test]
fn the_definition_of_a_name_gains_by_its_kind_its_file_and_its_case() {
    use super::super::searching::definition;
    let own =
        only_item("struct Router {\n    routes: Vec<Route>,\n    fallback: Option<Route>,\n    strict: bool,\n}\n")
            .item;
    let query = |text: &str| Query::parse(text, &mut Filter::default());
    let gain = |name: &str, file: &str| definition(&query(name), (name, 1.0), &own, file);
    assert_eq!(gain("Router", "app.rs"), 1.0);
    assert_eq!(gain("router", "app.rs"), 0.7);
    assert_eq!(gain("Router", "router.rs"), 1.5);
    assert_eq!(definition(&query("Router"), ("Router", 0.5), &own, "app.rs"), 0.5);
    let method = only_item(&function("Router", 1)).item;
    assert_eq!(definition(&query("Router"), ("Router", 1.0), &method, "app.rs"), 0.6);
    // What is written as an identifier and is the whole query.
    let function = only_item(&function("read_header", 1)).item;
    assert_eq!(
        definition(&query("read_header"), ("read_header", 1.0), &function, "app.rs"),
        2.0
    );
    assert_eq!(
        definition(&query("read_header"), ("read_header", 0.5), &function, "app.rs"),
        0.3
    );
    assert_eq!(
        definition(&query("Read_header"), ("Read_header", 1.0), &function, "app.rs"),
        0.6 * 0.7
    );
    // A qualified name, in any syntax, and only if the whole is the same.
    let method = IndexedItem {
        name: "Picker:find".into(),
        ..function
    };
    for (text, gain) in [
        ("Picker:find", 2.0),
        ("Picker.find()", 2.0),
        ("Layout:find", 0.6),
        ("find", 0.6),
    ] {
        assert_eq!(
            definition(&query(text), ("find", 1.0), &method, "app.lua"),
            gain,
            "{text}"
        );
    }
}

#[test]
fn a_result_names_the_type_or_function_that_contains_it() {
    let bench = Bench::new();
    let method = "impl Session {\n    fn put(&self) {\n        send(self);\n    }\n}\n";
    bench.write("session.rs", &format!("{method}\nfn send() {{\n    flush();\n}}\n"));
    bench.write(
        "guide.md",
        "# Guide\n\nHow to begin.\n\n## Retries\n\nA request is sent again.\n",
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let container = |name: &str| {
        let hits = search(&vector_index, name, &Filter::default(), 9);
        let hit = hits.into_iter().find(|hit| hit.item.name == name).unwrap();
        hit.container
    };
    assert_eq!(container("put").as_deref(), Some("Session"));
    assert_eq!(container("send"), None);
    // The section around a section adds nothing to its title and its page.
    assert_eq!(container("Retries"), None);
}

#[test]
fn an_identifier_finds_its_definition_before_others_that_resemble_it_and_before_tests_of_that_name() {
    let bench = Bench::new();
    let long = "fn read_header(input: &[u8]) {\n    let table = other(input);\n    for row in table {\n        print(row);\n        count(row, 3);\n        balance(row, 7);\n    }\n}\n";
    bench.write("src/all.rs", &format!("{}\n{long}", function("read_header_of_file", 1)));
    bench.write("src/header.rs", &function("header_read", 2));
    bench.write("tests/header.rs", &function("read_header", 3));
    bench.renew();
    let hits = search(&bench.vector_index(), "read_header", &Filter::default(), 4);
    assert_eq!(
        (&*hits[0].item.name, hits[0].path.as_path()),
        ("read_header", Path::new("src/all.rs"))
    );
    assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

#[test]
fn only_the_definition_of_a_name_in_the_query_gains_as_one() {
    let bench = Bench::new();
    bench.write("a.rs", &function("parse_header", 3));
    bench.write("b.rs", &function("parse_headers", 3));
    bench.write("c.rs", &format!("/// Calls `parse_header`.\n{}", function("use_it", 5)));
    bench.write("d.rs", &function("zip", 7));
    bench.renew();
    let vector_index = bench.vector_index();
    let gains = |query: &str| -> Vec<String> {
        let hits = search(&vector_index, query, &Filter::default(), 9);
        let defined = hits.iter().filter(|hit| hit.why.as_ref().unwrap().definition > 0.0);
        defined.map(|hit| hit.item.name.clone()).collect()
    };
    assert_eq!(gains("parse_header"), ["parse_header"]);
    let best = search(&vector_index, "parse_header", &Filter::default(), 1).remove(0);
    let why = best.why.unwrap();
    // The first passage of a file may have a bonus for a coherent file.
    let bonus = best.score / super::super::ranking::RELEVANCE - why.score();
    assert!((-1e-5..=0.15 + 1e-5).contains(&bonus), "{bonus}");
    assert_eq!(gains("who calls zip and parse_headers").len(), 1);
    assert!(gains("unknown_name").is_empty());
}

#[test]
fn passages_with_an_unwanted_word_are_left_out() {
    let bench = Bench::new();
    bench.write("a.rs", &format!("/// Adds the red numbers.\n{}", function("one", 3)));
    bench.write("b.rs", &format!("/// Adds the green numbers.\n{}", function("two", 3)));
    bench.renew();
    let vector_index = bench.vector_index();
    let found = |query: &str| -> Vec<String> {
        let hits = search(&vector_index, query, &Filter::default(), 9);
        let items = hits.iter().filter(|hit| hit.item.kind != ItemKind::File);
        let mut names: Vec<String> = items.map(|hit| hit.item.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(found("adds numbers"), ["one", "two"]);
    assert_eq!(found("adds numbers -red"), ["two"]);
    assert_eq!(found("\"the green numbers\" -green"), [""; 0]);
}

#[test]
fn a_cosine_between_two_languages_has_the_factor_of_their_center() {
    let bench = Bench::new();
    for number in 1..6 {
        bench.write(
            format!("a{number}.rs"),
            &function(&format!("sum_{number}"), number * number),
        );
        let text = format!(
            "def read_{number}(path, width={number}):\n    lines = open(path).read()\n    return lines[:width]\n"
        );
        bench.write(format!("b{number}.py"), &text);
    }
    bench.renew();
    let vector_index = &bench.vector_index();
    let of = |language| (0..vector_index.len()).filter(move |row| vector_index.facts[*row].language == language);
    let comparable =
        |row: &usize| vector_index.facts[*row].comparable && vector_index.facts[*row].kind != ItemKind::File;
    let rust = of(Language::Rust).find(comparable).unwrap();
    let python = of(Language::Python).find(comparable).unwrap();
    let (a, b) = (vector_index.centered(rust), vector_index.centered(python));
    let expected = vector_index.center.factor((Language::Rust, &a), (Language::Python, &b));
    let found = vector_index.factor(rust, python);
    assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    assert!((found - 1.0).abs() > 1e-3, "{found}");
    let other = of(Language::Rust).filter(comparable).nth(1).unwrap();
    assert_eq!(vector_index.factor(rust, other), 1.0);
}

#[test]
fn five_hundred_items_settle_their_language_and_all_prose_is_one() {
    let own = only_item(&function("same", 1));
    let settled = |count: usize, of: Language, asked: Language, kind: ItemKind| {
        let mut item = own.clone();
        (item.item.language, item.item.kind, item.vector) = (of, kind, vec![1.0, 0.0].into());
        let items = vec![item; count];
        let file = |number: usize| (PathBuf::from(format!("{number}.x")), &items[number..=number]);
        let files: Vec<(PathBuf, &[EmbeddedItem])> = (0..count).map(file).collect();
        VectorIndex::of_items(&files, &Center::default(), 2).is_settled(asked)
    };
    let (rust, go) = (Language::Rust, Language::Go);
    assert!(settled(500, rust, rust, ItemKind::Function) && !settled(499, rust, rust, ItemKind::Function));
    assert!(!settled(500, rust, go, ItemKind::Function) && !settled(500, rust, Language::Prose, ItemKind::Function));
    assert!(!settled(500, Language::Prose, rust, ItemKind::Heading));
    assert!(settled(501, Language::Markdown, Language::Prose, ItemKind::Heading));
    assert!(!settled(500, rust, rust, ItemKind::File));
}

#[test]
fn a_change_log_weighs_fully_only_if_the_query_names_it() {
    let bench = Bench::new();
    let entries = "- Retries a request with a timeout, and says how often it did.\n".repeat(3);
    bench.write("CHANGELOG.md", &format!("# Changes\n\n## 1.2.0\n\n{entries}"));
    // With more sections than functions, it would be a folder of documents.
    let code: String = (1..6).map(|number| function(&format!("f{number}"), number)).collect();
    // Words that only the change log contains would raise it.
    bench.write(
        "code.rs",
        &format!("{code}/// Retries a request with a timeout.\n{}", function("again", 7)),
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let weight = |query: &str| {
        let hits = search(&vector_index, query, &Filter::default(), 20);
        let hit = hits.iter().find(|hit| hit.path.ends_with("CHANGELOG.md")).unwrap();
        hit.why.as_ref().unwrap().weight
    };
    assert!(weight("retry a request with a timeout") < 0.5);
    assert_eq!(weight("retries in CHANGELOG.md"), 1.0);
}
