//! One file per request. A handler parses its request, asks the analysis and converts the answer; it changes no state.

pub mod action;
pub mod ask;
pub mod classify;
pub mod color;
pub mod command;
pub mod compare;
pub mod cursor;
pub mod draws_on;
pub mod explain;
mod found;
pub mod generator;
pub mod highlight;
pub mod hover;
pub mod initialize;
pub mod inlay;
pub mod lens;
mod paragraphs;
pub mod passage;
pub mod predict;
pub mod relabel;
pub mod search;
pub mod show;
pub mod similar;
pub mod trust;
pub mod view;
mod write;
