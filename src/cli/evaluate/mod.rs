//! `fovea evaluate`: measures how faithful explanations are on the user's own documents.

mod interrupt;
mod kept;
mod sample;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::interrupt::Interrupt;
use self::kept::Kept;
use self::sample::{Sample, sample};
use super::input::Usage;
use super::output::{Color, Progress};
use super::{ModelArguments, output};
use crate::explain::evaluate::{Aim, Asked, FEWEST_WORDS, Models, Ranker, Table, UnitMeasures, unit};
use crate::model::{Ability, Model, ModelError, Source};
use crate::places::cache_folder;
use crate::render::{evaluation, terminal};

/// Arguments of `fovea evaluate`.
#[derive(Args, Debug)]
pub(super) struct Evaluate {
    /// Files and folders whose text to measure on; Fovea respects the ignore files of folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Methods to measure, separated by commas; `random` is the floor. The default is all
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = ranker)]
    methods: Vec<Ranker>,
    /// Units to measure, drawn from all files alike
    #[arg(long, value_name = "N", default_value_t = 50)]
    units: usize,
    /// Units on which all is measured; on the others, methods that take many passes, random weights, the greedy search and small edits are
    /// left out. The default is all
    #[arg(long, value_name = "N")]
    slow_units: Option<usize>,
    /// What is explained and measured: the embedding, or what a decoder writes next
    #[arg(long, value_enum, default_value_t)]
    target: Target,
    /// What the sample, random orders and intervals start from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Also measure what a greedy search reaches, and place methods between it and chance: takes about four passes for each word
    #[arg(long)]
    ceiling: bool,
    /// Also measure how far explanations move under small edits: explains each unit three times more
    #[arg(long)]
    sensitivity: bool,
    /// Do not compare explanations with those of the same model with random weights
    #[arg(long)]
    no_random_weights: bool,
    /// Measure everything again, instead of continuing with results in the cache folder
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: EvaluateFormat,
    /// When to use colors
    #[arg(long, value_enum, default_value_t)]
    color: Color,
}

/// The goal of the explanation of each unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Its embedding.
    #[default]
    Embedding,
    /// The logit of the token that a decoder finds most probable after it.
    Logit,
    /// The logarithm of that token's probability.
    LogProbability,
}

impl Target {
    fn aim(self) -> Aim {
        match self {
            Target::Embedding => Aim::Embedding,
            Target::Logit => Aim::Logit,
            Target::LogProbability => Aim::LogProbability,
        }
    }
}

/// The format of an evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum EvaluateFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For a browser: one self-contained page with plots.
    Html,
}

/// The seed of random weights.
const SCRAMBLE: u64 = 1;

fn ranker(name: &str) -> Result<Ranker, String> {
    let names = || {
        Ranker::all()
            .iter()
            .map(|ranker| ranker.name())
            .collect::<Vec<_>>()
            .join(", ")
    };
    Ranker::from_name(name).ok_or_else(|| format!("no such method; choose from {}", names()))
}

/// The models that an evaluation needs.
struct Loaded {
    model: Model,
    interpreted: Option<Model>,
    scrambled: Option<Model>,
}

impl Loaded {
    fn of(source: &Source, aim: Aim, scrambled: bool) -> Result<Loaded> {
        // Outputs of a head need the interpreter, as gradients and soft erasure do.
        let model = match aim {
            Aim::Embedding => Model::load(source)?,
            Aim::Logit | Aim::LogProbability => Model::interpreted(source)?,
        };
        let interpreted = (model.network().is_none())
            .then(|| Model::interpreted(source))
            .transpose()?;
        let scrambled = scrambled.then(|| Model::scrambled(source, SCRAMBLE)).transpose()?;
        Ok(Loaded {
            model,
            interpreted,
            scrambled,
        })
    }

    fn models(&self) -> Models<'_> {
        Models {
            model: &self.model,
            interpreted: self.interpreted.as_ref().unwrap_or(&self.model),
            scrambled: self.scrambled.as_ref(),
        }
    }
}

/// Measures.
pub(super) fn run(arguments: &Evaluate) -> Result<()> {
    if arguments.units == 0 {
        return Err(Usage("--units 0: there is nothing to measure; give 1 or more".to_owned()).into());
    }
    let rankers = match arguments.methods.is_empty() {
        true => Ranker::all(),
        false => arguments.methods.clone(),
    };
    let asked = Asked {
        rankers,
        aim: arguments.target.aim(),
        sensitivity: arguments.sensitivity,
        ceiling: arguments.ceiling,
        seed: arguments.seed,
    };
    let loaded = Loaded::of(&arguments.model.source(), asked.aim, !arguments.no_random_weights)?;
    let able = loaded.model.info().abilities.contains(&Ability::NextToken);
    if asked.aim != Aim::Embedding && !able {
        let name = &loaded.model.info().name;
        let refusal = format!("{name} does not predict tokens: choose --target embedding, or a decoder with --model");
        return Err(Usage(refusal).into());
    }
    let sample = sample(&loaded.model, &arguments.paths, arguments.units, arguments.seed)?;
    if sample.units.is_empty() {
        bail!("no unit of {FEWEST_WORDS} words or more that the model can read; name other files");
    }
    let slow = arguments.slow_units.unwrap_or(usize::MAX);
    let units = measure(&loaded, &sample, (&asked, slow), arguments.again)?;
    let (done, all) = (units.measured.len(), sample.units.len());
    let stopped = format!("stopped after {done} of {all} units; the same command goes on from there");
    if units.stopped && done == 0 {
        bail!(stopped);
    }
    let name = &loaded.model.info().name;
    let table = Table::of(
        name,
        (sample.files, arguments.seed),
        (&asked.rankers, asked.aim),
        (&units.measured, if units.stopped { all } else { done }),
    );
    match arguments.format {
        EvaluateFormat::Json => output::write_json(&table)?,
        EvaluateFormat::Html => output::write_html(&evaluation::page(&table))?,
        EvaluateFormat::Terminal => output::write_page(&terminal::evaluation(&table, arguments.color.palette()))?,
    }
    // The table of the measured units is of use, but it is not the one that was asked for.
    if units.stopped {
        bail!(stopped);
    }
    Ok(())
}

/// The measures of a sample, or of the part of it before Ctrl-C.
struct Measures {
    measured: Vec<UnitMeasures>,
    stopped: bool,
}

/// Measures the units that have no measures yet, and saves each at once. `slow` is the number of units with all measures; the others skip
/// those that take many passes.
fn measure(loaded: &Loaded, sample: &Sample, (asked, slow): (&Asked, usize), again: bool) -> Result<Measures> {
    let quick = Asked {
        rankers: asked.rankers.iter().copied().filter(|ranker| !ranker.slow()).collect(),
        ceiling: false,
        sensitivity: false,
        ..asked.clone()
    };
    let mut kept = Kept::open(
        cache_folder().as_deref(),
        &loaded.model,
        asked.aim,
        (SCRAMBLE, asked.seed),
    );
    let interrupt = Interrupt::watch().context("cannot watch for Ctrl-C")?;
    let checkpoint = || interrupt.came();
    let mut progress = Progress::new("measuring", sample.units.len());
    let mut measured = Vec::with_capacity(sample.units.len());
    for (number, (text, language)) in sample.units.iter().enumerate() {
        let mut models = loaded.models();
        let asked = if number < slow { asked } else { &quick };
        models.scrambled = models.scrambled.filter(|_| number < slow);
        let key = Kept::key(text, *language);
        let known = kept.get(&key).filter(|_| !again);
        let known = known.filter(|known| known.answers(asked, models.scrambled.is_some()));
        if let Some(known) = known {
            measured.push(known.only(asked, models.scrambled.is_some()));
        } else {
            match unit(models, (text, *language), asked, &checkpoint) {
                Ok(Some(found)) => {
                    kept.put(&key, &found);
                    measured.push(found);
                }
                Ok(None) => {}
                Err(ModelError::Stopped) => {
                    let stopped = true;
                    return Ok(Measures { measured, stopped });
                }
                Err(error) => return Err(error.into()),
            }
        }
        progress.at(measured.len());
    }
    let stopped = false;
    Ok(Measures { measured, stopped })
}
