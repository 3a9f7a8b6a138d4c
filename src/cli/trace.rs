//! `fovea trace`.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use clap::Args;

use super::input::{self, Usage};
use super::{ModelArguments, output};
use crate::model::tape::{BlockSite, Network, Read};
use crate::model::{Model, Packed, TapeTrace, TraceLevel, UNSTOPPED};
use crate::text::Language;

/// Arguments of `fovea trace`.
#[derive(Args, Debug)]
pub(super) struct Trace {
    /// File to read; `-` reads standard input
    #[arg(required_unless_present = "text")]
    file: Option<PathBuf>,
    /// Text to read instead of a file
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// What the decoder of an encoder–decoder has written, for its hidden states and attention
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// Where to write the tensors: a safetensors file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Language of the text; the model reads identifiers in code as words
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
}

/// Runs a text through the model and writes ids, hidden states, attention maps and logits.
pub(super) fn run(arguments: &Trace) -> Result<()> {
    let language = input::language(arguments.language.as_deref())?;
    let (text, language) = match (&arguments.text, &arguments.file) {
        (Some(text), _) => (text.clone(), language.unwrap_or(Language::Prose)),
        (None, Some(file)) => {
            let document = input::document(file, language, input::MAX_BYTES)?;
            (document.text(0..document.len()).into_owned(), document.language())
        }
        (None, None) => return Err(Usage("name a file or give a --text".to_owned()).into()),
    };
    let (model, network) = arguments.model.interpreted_for(&text, language)?;
    let ids = model.tokenize(&text, language)?.ids;
    if ids.is_empty() {
        return Err(Usage("the text has no tokens; give a text with words".to_owned()).into());
    }
    let target = target(arguments, &model, &network)?;
    let reading = Packed::new([ids.as_slice()]);
    let writing = target.as_ref().map(|ids| Packed::new([ids.as_slice()]));
    let read = network.read(&reading, writing.as_ref(), TraceLevel::Layers, UNSTOPPED)?;
    let mut tensors = tensors(&network, &read, &ids, target.as_deref())?;
    let count = tensors.len();
    // Safetensors files sort names, so the map's order does not matter.
    let named: HashMap<String, Tensor> = tensors.drain(..).collect();
    let bytes = safetensors::serialize(&named, None).context("cannot write the tensors")?;
    // Not by a file that replaces it: links and devices stay, and so do the permissions of an existing file.
    std::fs::write(&arguments.out, bytes).with_context(|| {
        format!(
            "cannot write {}; check that its folder exists and has room",
            arguments.out.display()
        )
    })?;
    output::say(&format_args!(
        "{count} tensors of {} tokens in {}",
        ids.len(),
        arguments.out.display()
    ));
    Ok(())
}

/// The tokens that the decoder has written: its start, then those of the target.
fn target(arguments: &Trace, model: &Model, network: &Network) -> Result<Option<Vec<u32>>> {
    let Some(start) = network.spec.decoder.as_ref().map(|_| network.spec.start.unwrap_or(0)) else {
        return match &arguments.target {
            Some(_) => Err(Usage("--target is for models with an encoder and a decoder".to_owned()).into()),
            None => Ok(None),
        };
    };
    let mut ids = vec![start];
    if let Some(target) = &arguments.target {
        ids.extend(model.tokenize(target, Language::Prose)?.ids);
    }
    Ok(Some(ids))
}

fn tensors(network: &Network, read: &Read, ids: &[u32], target: Option<&[u32]>) -> Result<Vec<(String, Tensor)>> {
    let tape = read.tape.clone().context("the pass kept nothing")?;
    let trace = TapeTrace { tape, sequence: 0 };
    let mut out = vec![("ids".to_owned(), of_ids(ids)?)];
    side(&trace, &trace.tape.blocks, trace.tape.output, "", &mut out)?;
    if let Some(target) = target {
        out.push(("decoder_ids".to_owned(), of_ids(target)?));
        side(&trace, &trace.tape.decoder, trace.tape.written, "decoder_", &mut out)?;
    }
    let last = read.written.as_ref().unwrap_or(&read.hidden);
    if let Some(logits) = network.logits(last)? {
        let columns = network.outputs().unwrap_or(logits.len()).max(1);
        let shape = (logits.len() / columns, columns);
        out.push(("logits".to_owned(), Tensor::from_vec(logits, shape, &Device::Cpu)?));
    }
    Ok(out)
}

fn of_ids(ids: &[u32]) -> Result<Tensor> {
    Ok(Tensor::from_slice(ids, ids.len(), &Device::Cpu)?)
}

/// Hidden states and attention maps of the blocks of one side.
fn side(
    trace: &TapeTrace,
    blocks: &[BlockSite],
    last: Option<usize>,
    prefix: &str,
    out: &mut Vec<(String, Tensor)>,
) -> Result<()> {
    for (index, block) in blocks.iter().enumerate() {
        out.push((format!("{prefix}hidden.{index}"), trace.rows(Some(block.before))?));
        for site in &block.attention {
            let name = match site.cross {
                true => format!("cross_attention.{index}"),
                false => format!("{prefix}attention.{index}"),
            };
            out.push((name, trace.map(site.mix)?));
        }
    }
    out.push((format!("{prefix}hidden.{}", blocks.len()), trace.rows(last)?));
    Ok(())
}
