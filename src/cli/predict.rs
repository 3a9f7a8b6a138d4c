//! `fovea predict`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::ModelArguments;
use super::deciding::Deciding;
use super::input::{self, Usage};
use super::output::{self, PageFormat};
use crate::explain::Method;
use crate::explain::predict::{self, Prediction, Question, TokenName, Wish};
use crate::model::UNSTOPPED;
use crate::render::decided::{self, Choice, Section};
use crate::render::json::JsonPosition;
use crate::render::terminal::printable;
use crate::text::{Snapshot, ceil_char};

/// Maximum number of tokens that are read.
const WINDOW: usize = 2048;

/// Arguments of `fovea predict`.
#[derive(Args, Debug)]
pub(super) struct Predict {
    /// FILE, FILE:LINE or FILE:LINE:COLUMN, counted from 1: the text up to the end of that line, or up to that column
    file: PathBuf,
    /// How many tokens that may come next to list
    #[arg(long, value_name = "K", default_value_t = 10)]
    top: usize,
    /// Show which words decided for the likeliest token, or for this one; write it after FILE
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "")]
    why: Option<String>,
    /// Show which words decided for the likeliest token, or for that of --why, rather than for this one
    #[arg(long, value_name = "TOKEN")]
    rather_than: Option<String>,
    /// Explain the logarithm of the token's probability instead of its logit
    #[arg(long, conflicts_with = "rather_than")]
    log_probability: bool,
    /// How to explain it: decomposition, gradient, integrated-gradients, smoothgrad, leave-one-out, lime or shap; the last five take many
    /// passes
    #[arg(long, default_value = "decomposition", value_parser = Method::of_number)]
    method: Method,
    /// Language of the text, if the file's name does not show it
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: PageFormat,
}

#[derive(Serialize)]
struct Answer {
    model: String,
    surprisal: Vec<Surprisal>,
    next: Vec<Next>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
}

/// How surprising a token was, given those before it.
#[derive(Serialize)]
struct Surprisal {
    text: String,
    start: JsonPosition,
    end: JsonPosition,
    /// - ln p.
    nats: f32,
}

/// A token that may come next.
#[derive(Serialize)]
struct Next {
    token: String,
    probability: f32,
}

/// Why a token comes next.
#[derive(Serialize)]
struct Why {
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rather_than: Option<String>,
    #[serde(flatten)]
    deciding: Deciding,
}

/// Shows how surprising each token is, and which tokens the model expects next.
pub(super) fn run(arguments: &Predict) -> Result<()> {
    let (file, line, column) = place(&arguments.file);
    let document = input::document(&file, input::language(arguments.language.as_deref())?, input::MAX_BYTES)?;
    let (model, _) = arguments.model.interpreted()?;
    if let Some(why) = predict::lack(model.info()) {
        anyhow::bail!("{why}; name a model that can with --model (`fovea model info` lists what a model can do)");
    }
    let at = end_of(&document, line, column)?;
    let wish = Wish {
        top: arguments.top,
        window: WINDOW,
        surprisal: true,
        why: question(arguments),
    };
    let found = predict::predict(&model, &document, at, &wish, UNSTOPPED).map_err(input::usage)?;
    let answer = answer(model.info().name.clone(), &document, found);
    match arguments.format {
        PageFormat::Json => output::write_json(&answer),
        PageFormat::Terminal => output::write(&in_words(&answer)),
        PageFormat::Html => output::write_html(&in_html(&answer, &document, (&file, at))),
    }
}

/// The question about a token, if the arguments ask one.
fn question(arguments: &Predict) -> Option<Question> {
    let name = |name: &Option<String>| name.clone().map(TokenName::Text);
    (arguments.why.is_some() || arguments.rather_than.is_some()).then(|| Question {
        token: name(&arguments.why.clone().filter(|name| !name.is_empty())),
        rather_than: name(&arguments.rather_than),
        probability: arguments.log_probability,
        by: arguments.method,
    })
}

fn answer(model: String, document: &Snapshot, found: Prediction) -> Answer {
    let surprisal = found.surprisal.into_iter().map(|token| Surprisal {
        text: document.text(token.range.clone()).into_owned(),
        start: JsonPosition::new(document, token.range.start),
        end: JsonPosition::new(document, token.range.end),
        nats: token.nats,
    });
    let next = found.next.into_iter().map(|next| Next {
        token: next.token,
        probability: next.probability,
    });
    Answer {
        model,
        surprisal: surprisal.collect(),
        next: next.collect(),
        why: found.why.map(|why| Why {
            token: why.token,
            rather_than: why.rather_than,
            deciding: Deciding::new(why.parts, document, (why.target, why.by.name(), why.ms)),
        }),
    }
}

/// A file, a line and a column; if a file exists whose name ends in a colon and digits, the whole argument is the name.
fn place(argument: &Path) -> (PathBuf, Option<usize>, Option<usize>) {
    match input::place(argument) {
        (file, None) => (file, None, None),
        (rest, Some(last)) => match input::place(&rest) {
            (file, Some(line)) => (file, Some(line), Some(last)),
            (file, None) => (file, Some(last), None),
        },
    }
}

/// The byte where the context ends.
fn end_of(document: &Snapshot, line: Option<usize>, column: Option<usize>) -> Result<usize> {
    let Some(line) = line else {
        return Ok(document.len());
    };
    let text = document.text(0..document.len());
    let mut start = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        let content_end = start + content.trim_end_matches(['\n', '\r']).len();
        if number + 1 == line {
            let Some(column) = column else { return Ok(content_end) };
            let at = text[start..content_end].char_indices().nth(column.saturating_sub(1));
            return Ok(at.map_or(content_end, |(at, _)| start + at));
        }
        start += content.len();
    }
    Err(Usage(format!(
        "line {line} does not exist: the file has {} lines",
        text.lines().count()
    ))
    .into())
}

fn in_words(answer: &Answer) -> String {
    let mut page = String::new();
    let mut most: Vec<&Surprisal> = answer.surprisal.iter().collect();
    most.sort_by(|a, b| b.nats.total_cmp(&a.nats));
    if !most.is_empty() {
        page += "most surprising\n";
    }
    for token in most.iter().take(10) {
        let text = printable(&token.text);
        page += &format!("  {:>6.2} nats  line {:<5} {text}\n", token.nats, token.start.line + 1);
    }
    page += "next\n";
    for next in &answer.next {
        page += &format!(
            "  {:>6.1} %     {:?}\n",
            100.0 * next.probability,
            printable(&next.token)
        );
    }
    if let Some(why) = &answer.why {
        why.in_words(&mut page);
    }
    page
}

/// Bytes before the place that a page shows at most.
const SHOWN: usize = 20_000;

fn in_html(answer: &Answer, document: &Snapshot, (file, at): (&Path, usize)) -> String {
    let next = |next: &Next| Choice {
        name: format!("{:?}", next.token),
        number: format!("{:.1} %", 100.0 * next.probability),
        share: next.probability,
    };
    let text = document.text(0..document.len());
    let first = ceil_char(&text, at.saturating_sub(SHOWN));
    let excerpt = |last: usize| (text[first..last].to_owned(), first);
    let mut sections = vec![Section {
        heading: "next".to_owned(),
        choices: answer.next.iter().map(next).collect(),
        ..Section::default()
    }];
    if let Some(why) = &answer.why {
        // A model that fills masks reads the text behind the place as well.
        let last = why.deciding.words.iter().map(|word| word.end.byte).max();
        sections.push(why.deciding.section(why.heading(), excerpt(last.unwrap_or(at).max(at))));
    }
    if !answer.surprisal.is_empty() {
        let words = answer.surprisal.iter().filter(|token| token.start.byte >= first);
        sections.push(Section {
            heading: "how surprising each token is, in nats".to_owned(),
            words: words
                .map(|token| (token.start.byte - first..token.end.byte - first, token.nats))
                .collect(),
            text: excerpt(at).0,
            ..Section::default()
        });
    }
    decided::page(&format!("{} · {}", file.display(), answer.model), &sections)
}

impl Why {
    fn heading(&self) -> String {
        let what = self.deciding.target.replace('_', "-");
        let rather = match &self.rather_than {
            Some(other) => format!(" rather than {other:?}"),
            None => String::new(),
        };
        format!("why {:?}{rather}: {what} {:+.3}", self.token, self.deciding.value)
    }

    /// For a terminal.
    fn in_words(&self, out: &mut String) {
        *out += &format!("{}\n", self.heading());
        self.deciding.in_words(out);
    }
}
