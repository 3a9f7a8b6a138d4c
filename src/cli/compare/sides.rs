//! The cosine of two passages, explained on each side by any method that explains numbers.

use std::time::Instant;

use anyhow::{Result, bail};
use serde::Serialize;

use super::{Compare, CompareFormat, Passage};
use crate::cli::deciding::Deciding;
use crate::cli::input::Usage;
use crate::cli::{load_for, output};
use crate::explain::{Directed, Method};
use crate::model::UNSTOPPED;
use crate::render::json::JsonPosition;

/// Two passages and what the words of each do for their cosine.
#[derive(Serialize)]
struct Compared {
    model: String,
    cosine: f32,
    a: Side,
    b: Side,
}

/// One of the passages; the other one stays as it is.
#[derive(Serialize)]
struct Side {
    start: JsonPosition,
    end: JsonPosition,
    #[serde(flatten)]
    deciding: Deciding,
}

/// Explains the cosine of two passages by a method.
pub(super) fn run(arguments: &Compare, passages: &[Passage]) -> Result<()> {
    let [a, b] = passages else {
        bail!("compare needs exactly two passages")
    };
    let method = arguments.method;
    if arguments.format == CompareFormat::Markdown {
        return Err(Usage("--method: Markdown has no table for it; choose terminal or json".to_owned()).into());
    }
    let texts = [a, b].map(|own| own.snapshot.text(own.range.clone()));
    let read = [(&*texts[0], a.snapshot.language()), (&*texts[1], b.snapshot.language())];
    let source = arguments.model.source();
    let source = read
        .iter()
        .fold(source, |source, (text, language)| source.for_document(text, *language));
    let model = load_for(method, &source)?.identifier_aware(!arguments.plain);
    let [read_a, read_b] = read.map(|text| Directed::read(&model, text, UNSTOPPED));
    let (read_a, read_b) = (read_a?, read_b?);
    let side = |own: &Passage, read: &Directed, other: &Directed| -> Result<Side> {
        let start = Instant::now();
        let parts = read.along(&other.embedding(), method, UNSTOPPED)?;
        let parts = parts.starting_at(own.range.start);
        let ms = start.elapsed().as_secs_f32() * 1e3;
        Ok(Side {
            start: JsonPosition::new(&own.snapshot, own.range.start),
            end: JsonPosition::new(&own.snapshot, own.range.end),
            deciding: Deciding::new(parts, &own.snapshot, ("cosine", method.name(), ms)),
        })
    };
    let compared = Compared {
        model: model.info().name.clone(),
        a: side(a, &read_a, &read_b)?,
        b: side(b, &read_b, &read_a)?,
        cosine: cosine(&read_a, &read_b),
    };
    match arguments.format {
        CompareFormat::Json => output::write_json(&compared),
        CompareFormat::Terminal | CompareFormat::Markdown => output::write(&in_words(&compared, method)),
    }
}

fn cosine(a: &Directed, b: &Directed) -> f32 {
    let products = a.embedding().into_iter().zip(b.embedding());
    products.map(|(a, b)| f64::from(a) * f64::from(b)).sum::<f64>() as f32
}

fn in_words(compared: &Compared, method: Method) -> String {
    let mut page = format!("cosine {:.3} by {}\n", compared.cosine, method.name());
    for (name, side) in [("first", &compared.a), ("second", &compared.b)] {
        page += &format!("words of the {name} passage, line {}\n", side.start.line + 1);
        side.deciding.in_words(&mut page);
    }
    page
}
