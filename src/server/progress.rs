//! Progress bars for model loading, document analysis and indexing that take longer than a second.

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

use super::client_answer::within;
use super::request_snapshot::RequestSnapshot;
use super::session::{Activity, Session};
use crate::analysis::CancellationToken;
use crate::similar::index;

/// Shorter work gets no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two updates of a bar.
const STEP: Duration = Duration::from_millis(500);
/// Time limit for the client to create a bar.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Prefix of the tokens of the model's bars.
const MODEL: &str = "fovea/";
/// Prefix of the tokens of the index's bars.
const INDEX: &str = "fovea/index/";

/// The work that a bar shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Loading the model, analyzing documents.
    Model,
    /// Indexing the workspace.
    Index,
}

/// The work behind a token that the client cancels. `None` if Fovea did not create the token.
pub fn of_token(token: &Value) -> Option<Work> {
    match token.as_str()? {
        token if token.starts_with(INDEX) => Some(Work::Index),
        token if token.starts_with(MODEL) => Some(Work::Model),
        _ => None,
    }
}

/// Shows bars until the server ends.
pub async fn run(session: Arc<Session>, client: Client) {
    tokio::join!(of_model(session.clone(), client.clone()), of_index(session, client));
}

async fn of_model(session: Arc<Session>, client: Client) {
    let mut activity = session.activity.subscribe();
    for number in 0u64.. {
        let Ok(now) = activity.wait_for(|now| *now != Activity::Idle).await.map(|now| *now) else {
            return;
        };
        if !still(&mut activity, now, PATIENCE).await {
            continue;
        }
        match Bar::new(&session, &client, format!("{MODEL}{number}")).await {
            Some(bar) => model_bar(&session, bar, &mut activity, now).await,
            None if activity.wait_for(|next| *next != now).await.is_err() => return,
            None => {}
        }
    }
}

async fn of_index(session: Arc<Session>, client: Client) {
    let mut indexing = session.indexing.subscribe();
    for number in 0u64.. {
        if indexing.wait_for(Option::is_some).await.is_err() {
            return;
        }
        if tokio::time::timeout(PATIENCE, indexing.wait_for(Option::is_none))
            .await
            .is_ok()
        {
            continue;
        }
        match Bar::new(&session, &client, format!("{INDEX}{number}")).await {
            Some(bar) => index_bar(bar, &mut indexing).await,
            None if indexing.wait_for(Option::is_none).await.is_err() => return,
            None => {}
        }
    }
}

/// A bar that the client has created.
struct Bar<'a> {
    client: &'a Client,
    token: ProgressToken,
}

impl Bar<'_> {
    /// Asks the client for a bar; `None` if the client creates none.
    async fn new<'a>(session: &Session, client: &'a Client, token: String) -> Option<Bar<'a>> {
        if !session.snapshot(CancellationToken::new()).client.progress {
            return None;
        }
        let token = ProgressToken::String(token);
        within(CLIENT_TIMEOUT, client.create_work_done_progress(token.clone())).await?;
        Some(Bar { client, token })
    }

    async fn send(&self, value: WorkDoneProgress) {
        let params = ProgressParams {
            token: self.token.clone(),
            value: ProgressParamsValue::WorkDone(value),
        };
        self.client.send_notification::<Progress>(params).await;
    }

    async fn begin(&self, title: &str, cancellable: bool, percentage: Option<u32>) {
        let begin = WorkDoneProgressBegin {
            title: title.to_owned(),
            cancellable: Some(cancellable),
            message: None,
            percentage,
        };
        self.send(WorkDoneProgress::Begin(begin)).await;
    }

    async fn report(&self, message: Option<String>, percentage: Option<u32>) {
        let report = WorkDoneProgressReport {
            // As the beginning said.
            cancellable: None,
            message,
            percentage,
        };
        self.send(WorkDoneProgress::Report(report)).await;
    }

    async fn end(self) {
        self.send(WorkDoneProgress::End(WorkDoneProgressEnd { message: None }))
            .await;
    }
}

/// The progress of one request, on the token that the client sent with it.
pub struct Steps<'a>(Option<Bar<'a>>);

impl Steps<'_> {
    /// Begins the bar; without a token, nothing is reported.
    pub async fn begin<'a>(client: &'a Client, token: Option<ProgressToken>, title: &str) -> Steps<'a> {
        let bar = token.map(|token| Bar { client, token });
        if let Some(bar) = &bar {
            // A client cancels the request, and not its progress.
            bar.begin(title, false, Some(0)).await;
        }
        Steps(bar)
    }

    /// Reports nothing.
    pub fn silent() -> Steps<'static> {
        Steps(None)
    }

    /// Reports that `done` of `all` steps are done.
    pub async fn at(&self, done: usize, all: usize) {
        if let Some(bar) = &self.0 {
            let percentage = 100 * done / all.max(1);
            bar.report(Some(format!("{done} of {all}")), Some(percentage as u32))
                .await;
        }
    }

    /// Reports a message.
    pub async fn say(&self, message: String) {
        if let Some(bar) = &self.0 {
            bar.report(Some(message), None).await;
        }
    }

    /// Ends the bar.
    pub async fn end(self) {
        if let Some(bar) = self.0 {
            bar.end().await;
        }
    }
}

/// Whether the activity is still the same after `time`.
async fn still(activity: &mut watch::Receiver<Activity>, now: Activity, time: Duration) -> bool {
    tokio::time::timeout(time, activity.wait_for(|next| *next != now))
        .await
        .is_err()
}

async fn model_bar(session: &Session, bar: Bar<'_>, activity: &mut watch::Receiver<Activity>, now: Activity) {
    let analyzing = now == Activity::Analyzing;
    let title = if analyzing {
        "Fovea: analyzing"
    } else {
        "Fovea: loading the model"
    };
    bar.begin(title, analyzing, analyzing.then_some(0)).await;
    let mut told = 0;
    while still(activity, now, STEP).await {
        let percentage = if analyzing {
            done(session, &session.snapshot(CancellationToken::new()))
        } else {
            0
        };
        if percentage > told {
            told = percentage;
            bar.report(None, Some(percentage)).await;
        }
    }
    bar.end().await;
}

/// Shows the bar of the index. Files that the index already knew count as done from the start.
async fn index_bar(bar: Bar<'_>, indexing: &mut watch::Receiver<Option<index::Progress>>) {
    bar.begin("Fovea: indexing", true, Some(0)).await;
    loop {
        let Some(now) = *indexing.borrow_and_update() else {
            break;
        };
        let percentage = (now.done * 100).checked_div(now.total).unwrap_or(0) as u32;
        bar.report(Some(format!("{} of {} files", now.done, now.total)), Some(percentage))
            .await;
        if indexing.changed().await.is_err() {
            break;
        }
    }
    bar.end().await;
}

/// Percentage of the units of all open documents that are analyzed.
fn done(session: &Session, request: &RequestSnapshot) -> u32 {
    let Some(analysis) = session.analysis() else {
        return 0;
    };
    let (mut done, mut all) = (0, 0);
    for (id, open) in request.documents.iter().filter(|(_, open)| open.inactive.is_none()) {
        if let Some(report) = analysis.report(id, open.snapshot().version()) {
            done += report.units.iter().flatten().count();
            all += report.units.len();
        }
    }
    (done * 100).checked_div(all).unwrap_or(0) as u32
}
