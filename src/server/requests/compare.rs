//! `fovea.comparePassages`: why two passages resemble each other.

use serde_json::{Value, json};
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::MessageType;

use super::passage;
use crate::explain::PairReport;
use crate::render::json;
use crate::server::core::Core;
use crate::server::protocol::Passage;
use crate::server::ticket::Ticket;
use crate::server::to_proto;
use crate::text::ByteRange;

/// How many pairs of words a message names.
const NAMED: usize = 3;

/// The JSON of `fovea compare`; a client without user interface of ours is told the essence as well.
///
/// # Errors
/// Invalid parameters for a passage that cannot be read ([`passage::stretch`]); else why there is no answer.
pub async fn passages(core: &Core, client: &Client, ticket: &Ticket, a: Passage, b: Passage) -> Result<Value> {
    let (a, b) = (passage::stretch(ticket, a).await?, passage::stretch(ticket, b).await?);
    let analysis = core.analysis().ok_or_else(Error::internal_error)?;
    let asked = analysis.compare(a.question(), b.question(), ticket.cancel.clone());
    let report = asked.await.map_err(|refusal| to_proto::refusal(&refusal))?;
    if !ticket.client.fovea {
        client
            .show_message(MessageType::INFO, essence(&report, &a.text(), &b.text()))
            .await;
    }
    Ok(json!(json::compare(
        &report,
        (&a.snapshot, &a.range),
        (&b.snapshot, &b.range)
    )))
}

/// The cosine and the pairs of words that add most to it, in one line.
fn essence(report: &PairReport, a: &str, b: &str) -> String {
    let columns = report.b.words.len();
    let mut pairs: Vec<(usize, usize, f32)> = (0..report.a.words.len())
        .flat_map(|i| {
            report
                .row(i)
                .iter()
                .take(columns)
                .enumerate()
                .map(move |(j, share)| (i, j, *share))
        })
        .collect();
    pairs.sort_by(|x, y| y.2.total_cmp(&x.2));
    pairs.retain(|(_, _, share)| *share >= 0.005);
    let word = |text: &str, range: &ByteRange| text.get(range.clone()).unwrap_or_default().to_owned();
    let named: Vec<String> = pairs
        .iter()
        .take(NAMED)
        .map(|(i, j, share)| {
            format!(
                "{} ~ {} {share:+.2}",
                word(a, &report.a.words[*i]),
                word(b, &report.b.words[*j])
            )
        })
        .collect();
    format!(
        "Fovea: cosine {:.2}; most of it from {}",
        report.cosine,
        named.join(", ")
    )
}
