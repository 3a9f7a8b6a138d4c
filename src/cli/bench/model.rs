//! Measures medians of the forward pass, with and without attention maps, of an explanation, and of a written token.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::Bench;
use super::times::Times;
use crate::cli::input::Usage;
use crate::cli::output;
use crate::explain::decomposition;
use crate::model::generate::{Limits, Sampling, Written};
use crate::model::{Model, Packed, Trace, TraceLevel, UNSTOPPED, ops};

#[derive(Serialize)]
struct Report {
    model: String,
    threads: usize,
    results: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    batch: usize,
    length: usize,
    forward_ms: f64,
    attention_ms: f64,
    explain_ms: f64,
    /// Per token that the model writes after a text of this length; left out for models that do not write, and for batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    write_ms: Option<f64>,
}

/// Number of tokens that are written after a text.
const WRITTEN: usize = 32;

/// Times the model.
pub(super) fn run(arguments: &Bench) -> Result<()> {
    let shapes = shapes(&arguments.shapes)?;
    let threads = match arguments.threads {
        Some(0) => return Err(Usage("--threads 0: use at least 1".to_owned()).into()),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let model = arguments.model.load()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut results = Vec::new();
    for (batch, length) in shapes {
        if length > model.encoder().window() {
            return Err(Usage(format!(
                "--shapes {batch}x{length}: the model reads fewer than {length} tokens; use a shorter length"
            ))
            .into());
        }
        results.push(pool.install(|| time(&model, batch, length))?);
    }
    let report = Report {
        model: model.info().name.clone(),
        threads,
        results,
    };
    if arguments.wants_json() {
        return output::write_json(&report);
    }
    let writes = report.results.iter().any(|row| row.write_ms.is_some());
    let last = if writes { "  ms per written token" } else { "" };
    let mut text = format!(
        "{}, {} threads, medians\n   shape  forward ms  attention ms  explain ms  tokens/s{last}\n",
        report.model, threads
    );
    for row in &report.results {
        let shape = format!("{}x{}", row.batch, row.length);
        let speed = (row.batch * row.length) as f64 / row.attention_ms * 1e3;
        text += &format!(
            "{shape:>8}  {:>10.1}  {:>12.1}  {:>10.1}  {speed:>8.0}",
            row.forward_ms, row.attention_ms, row.explain_ms
        );
        text += &row.write_ms.map_or_else(String::new, |ms| format!("  {ms:>20.1}"));
        text.push('\n');
    }
    output::write(&text)
}

fn shapes(list: &str) -> Result<Vec<(usize, usize)>> {
    let wrong = |shape: &str| Usage(format!("--shapes {shape}: write BATCHxLENGTH, as in 8x256"));
    let shape = |shape: &str| {
        let (batch, length) = shape.split_once('x').ok_or_else(|| wrong(shape))?;
        match (batch.trim().parse(), length.trim().parse()) {
            (Ok(batch), Ok(length)) if batch > 0 && length > 0 => Ok((batch, length)),
            _ => Err(wrong(shape).into()),
        }
    };
    list.split(',').map(shape).collect()
}

fn time(model: &Model, batch: usize, length: usize) -> Result<Row> {
    // Word pieces spread over the vocabulary, like those of a text.
    let vocabulary = model.info().vocabulary;
    let ids: Vec<u32> = (0..batch * length)
        .map(|i| (1000 + i * 7919) as u32 % vocabulary as u32)
        .collect();
    let packed = Packed::new(ids.chunks_exact(length));
    let pass = |keep| {
        model.encoder().forward(&packed, keep, UNSTOPPED)?;
        Ok(())
    };
    let explain_all = || {
        let traces = model.encoder().forward(&packed, TraceLevel::Layers, UNSTOPPED)?;
        ops::side_by_side(&traces, |_, trace| explain(model, trace))
            .into_iter()
            .collect()
    };
    let [forward, attention, explain] = medians([
        &|| pass(TraceLevel::LastHidden),
        &|| pass(TraceLevel::Layers),
        &explain_all,
    ])?;
    Ok(Row {
        batch,
        length,
        forward_ms: forward,
        attention_ms: attention,
        explain_ms: explain,
        write_ms: if batch == 1 { write(model, &ids)? } else { None },
    })
}

/// The median milliseconds between the tokens that a model writes after a text. `None` for a model that does not write, or writes fewer
/// than two.
fn write(model: &Model, text: &[u32]) -> Result<Option<f64>> {
    let Some(network) = model.network().filter(|network| network.writes()) else {
        return Ok(None);
    };
    let limits = Limits {
        tokens: WRITTEN.min(network.spec.window.saturating_sub(text.len())),
        stops: Vec::new(),
    };
    let mut times = Times::default();
    let mut last: Option<Instant> = None;
    let mut told = |_: &Written| {
        let now = Instant::now();
        if let Some(last) = last.replace(now) {
            times.add(now - last);
        }
        true
    };
    let sampling = Sampling::default();
    network.generate(text, model.tokenizer(), sampling, &limits, &mut told, UNSTOPPED)?;
    Ok(Some(times.percentile(0.5)).filter(|ms| *ms > 0.0))
}

fn explain(model: &Model, trace: &Trace) -> Result<()> {
    let embedding = model.pool(trace)?;
    decomposition::shares_of(model, trace, model.pooling(), &embedding)?;
    Ok(())
}

/// Measures the median milliseconds of each task. It runs at least five rounds and half a second, after a warm-up round. The tasks run in
/// turn, so that other load on the machine affects all equally.
fn medians<const N: usize>(work: [&dyn Fn() -> Result<()>; N]) -> Result<[f64; N]> {
    for work in work {
        work()?;
    }
    let begin = Instant::now();
    let mut times = [const { Vec::new() }; N];
    while times[0].len() < 5 || (begin.elapsed().as_millis() < 500 && times[0].len() < 200) {
        for (work, times) in work.iter().zip(&mut times) {
            let start = Instant::now();
            work()?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_or_refused_by_name() {
        assert_eq!(shapes("1x16,8x256").unwrap(), [(1, 16), (8, 256)]);
        for wrong in ["", "8", "0x4", "ax4", "8x"] {
            assert!(
                shapes(wrong).unwrap_err().to_string().contains("BATCHxLENGTH"),
                "{wrong}"
            );
        }
    }
}
