//! Reports for a terminal: heat as background colors, in true color, 256 colors or none.

mod compare;
mod coverage;
mod evaluate;
mod explain;
mod found;
mod paint;
mod trust;

pub use compare::compare;
pub use coverage::coverage;
pub use evaluate::evaluation;
pub use explain::{SimilarPair, explain};
pub use found::{found, groups, similar};
pub use paint::{Background, Page, Palette, printable, steers};
pub use trust::trust;
