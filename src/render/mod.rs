//! Answers → what people and programs read: terminal, JSON, Markdown, HTML.

mod compared;
pub mod heat;
pub mod html;
pub mod json;
pub mod markdown;
pub mod terminal;
