//! Names the models that explained a document.

use crate::analysis::DocumentReport;
use crate::model::Reader;

/// The name of the model that explained a document. If two models did, it names both, with the number of units of the second.
pub fn readers(report: &DocumentReport, chosen: &str) -> String {
    let units = report.units.iter().flatten();
    let all = units.clone().count();
    let multilingual = units.filter(|unit| unit.reader() == Reader::Multilingual).count();
    let name = Reader::Multilingual.name(chosen);
    match multilingual {
        0 => chosen.to_owned(),
        count if count == all => name.to_owned(),
        count => format!("{chosen} and {name} ({count} of {all} units)"),
    }
}
