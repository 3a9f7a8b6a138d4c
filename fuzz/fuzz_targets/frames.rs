//! The bytes that a client sends: frames, JSON, URIs within messages.

#![no_main]

use fovea::server::fuzzed::{Frames, Incoming, Spellings};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let spellings = Spellings::default();
    runtime.block_on(async {
        // Headers and bodies are cut anywhere, as by a pipe.
        let piece = data.first().map_or(1, |byte| 1 + usize::from(*byte % 64));
        let mut frames = Frames::new(tokio::io::BufReader::with_capacity(piece, data), 1 << 20);
        let mut answers = 0;
        while let Some(message) = frames.next().await.expect("memory can be read") {
            answers += 1;
            if let Incoming::Request(request) = message {
                let before = request.params().cloned().unwrap_or_default();
                let mut params = before.clone();
                spellings.read(request.method(), &mut params);
                let mut again = params.clone();
                spellings.read("x", &mut again);
                spellings.restore(&mut params);
                let _: (Value, Value) = (params, before);
                let _ = fovea::server::settings::section(&again);
            }
        }
        assert!(answers <= data.len(), "{answers} answers");
    });
});
