//! `fovea search`.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::index::{Scope, vector_index};
use super::input::Usage;
use super::output::{self, Format};
use crate::model::Model;
use crate::render::{json, terminal};
use crate::similar::index::{Query, Tests, Without, doubt, read_query, search};

/// Arguments of `fovea search`.
#[derive(Args, Debug)]
#[command(after_help = "Exit code: 0, also if nothing matches; 2 for wrong usage, 1 for a failure.")]
pub(super) struct Search {
    /// Words to search for. `"a phrase"` must occur and `-word` must not; `lang:python`, `kind:type`, `path:src/**` and `tests:none`
    /// filter, and exclude after a minus sign
    query: String,
    /// Maximum number of items to show
    #[arg(long, default_value_t = 10, value_parser = super::input::count)]
    top: usize,
    /// The folder to search, by default the current one; Fovea updates its index first. A store is always searched as a whole
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(flatten)]
    scope: Scope,
    /// Leave a part of the ranking out, to measure its effect
    #[arg(long, hide = true, value_name = "PART")]
    without: Vec<Part>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A part of the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The cosine.
    Vector,
    /// Shared words.
    Words,
    /// Definitions of names in the query.
    Definition,
    /// Words of paths.
    Path,
    /// The lift of coherent files.
    Coherence,
    /// The lowering of a file's further passages.
    Saturation,
    /// The weights of tests, examples, headings.
    Weights,
    /// Passages of text outside of items.
    Files,
}

fn without(parts: &[Part]) -> Without {
    let has = |part| parts.contains(&part);
    Without {
        vector: has(Part::Vector),
        words: has(Part::Words),
        definition: has(Part::Definition),
        path: has(Part::Path),
        coherence: has(Part::Coherence),
        saturation: has(Part::Saturation),
        weights: has(Part::Weights),
        files: has(Part::Files),
    }
}

/// Adds the vector to a query, and returns the score to expect ([`doubt`]); warnings about the query go to stderr.
pub(super) fn embedded(mut query: Query, model: &Model) -> Result<(Query, Option<f32>)> {
    let read = read_query(model, &query.text)?;
    for note in query.note.iter().chain(&read.note) {
        output::say(note);
    }
    query.vector = read.vector;
    Ok((query, read.expected))
}

/// Finds the passages of a folder or a store that match a query.
pub(super) fn run(arguments: &Search) -> Result<()> {
    let mut filter = arguments.scope.filter(Tests::With)?;
    let root = arguments.scope.root(arguments.root.as_deref());
    arguments.scope.check(root)?;
    let query = Query::parse(&arguments.query, &mut filter);
    if query.is_empty() {
        return Err(Usage("search: the query contains no words to search for; add some".to_owned()).into());
    }
    let (query, expected, found) = match root {
        Some(root) if !arguments.scope.in_store() => {
            let model = arguments.scope.reader_of(&query.text)?;
            let vector_index = vector_index(&model, root)?;
            let (query, expected) = embedded(query, &model)?;
            let without = without(&arguments.without);
            let found = search(&vector_index, &query, &filter, arguments.top, without);
            (query, expected, found)
        }
        root => {
            let (model, items) = arguments.scope.open(root)?;
            let (query, expected) = embedded(query, &model)?;
            let found = items.search(&query, &filter, arguments.top)?;
            (query, expected, found)
        }
    };
    if let Some(note) = doubt(&query, expected, found.iter().map(|hit| (hit.score, hit.why.as_ref()))) {
        output::say(&note);
    }
    let found = arguments.scope.shown(found);
    let found: Vec<_> = found.iter().map(json::found).collect();
    match arguments.format {
        Format::Json => output::write_json(&found),
        Format::Terminal if found.is_empty() => output::write(NOTHING),
        Format::Terminal => output::write(&terminal::found(&found)),
    }
}

/// What a terminal shows if nothing matches.
const NOTHING: &str = "nothing matches; use other words, or fewer filters\n";
