//! `fovea model list`.

use anyhow::Result;
use serde::Serialize;

use super::catalog::{CATALOG, Entry};
use crate::cli::output::{self, Format};
use crate::model::{EmbeddedModel, hub};

/// A line of the list.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    license: &'static str,
    /// Megabytes of its files, rounded.
    megabytes: u32,
    /// Tokens.
    window: u32,
    /// The time of a pass, as a multiple of the embedded model's.
    cost: f32,
    purpose: &'static str,
    /// Its path on this machine; null if it is not here.
    path: Option<String>,
}

/// The two embedded models, described like those in the catalog.
const EMBEDDED: [(EmbeddedModel, Entry); 2] = [
    (
        EmbeddedModel::English,
        Entry {
            name: "all-MiniLM-L6-v2",
            license: "Apache-2.0",
            megabytes: 29,
            window: 256,
            millions: 11,
            purpose: "the default: English and code",
        },
    ),
    (
        EmbeddedModel::Multilingual,
        Entry {
            name: "multilingual-e5-small",
            license: "MIT",
            megabytes: 38,
            window: 512,
            millions: 21,
            purpose: "the default for text in other languages",
        },
    ),
];

pub(super) fn run(format: Format) -> Result<()> {
    let inside = EMBEDDED.iter().filter(|(model, _)| model.available());
    let inside = inside.map(|(_, entry)| listed(entry, Some("inside the program".to_owned())));
    let others = CATALOG.iter().map(|entry| {
        let path = hub::downloaded(entry.name);
        listed(entry, path.map(|path| path.display().to_string()))
    });
    let all: Vec<Listed> = inside.chain(others).collect();
    if format == Format::Json {
        return output::write_json(&all);
    }
    let width = all.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
    let mut text = format!("{:width$}  license        MB  window   cost  good for\n", "model");
    for entry in &all {
        text += &format!(
            "{:width$}  {:<10}  {:>5}  {:>6}  {:>4.0}×  {}{}\n",
            entry.name,
            entry.license,
            entry.megabytes,
            entry.window,
            entry.cost,
            entry.purpose,
            if entry.path.is_some() { "  ✓" } else { "" },
        );
    }
    text +=
        "\n✓ is on this machine. Cost is the time of a pass beside the default model, estimated from the parameters.\n";
    text += match cfg!(feature = "hub") {
        true => {
            "`fovea model pull NAME` downloads a model; `--model NAME` or the setting fovea.model.dir then uses it.\n"
        }
        false => {
            "This build downloads nothing: use `hf download NAME`, or build with `--features hub`. `--model NAME` then finds the model.\n"
        }
    };
    output::write(&text)
}

fn listed(entry: &Entry, path: Option<String>) -> Listed {
    Listed {
        name: entry.name,
        license: entry.license,
        megabytes: entry.megabytes,
        window: entry.window,
        cost: (entry.cost() * 10.0).round() / 10.0,
        purpose: entry.purpose,
        path,
    }
}
