//! The model's thread and the handle to it.

/*
pub struct Options {
    pub method: Method,             // salience method
    pub threads: usize,             // 0 = choose
    pub debounce: Duration,         // 250 ms after the last edit, for whole-document work
    pub cache_bytes: usize,         // 64 MiB
    pub min_similarity: f32,        // 0.6
    pub identifier_aware: bool,
    pub max_tokens: usize           // longest document analysed whole, else inactive
}
pub enum Event {                    // handed to the callback given to start, from the model thread: must not block
    ModelReady { ms: u64 },
    ModelFailed(String),
    Busy(bool),                     // started or finished working; coalesced
    Report(Arc<DocumentReport>),    // new results for a document: after each batch, and once when complete
    Neighbours,                     // item vectors changed: lenses should be refreshed (after a document became complete, was closed)
    Panicked { restarts: u32 , given_up: bool },
}
impl Analysis {
    pub fn start(load: impl Fn() -> Result<Model, LoadError> + Send + 'static, options: Options, events: impl Fn(Event) + Send + Sync + 'static) -> Analysis;
    pub fn update(&self, id: &DocumentId, snapshot: Snapshot);            // opened or changed
    pub fn close(&self, id: &DocumentId);
    pub fn set_visible(&self, id: &DocumentId, range: ByteRange);
    pub fn configure(&self, options: Options);
    pub fn reload(&self, load: …);                                        // another model
    pub fn pause(&self); pub fn resume(&self);
    pub async fn explain_at(&self, id: &DocumentId, snapshot: Snapshot, offset: usize, cancel: CancelToken) -> Result<Option<CursorReport>, Refusal>;
    pub async fn explain_range(&self, id, snapshot, range: ByteRange, cancel) -> Result<Arc<UnitReport>, Refusal>;
    pub async fn explain_document(&self, id, snapshot, cancel) -> Result<Arc<DocumentReport>, Refusal>;   // waits for complete
    pub async fn compare(&self, a: (String, Language), b: (String, Language), cancel) -> Result<PairReport, Refusal>;
    pub fn report(&self, id: &DocumentId, version: i32) -> Option<Arc<DocumentReport>>;   // never waits; None for another version
    pub fn neighbours(&self, id: &DocumentId, version: i32) -> Option<Vec<ItemNeighbours>>; // never waits, None when not analysed yet
    pub fn status(&self) -> Status;  // {model: Loading|Ready(ModelInfo)|Failed(String), paused, busy, queued}
    pub fn shutdown(&self);
}
*/
