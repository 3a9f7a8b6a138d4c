//! Names of documents as clients write them.

#![no_main]

use fovea::server::fuzzed::{decoded, file_name, file_path, of_path, parse, repaired, shown_file, view};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let once = repaired(text).into_owned();
    assert_eq!(repaired(&once), once, "of {text:?}");
    let uri = parse(text).expect("any name becomes a URI");
    let _ = (shown_file(&uri), view(&uri), file_name(&uri), decoded(text));
    if let Some(path) = file_path(&uri)
        && let Some(again) = of_path(&path)
    {
        assert_eq!(file_path(&again), Some(path), "of {text:?}");
    }
});
