//! Entry points for the notebook targets under `fuzz/`.

use super::notebook::Notebook;
use super::reading::read;
use crate::model::Model;

/// The byte positions of each item of a notebook in its file. `None` if the file is not a notebook.
pub fn places_of_notebook(model: &Model, file: &str) -> Option<Vec<usize>> {
    let notebook = Notebook::read(file)?;
    let mut contents = read(model, &notebook.text, notebook.language);
    notebook.place(file, contents.passages.iter_mut().map(|passage| &mut passage.item));
    let items = contents.passages.iter().map(|passage| &passage.item);
    let places = items.flat_map(|item| [item.start, item.end, item.name_start, item.name_end]);
    Some(places.map(|place| place.byte).collect())
}
