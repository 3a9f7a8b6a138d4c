//! Families of similar items: a larger family must not lower the scores of its members.

use super::*;
use crate::similar::Center;

/// The score of two functions of a bench, given their names.
fn score(bench: &Bench, a: &str, b: &str) -> f32 {
    let vector_index = bench.vector_index();
    let hits = |name: &str| {
        let text = std::fs::read_to_string(bench.root.path().join(path_of(name))).unwrap();
        let language = Language::from_path(Path::new(&path_of(name)));
        embed_items(&MODEL, &text, language).unwrap().remove(0)
    };
    let from = hits(a);
    let asked = asked(&from, Some(0.0));
    let found = vector_index.similar(&asked, &Filter::default(), 1000).unwrap();
    found
        .iter()
        .find(|found| found.item.name == b)
        .map_or(f32::NEG_INFINITY, |found| found.score)
}

fn path_of(name: &str) -> String {
    match name.strip_prefix("migrate_accounts_step_") {
        Some(number) => format!("step{number:0>2}.py"),
        None => format!("{name}.rs"),
    }
}

/// Adds functions of this program, which are unrelated to any family.
fn add_others(bench: &Bench) {
    for file in [
        "text/decode.rs",
        "text/position.rs",
        "places.rs",
        "segment/edit.rs",
        "segment/pack.rs",
        "model/pooling.rs",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
        bench.write(Path::new("others").join(file), &std::fs::read_to_string(path).unwrap());
    }
}

#[test]
fn copies_that_differ_in_a_digit_are_similar_in_any_number() {
    let reported = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reported/23-copies");
    let bench = Bench::new();
    let mut written = 0;
    for size in [2, 5, 10, 20, 40] {
        while written < size {
            let name = format!("step{written:02}.py");
            bench.write(&name, &std::fs::read_to_string(reported.join(&name)).unwrap());
            written += 1;
        }
        bench.renew();
        let near = score(&bench, "migrate_accounts_step_0", "migrate_accounts_step_1");
        assert!(near > 0.9, "{near} of {size}");
        // The report lists them as one group.
        let groups = bench.vector_index().groups(&Grouping {
            base: Some(thresholds::REPORTED),
            lines: 5,
            filter: Filter::default(),
        });
        let members: Vec<usize> = groups.iter().map(|group| group.members.len()).collect();
        assert_eq!(members, [size]);
    }
}

/// A function of a family: members have different names and do the same.
fn member(number: usize) -> (String, String) {
    const NOUNS: [&str; 16] = [
        "invoice", "customer", "parcel", "ticket", "student", "recipe", "vehicle", "sensor", "payment", "article",
        "contract", "patient", "flight", "garden", "melody", "planet",
    ];
    const VERBS: [&str; 5] = ["store", "export", "archive", "publish", "copy"];
    let (noun, verb) = (NOUNS[number % 16], VERBS[number / 16]);
    let name = format!("{verb}_{noun}s");
    let text = format!(
        "fn {name}(store: &Store, {noun}s: &[Row]) -> Result<usize, Error> {{\n    let mut written = 0;\n    for {noun} in {noun}s {{\n        if {noun}.is_closed() {{\n            continue;\n        }}\n        store.insert(\"{noun}_{verb}\", {noun}.key(), &{noun}.to_json())?;\n        written += 1;\n    }}\n    log::info!(\"{verb} {{written}} {noun}s\");\n    Ok(written)\n}}\n"
    );
    (name, text)
}

#[test]
fn a_pair_is_equally_similar_in_large_and_small_families() {
    for others in [false, true] {
        let bench = Bench::new();
        if others {
            add_others(&bench);
        }
        let mut written = 0;
        let mut scores = Vec::new();
        for size in [5, 10, 20, 40, 80] {
            while written < size {
                let (name, text) = member(written);
                bench.write(format!("{name}.rs"), &text);
                written += 1;
            }
            bench.renew();
            scores.push(score(&bench, &member(0).0, &member(1).0));
        }
        let (least, most) = scores.iter().fold((1f32, 0f32), |(least, most), score| {
            (least.min(*score), most.max(*score))
        });
        assert!(least > 0.6 && most - least < 0.15, "{scores:?}");
    }
}

#[test]
fn near_copies_are_similar_with_any_mean() {
    let reported = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reported/23-copies");
    let embedded = |number: usize| {
        let text = std::fs::read_to_string(reported.join(format!("step{number:02}.py"))).unwrap();
        embed_items(&MODEL, &text, Language::Python).unwrap().remove(0)
    };
    let items: Vec<EmbeddedItem> = (0..6).map(embedded).collect();
    // The mean of a store that does not recognize copies: the mean equals the copies.
    let mean = |at: usize| items.iter().map(|item| item.vector[at]).sum::<f32>() / items.len() as f32;
    let mean: Vec<f32> = (0..MODEL.hidden()).map(mean).collect();
    let center = Center::from_means(std::iter::once((Language::Python, mean)), Arc::default());
    let files: Vec<(PathBuf, &[EmbeddedItem])> = items
        .iter()
        .enumerate()
        .map(|(number, item)| (PathBuf::from(format!("step{number:02}.py")), std::slice::from_ref(item)))
        .collect();
    let vector_index = VectorIndex::of_items(&files, &center, MODEL.hidden());
    let asked = Asked {
        path: Some(Path::new("step00.py")),
        ..asked(&items[0], Some(thresholds::DEFAULT))
    };
    let found = vector_index.similar(&asked, &Filter::default(), 10).unwrap();
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|found| found.score > 0.95), "{found:?}");
}

#[test]
fn copies_of_a_file_do_not_dominate_the_mean_of_their_language() {
    let bench = Bench::new();
    for i in 0..40 {
        bench.write(format!("copy{i}/f.rs"), &function("copied", 1));
    }
    bench.renew();
    let vector_index = bench.vector_index();
    let item = only_item(&function("copied", 1));
    let asked = asked(&item, Some(thresholds::DEFAULT));
    let hits = vector_index.similar(&asked, &Filter::default(), 40).unwrap();
    assert!(
        hits.len() == 40 && hits.iter().all(|hit| hit.score > 0.999),
        "{:?}",
        hits[0]
    );
}
