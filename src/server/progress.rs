//! The progress bar: for loading a model and for passes over documents, once they take longer than a second.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::ls_types::notification::Progress;
use tower_lsp::ls_types::{
    ProgressParams, ProgressParamsValue, ProgressToken, WorkDoneProgress, WorkDoneProgressBegin, WorkDoneProgressEnd,
    WorkDoneProgressReport,
};

use super::core::{Activity, Core};
use super::publisher::within;
use super::ticket::Ticket;
use crate::analysis::CancelToken;

/// What is over sooner gets no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two steps of a bar.
const STEP: Duration = Duration::from_millis(500);
/// How long a client may take to make a bar.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// What our tokens start with.
const TOKEN: &str = "fovea/";

/// Whether a token, as the client sends it back, is that of a bar that can be cancelled.
pub fn is_ours(token: &Value) -> bool {
    token.as_str().is_some_and(|token| token.starts_with(TOKEN))
}

/// Shows bars until the server ends.
pub async fn run(core: Arc<Core>, client: Client) {
    let mut activity = core.activity.subscribe();
    for number in 0u64.. {
        let Ok(now) = activity.wait_for(|now| *now != Activity::Idle).await.map(|now| *now) else {
            return;
        };
        if !still(&mut activity, now, PATIENCE).await {
            continue;
        }
        let ticket = core.ticket(CancelToken::new());
        if ticket.client.progress {
            bar(
                &core,
                &client,
                &mut activity,
                now,
                ProgressToken::String(format!("{TOKEN}{number}")),
            )
            .await;
        } else if activity.wait_for(|next| *next != now).await.is_err() {
            return;
        }
    }
}

/// Whether it still does the same after a while.
async fn still(activity: &mut watch::Receiver<Activity>, now: Activity, time: Duration) -> bool {
    tokio::time::timeout(time, activity.wait_for(|next| *next != now))
        .await
        .is_err()
}

async fn bar(
    core: &Core,
    client: &Client,
    activity: &mut watch::Receiver<Activity>,
    now: Activity,
    token: ProgressToken,
) {
    if within(CLIENT_TIMEOUT, client.create_work_done_progress(token.clone()))
        .await
        .is_none()
    {
        let _ = activity.wait_for(|next| *next != now).await;
        return;
    }
    let send = async |value| {
        let params = ProgressParams {
            token: token.clone(),
            value: ProgressParamsValue::WorkDone(value),
        };
        client.send_notification::<Progress>(params).await;
    };
    let analysing = now == Activity::Analysing;
    let title = if analysing {
        "Fovea: analysing"
    } else {
        "Fovea: loading the model"
    };
    send(WorkDoneProgress::Begin(WorkDoneProgressBegin {
        title: title.to_owned(),
        cancellable: Some(analysing),
        message: None,
        percentage: analysing.then_some(0),
    }))
    .await;
    let mut told = 0;
    while still(activity, now, STEP).await {
        let percentage = if analysing {
            done(core, &core.ticket(CancelToken::new()))
        } else {
            0
        };
        if percentage > told {
            told = percentage;
            send(WorkDoneProgress::Report(WorkDoneProgressReport {
                cancellable: Some(true),
                message: None,
                percentage: Some(percentage),
            }))
            .await;
        }
    }
    send(WorkDoneProgress::End(WorkDoneProgressEnd { message: None })).await;
}

/// How many of a hundred units of the open documents are analysed.
fn done(core: &Core, ticket: &Ticket) -> u32 {
    let Some(analysis) = core.analysis() else {
        return 0;
    };
    let (mut done, mut all) = (0, 0);
    for (id, open) in ticket.documents.iter().filter(|(_, open)| open.inactive.is_none()) {
        if let Some(report) = analysis.report(id, open.snapshot().version()) {
            done += report.units.iter().flatten().count();
            all += report.units.len();
        }
    }
    (done * 100).checked_div(all).unwrap_or(0) as u32
}
