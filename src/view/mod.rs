//! The page that makes the model visible: one document, its units, and every number of a pass over one of them.
//!
//! [`Explorer`] answers questions of the page, each a short path: `document`, `unit/0`, `attention/0/3` … ([`question`] has the list).
//! `http.rs` carries them over the loopback interface for as long as `fovea view` or the editor runs, and [`Live`] follows edits; [`export`] writes the answers into one file that
//! needs no program. The page itself is built from `view/` into `assets/view/`, which a check keeps current.

mod answers;
mod diagram;
mod document;
pub mod edit;
mod encode;
mod error;
mod explorer;
mod export;
mod generation;
mod heads;
mod http;
mod items;
mod lens;
mod live;
mod page;
mod pair;
mod passes;
mod pca;
pub mod question;
mod runs;
mod similarity;
mod span;
mod steps;
mod structure;
mod svg;
mod through;
mod tokens;
mod weights;
mod whatif;
mod without;
mod work;
mod writer;

pub use answers::Answer;
pub use diagram::mermaid;
pub use encode::base64;
pub use error::ViewError;
pub use explorer::Explorer;
pub use export::{LIMIT, export};
pub use http::{Listening, listen};
pub use live::Live;
pub use structure::{Part, structure};
pub use svg::svg;
