//! Answers → what people and programs read: terminal, JSON, Markdown, HTML, SARIF.

mod compared;
pub mod heat;
pub mod html;
pub mod json;
pub mod markdown;
pub mod sarif;
pub mod terminal;
