//! Finds and formats similar items, for lenses, hovers, actions and commands.

use std::path::Path;

use tower_lsp::ls_types::{Range, Uri};

use crate::analysis::{DocumentReport, Home, ItemNeighbors, Neighbor};
use crate::segment::Item;
use crate::server::protocol::{SimilarItem, StoreFile, WhyFound};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;
use crate::server::uris;
use crate::similar::index::FilePosition;

/// The items of a document that have similar items, in document order.
///
/// `None` if this version is not analyzed.
pub fn items(session: &Session, request: &RequestSnapshot, active: &Active) -> Option<Vec<Item>> {
    let analysis = session.analysis()?;
    let version = active.snapshot.version();
    let report = analysis.report(&active.id, version)?;
    let neighbors = analysis.neighbors(&active.id, version)?;
    let shown = neighbors
        .iter()
        .filter(|item| item.neighbors.iter().any(|near| shown(request, near).is_some()));
    Some(
        shown
            .filter_map(|found| report.segments.items.get(found.item).cloned())
            .collect(),
    )
}

/// The items of a document with their similar items, best first, in document order.
///
/// It omits items without similar ones. `None` if this version is not analyzed.
pub fn all(session: &Session, request: &RequestSnapshot, active: &Active) -> Option<Vec<(Item, Vec<SimilarItem>)>> {
    let analysis = session.analysis()?;
    let version = active.snapshot.version();
    let report = analysis.report(&active.id, version)?;
    let neighbors = analysis.neighbors(&active.id, version)?;
    let told = neighbors.iter().filter_map(|found| told(request, &report, found));
    Some(told.collect())
}

/// An item with its similar items, best first; `None` if none can be shown.
fn told(request: &RequestSnapshot, report: &DocumentReport, found: &ItemNeighbors) -> Option<(Item, Vec<SimilarItem>)> {
    let item = report.segments.items.get(found.item)?.clone();
    let near: Vec<SimilarItem> = found
        .neighbors
        .iter()
        .filter_map(|near| similar(request, near))
        .collect();
    (!near.is_empty()).then_some((item, near))
}

/// The item whose name starts at a byte, with its similar items, best first.
///
/// `None` if there is none.
pub fn named_at(
    session: &Session,
    request: &RequestSnapshot,
    active: &Active,
    at: usize,
) -> Option<(Item, Vec<SimilarItem>)> {
    found_at(session, request, active, at)?.find(|(item, _)| item.name_range.start == at)
}

/// The innermost item around a byte that has similar items, with these, best first.
pub fn around(
    session: &Session,
    request: &RequestSnapshot,
    active: &Active,
    offset: usize,
) -> Option<(Item, Vec<SimilarItem>)> {
    found_at(session, request, active, offset)?.next()
}

/// The items around a byte that have similar items, with these; the innermost comes first.
///
/// `None` if this version is not analyzed.
pub fn found_at(
    session: &Session,
    request: &RequestSnapshot,
    active: &Active,
    offset: usize,
) -> Option<impl Iterator<Item = (Item, Vec<SimilarItem>)>> {
    let analysis = session.analysis()?;
    let version = active.snapshot.version();
    let report = analysis.report(&active.id, version)?;
    let found = analysis.neighbors_at(&active.id, version, offset)?;
    Some(
        found
            .into_iter()
            .filter_map(move |found| told(request, &report, &found)),
    )
}

/// The document that contains an item; `None` if it has changed since.
fn shown(request: &RequestSnapshot, neighbor: &Neighbor) -> Option<Uri> {
    match &neighbor.home {
        Home::Document { id, version } => {
            let (_, open) = request.open(id)?;
            (open.snapshot().version() == *version).then(|| uris::parse(id))?
        }
        // The index answers for an open file only until the open document is analyzed.
        Home::File(path) => uris::of_path(path),
        Home::Store { folder, path, link } => {
            let link = link.as_deref().and_then(uris::parse);
            link.or_else(|| placeless(folder, path))
        }
    }
}

/// A URI for an item of a store that no web page shows.
fn placeless(folder: &Path, path: &Path) -> Option<Uri> {
    let below = folder.strip_prefix("/").unwrap_or(folder);
    let file = uris::of_path(&Path::new("/").join(below).join(path))?;
    uris::parse(&file.as_str().replacen("file:", "fovea-store:", 1))
}

/// Whether an editor can open an item. It can open an item of a store only if a web page shows it.
pub fn opens(item: &SimilarItem) -> bool {
    item.store.is_none() || item.uri.as_str().starts_with("http")
}

/// Converts an item for the client.
pub fn similar(request: &RequestSnapshot, neighbor: &Neighbor) -> Option<SimilarItem> {
    let item = &neighbor.item;
    let range = |start: &FilePosition, end: &FilePosition| {
        let at = |place: &FilePosition| to_proto::wire(place.position(request.client.encoding));
        Range::new(at(start), at(end))
    };
    Some(SimilarItem {
        uri: shown(request, neighbor)?,
        range: range(&item.start, &item.end),
        selection: range(&item.name_start, &item.name_end),
        name: item.name.clone(),
        container: neighbor.container.clone(),
        kind: item.kind.name().to_owned(),
        language: item.language.name().to_owned(),
        score: to_proto::number(neighbor.score),
        why: neighbor.why.as_ref().map(|why| WhyFound {
            cosine: to_proto::number(why.cosine),
            lexical: to_proto::number(why.words + why.definition + why.path),
            matched: why.matched.clone(),
        }),
        store: match &neighbor.home {
            Home::Store { folder, path, .. } => Some(StoreFile {
                folder: folder.display().to_string(),
                path: path.display().to_string(),
            }),
            _ => None,
        },
    })
}

/// The location of an item for users: its path below the workspace and its line.
///
/// Lines count from one. In the same document, the line alone.
pub fn place(request: &RequestSnapshot, active: &Active, item: &SimilarItem) -> String {
    let line = item.selection.start.line + 1;
    if item.uri.as_str() == &*active.id {
        return format!("line {line}");
    }
    format!("{}:{line}", path(request, item))
}

/// The path of an item's document below the workspace, otherwise its last two parts.
///
/// For an item of a store: the folder's name and the path.
pub fn path(request: &RequestSnapshot, item: &SimilarItem) -> String {
    if let Some(StoreFile { folder, path }) = &item.store {
        return format!("{folder}: {path}").replace(char::is_control, " ");
    }
    readable(request, &item.uri)
}

/// A document's name for users: `src/bank.py`, or `src/bank.py (git)` for a version of it.
pub fn readable(request: &RequestSnapshot, uri: &Uri) -> String {
    let roots = &request.client.shown_below;
    let shown = uris::shown_file(uri).map(|path| {
        let below = roots.iter().find_map(|root| path.strip_prefix(root).ok());
        below.map_or_else(|| last_two(&path), |below| below.display().to_string())
    });
    let name = shown.unwrap_or_else(|| uris::file_name(uri));
    let name = match uris::view(uri) {
        Some(view) if view != name => format!("{name} ({view})"),
        _ => name,
    };
    // A file name may contain any character except a slash.
    name.replace(char::is_control, " ")
}

fn last_two(path: &Path) -> String {
    let mut parts: Vec<_> = path.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
    parts.reverse();
    parts.join("/").trim_start_matches('/').to_owned()
}

/// The title of a lens: `≈ 0.83 load_config in Settings · src/config.rs (+3)`.
pub fn title(request: &RequestSnapshot, active: &Active, similar: &[SimilarItem]) -> String {
    let Some(best) = similar.first() else {
        return String::new();
    };
    let place = if best.uri.as_str() == &*active.id {
        place(request, active, best)
    } else {
        path(request, best)
    };
    let more = if similar.len() > 1 {
        format!(" (+{})", similar.len() - 1)
    } else {
        String::new()
    };
    format!("≈ {:.2} {} · {place}{more}", best.score, named(best))
}

/// The name of an item in one line, with the type or function that contains it: `put in Session`.
pub fn named(item: &SimilarItem) -> String {
    let container = item.container.as_ref().map(|name| format!(" in {}", one_line(name)));
    one_line(&item.name) + &container.unwrap_or_default()
}

/// A name without control characters, cut after 60 characters.
pub fn one_line(name: &str) -> String {
    cut(name, 60)
}

/// The first characters of a text in one line.
pub fn cut(text: &str, most: usize) -> String {
    let clean = text.replace(char::is_control, " ");
    match clean.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}
