//! A store compared with the items in memory: `cargo bench --features postgres --bench scale -- ITEMS FOLDER…`.
//!
//! FOVEA_STORE must have the address of an empty database. The benchmark prints the share of nearest items that the graphs find, the times
//! of both, and the size of the store.
//!
//! The vectors are those of the functions, types and headings of the folders, and copies of them that are moved along differences of
//! others, by small and large amounts. So they form clusters of various widths in the directions of real vectors.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fovea::model::{Model, default_source};
use fovea::segment::ItemKind;
use fovea::similar::Center;
use fovea::similar::index::postgres::{Job, Shared, StoreAddress, VARIABLE};
use fovea::similar::index::{
    Asked, Collection, EmbeddedItem, Filter, Found, Known, Query, VectorIndex, embed_items, embed_query,
};
use fovea::similar::thresholds;
use fovea::similar::words::{term, words};
use fovea::text::{Language, decode};
use pgvector::HalfVector;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;
use postgres::{Client, NoTls};

/// The number of items in a file.
const FILE: usize = 10;

/// The maximum number of real items: embedding more would take longer than everything else.
const REAL: usize = 4000;

const QUESTIONS: usize = 200;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (count, folders): (usize, Vec<PathBuf>) = (
        arguments.next().map_or(20_000, |count| count.parse().unwrap()),
        arguments.map(PathBuf::from).collect(),
    );
    let model = Model::load(&default_source()).unwrap();
    let folders = if folders.is_empty() {
        vec![PathBuf::from("src")]
    } else {
        folders
    };
    let (real, texts) = read(&model, &folders);
    println!("{count} items, {} of them real", real.len().min(count));
    let items = items(&real, count);
    let questions = questions(&model, &real, &texts);
    let place = StoreAddress::from_environment().unwrap();
    let mut job = Job::open(place.clone(), &model).unwrap();
    let address = std::env::var(VARIABLE).unwrap();
    let mut client = Client::connect(&address, NoTls).unwrap();
    if client
        .query_one("SELECT count(*) FROM fovea.items", &[])
        .unwrap()
        .get::<_, i64>(0)
        == 0
    {
        timed("copied into the store", || fill(&mut client, &items));
        timed("means taken away and graphs built", || job.refresh_means().unwrap());
    }
    sizes(&mut client, count);
    let vector_index = vector_index(&items, model.hidden());
    let store = Shared::open(place, &model, None).unwrap();
    compare(
        "similar, no threshold",
        &vector_index,
        &store,
        &questions.items,
        |items, question| items.similar(&asked(question, None), &Filter::default(), 10).unwrap(),
    );
    compare(
        "similar, as a lens",
        &vector_index,
        &store,
        &questions.items,
        |items, question| {
            items
                .similar(&asked(question, Some(thresholds::DEFAULT)), &Filter::default(), 5)
                .unwrap()
        },
    );
    let python = Filter {
        languages: vec![Language::Python],
        ..Filter::default()
    };
    // The surroundings of an item are not known here.
    let decided = |items: &dyn Collection, question: &EmbeddedItem| {
        let known = Known {
            around: None,
            test: false,
            repetitive: false,
            fingerprint: &question.fingerprint,
        };
        let asked = Asked {
            known: Some(known),
            ..asked(question, Some(thresholds::DEFAULT))
        };
        items.similar(&asked, &Filter::default(), 5).unwrap()
    };
    compare(
        "similar, as a lens decides",
        &vector_index,
        &store,
        &questions.items,
        decided,
    );
    compare(
        "similar, one language",
        &vector_index,
        &store,
        &questions.items,
        |items, question| items.similar(&asked(question, None), &python, 10).unwrap(),
    );
    let below = Filter {
        below: Some(PathBuf::from("part7")),
        ..Filter::default()
    };
    compare(
        "similar, one folder of a hundred",
        &vector_index,
        &store,
        &questions.items,
        |items, question| items.similar(&asked(question, None), &below, 10).unwrap(),
    );
    compare("search", &vector_index, &store, &questions.texts, |items, question| {
        items.search(question, &Filter::default(), 10).unwrap()
    });
    let named: Vec<Query> = questions
        .items
        .iter()
        .map(|asked| query(&model, &asked.item.name))
        .collect();
    compare("search, a name", &vector_index, &store, &named, |items, question| {
        items.search(question, &Filter::default(), 10).unwrap()
    });
}

fn asked(question: &EmbeddedItem, base: Option<f32>) -> Asked<'_> {
    Asked {
        path: None,
        item: &question.item,
        vector: &question.vector,
        base,
        known: None,
    }
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    println!("{what}: {:.1} s", start.elapsed().as_secs_f64());
    done
}

/// The items of the files of some folders, and the sentences of their comments.
fn read(model: &Model, folders: &[PathBuf]) -> (Vec<EmbeddedItem>, Vec<String>) {
    let (mut items, mut texts) = (Vec::new(), Vec::new());
    for folder in folders {
        let most = items.len() + REAL / folders.len();
        let mut files: Vec<PathBuf> = ignore::Walk::new(folder)
            .filter_map(|entry| Some(entry.ok()?.into_path()))
            .filter(|path| Language::from_path(path).is_code() || Language::from_path(path) == Language::Markdown)
            .collect();
        // Files of one folder are similar, so files are taken from all folders.
        files.sort_by_key(|path| hash(path.to_string_lossy().bytes().map(u64::from)));
        for path in files {
            if items.len() >= most {
                break;
            }
            let Some(Ok(text)) = std::fs::read(&path).ok().map(decode) else {
                continue;
            };
            if text.len() > 100_000 {
                continue;
            }
            items.extend(embed_items(model, &text, Language::from_path(&path)).unwrap());
            let comment = |line: &&str| line.trim_start().starts_with("/// ") && line.len() > 40;
            texts.extend(
                text.lines()
                    .filter(comment)
                    .take(2)
                    .map(|line| line.trim_start()[4..].to_owned()),
            );
        }
    }
    (items, texts)
}

fn hash(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(7, |hash, number| {
        (hash ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
    })
}

/// An item similar to a real one; it depends only on the number and the seed.
fn like(real: &[EmbeddedItem], number: usize, seed: u64) -> EmbeddedItem {
    let pick = |salt: u64| hash([number as u64, seed, salt].into_iter()) as usize;
    let of = |salt| &real[pick(salt) % real.len()];
    let base = &real[number % real.len()];
    // Half of them are as near as clones; the others may be as far as unrelated items.
    let part = (pick(1) % 1000) as f32 / 1000.0;
    let amount = if pick(2) % 2 == 0 {
        0.02 + 0.15 * part
    } else {
        0.2 + 0.6 * part
    };
    let mut vector = base.vector.to_vec();
    for salt in [3, 5, 7, 9] {
        let (to, from) = (of(salt), of(salt + 1));
        vector
            .iter_mut()
            .zip(to.vector.iter().zip(&*from.vector))
            .for_each(|(v, (t, f))| *v += amount * 0.5 * (t - f));
    }
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= length);
    let mut item = base.item.clone();
    item.name = format!("{}_{}", item.name, number / real.len() / 20);
    EmbeddedItem {
        item,
        vector: vector.into(),
        words: base.words.clone(),
        fingerprint: base.fingerprint.clone(),
    }
}

fn items(real: &[EmbeddedItem], count: usize) -> Vec<EmbeddedItem> {
    let copies = (real.len()..count).map(|number| like(real, number, 1));
    real.iter().take(count).cloned().chain(copies).collect()
}

fn query(model: &Model, text: &str) -> Query {
    Query {
        vector: embed_query(model, text).unwrap(),
        ..Query::parse(text, &mut Filter::default())
    }
}

struct Questions {
    items: Vec<EmbeddedItem>,
    texts: Vec<Query>,
}

/// Items that are in no file, half of them unchanged and half moved; and sentences of comments.
fn questions(model: &Model, real: &[EmbeddedItem], texts: &[String]) -> Questions {
    let step = (real.len() / QUESTIONS).max(1);
    let items = (0..QUESTIONS).map(|i| match i % 2 {
        0 => real[i * step % real.len()].clone(),
        _ => like(real, i * step + 13, 2),
    });
    let step = (texts.len() / QUESTIONS).max(1);
    let texts = texts.iter().step_by(step).take(QUESTIONS);
    Questions {
        items: items.collect(),
        texts: texts.map(|text| query(model, text)).collect(),
    }
}

fn path(file: usize) -> PathBuf {
    PathBuf::from(format!("part{}/f{file:07}.rs", file % 100))
}

fn vector_index(items: &[EmbeddedItem], width: usize) -> VectorIndex {
    let mut files: Vec<(PathBuf, &[EmbeddedItem])> = items
        .chunks(FILE)
        .enumerate()
        .map(|(number, items)| (path(number), items))
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    VectorIndex::of_items(&files, &Center::default(), width)
}

/// Writes the rows that a job would write for items with these vectors, without units.
fn fill(client: &mut Client, items: &[EmbeddedItem]) {
    let vector = client.prepare("SELECT vector FROM fovea.items").unwrap().columns()[0]
        .type_()
        .clone();
    let mut transaction = client.transaction().unwrap();
    transaction
        .batch_execute("INSERT INTO fovea.roots (path) VALUES ('scale')")
        .unwrap();
    transaction
        .execute(
            "INSERT INTO fovea.changes (items) VALUES ($1)",
            &[&(items.len() as i64)],
        )
        .unwrap();
    let sql = "INSERT INTO fovea.contents (address) SELECT decode(md5(number::text), 'hex') FROM generate_series(1, $1::bigint) number";
    let files = items.len().div_ceil(FILE);
    transaction.execute(sql, &[&(files as i64)]).unwrap();
    let types = [
        Type::INT8,
        Type::BYTEA,
        Type::INT8,
        Type::INT8,
        Type::INT4,
        Type::BOOL,
        Type::INT8,
        Type::INT4,
        Type::INT4_ARRAY,
        Type::INT4,
        Type::TEXT_ARRAY,
    ];
    let sql = "COPY fovea.files (root, path, size, modified, reading, test, content, defined, terms, length, stems)
        FROM STDIN BINARY";
    let mut rows = BinaryCopyInWriter::new(transaction.copy_in(sql).unwrap(), &types);
    for file in 0..files {
        let path = path(file);
        let (folder, name) = (
            path.parent().unwrap().to_str().unwrap(),
            path.file_stem().unwrap().to_str().unwrap(),
        );
        let (of_folder, of_name) = (words(folder), words(name));
        let terms: BTreeSet<i32> = of_folder.iter().chain(&of_name).map(|word| word.term as i32).collect();
        let length = (of_folder.len() + 2 * of_name.len()) as i32;
        let stems: BTreeSet<&str> = of_folder.iter().chain(&of_name).map(|word| &*word.stem).collect();
        rows.write(&[
            &1i64,
            &path.to_str().unwrap().as_bytes(),
            &1i64,
            &1i64,
            &0i32,
            &false,
            &(file as i64 + 1),
            &(term(name) as i32),
            &terms.into_iter().collect::<Vec<_>>(),
            &length,
            &stems.into_iter().collect::<Vec<_>>(),
        ])
        .unwrap();
    }
    rows.finish().unwrap();
    let types = [
        Type::INT8,
        Type::INT4,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT2,
        Type::TEXT,
        Type::BOOL,
        Type::BYTEA,
        vector.clone(),
        vector,
    ];
    let sql =
        "COPY fovea.items (content, ordinal, name, words, defined, kind, language, test, places, vector, centered)
        FROM STDIN BINARY";
    let mut rows = BinaryCopyInWriter::new(transaction.copy_in(sql).unwrap(), &types);
    for (number, EmbeddedItem { item, vector, .. }) in items.iter().enumerate() {
        let words = thresholds::words(&item.name);
        let halves = HalfVector::from_f32_slice(vector);
        let places = [item.start, item.end, item.name_start, item.name_end];
        let numbers = places
            .iter()
            .flat_map(|place| [place.byte as u32, place.line, place.column, place.utf16, place.utf32]);
        let places: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
        let content = (number / FILE) as i64 + 1;
        let ordinal = (number % FILE) as i32;
        let language = item.language.name();
        rows.write(&[
            &content,
            &ordinal,
            &item.name,
            &words,
            &(term(&item.name.to_lowercase()) as i32),
            &kind(item.kind),
            &language,
            &false,
            &places,
            &halves,
            &halves,
        ])
        .unwrap();
    }
    rows.finish().unwrap();
    let types = [
        Type::INT8,
        Type::INT4,
        Type::INT4_ARRAY,
        Type::BYTEA,
        Type::INT4,
        Type::BYTEA,
    ];
    let sql = "COPY fovea.texts (content, ordinal, terms, counts, length, fingerprint) FROM STDIN BINARY";
    let mut rows = BinaryCopyInWriter::new(transaction.copy_in(sql).unwrap(), &types);
    for (number, embedded) in items.iter().enumerate() {
        let mut counts: BTreeMap<i32, u8> = BTreeMap::new();
        let named = words(&embedded.item.name);
        let named = named.into_iter().map(|word| (word.term, 3));
        for (term, count) in embedded.words.iter().chain(named) {
            let own = counts.entry(term as i32).or_default();
            *own = own.saturating_add(count);
        }
        let length: i32 = counts.values().map(|count| i32::from(*count)).sum();
        rows.write(&[
            &((number / FILE) as i64 + 1),
            &((number % FILE) as i32),
            &counts.keys().copied().collect::<Vec<_>>(),
            &counts.into_values().collect::<Vec<_>>(),
            &length,
            &embedded.fingerprint.to_bytes(),
        ])
        .unwrap();
    }
    rows.finish().unwrap();
    transaction.commit().unwrap();
}

fn kind(kind: ItemKind) -> i16 {
    match kind {
        ItemKind::Function => 0,
        ItemKind::Type => 1,
        ItemKind::Heading => 2,
        ItemKind::File => 3,
    }
}

fn sizes(client: &mut Client, count: usize) {
    let sql = "SELECT c.relname, CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) ELSE pg_relation_size(c.oid) END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'fovea' AND (c.relname LIKE 'items%' OR c.relname LIKE 'texts%') ORDER BY 2 DESC";
    for row in client.query(sql, &[]).unwrap() {
        let bytes: i64 = row.get(1);
        println!(
            "{}: {:.0} MB, {} bytes an item",
            row.get::<_, String>(0),
            bytes as f64 / 1e6,
            bytes / count as i64
        );
    }
}

/// Asks both, and prints the share of nearest items that the store finds and the times.
fn compare<Q>(
    what: &str,
    vector_index: &dyn Collection,
    store: &dyn Collection,
    questions: &[Q],
    ask: impl Fn(&dyn Collection, &Q) -> Vec<Found>,
) {
    let (mut wanted, mut found) = (0usize, 0usize);
    let (mut exact, mut graph) = (Vec::new(), Vec::new());
    ask(store, &questions[0]);
    for question in questions {
        let start = Instant::now();
        let all = ask(vector_index, question);
        exact.push(start.elapsed());
        let start = Instant::now();
        let near = ask(store, question);
        graph.push(start.elapsed());
        let known: HashMap<(&Path, usize), ()> =
            near.iter().map(|hit| ((&*hit.path, hit.item.start.byte), ())).collect();
        // Half precision may swap two items that are equally near.
        let last = near.last().map_or(f32::INFINITY, |hit| hit.score);
        wanted += all.len();
        let there = |hit: &&Found| {
            known.contains_key(&(&*hit.path, hit.item.start.byte))
                || (near.len() == all.len() && hit.score < last + 5e-4)
        };
        found += all.iter().filter(there).count();
    }
    println!(
        "{what}: {:.4} of {wanted} found; store {}, in memory {}",
        found as f64 / wanted.max(1) as f64,
        percentiles(graph),
        percentiles(exact)
    );
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    format!("{:.1} ms p50 {:.1} p99", at(0.5), at(0.99))
}
