//! Questions to long texts: every word is in a part that fits the window.

use fovea::model::answers::asked;
use fovea::model::{Model, Source};

#[test]
fn the_parts_of_a_long_text_overlap_fit_the_window_and_end_where_it_ends() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-answers");
    let model = Model::interpreted(&Source::Folder(folder)).unwrap();
    let window = model.info().window;
    let words = ["ab", "cabbage", "a", "deadbeef", "fa", "begged"];
    for count in [1, 40, 300, 301] {
        let text: Vec<&str> = words.iter().copied().cycle().take(count).collect();
        let text = text.join(" ");
        let parts = asked(&model, "where?", &text).unwrap();
        let mut read = 0;
        for part in &parts {
            assert!(part.tokens.len() <= window);
            let spans = &part.tokens.spans[part.passage.clone()];
            let (start, end) = (spans[0].start, spans[spans.len() - 1].end);
            assert!(
                text[read..start.max(read)].trim().is_empty(),
                "no part contains {read} to {start}"
            );
            assert!(end > read, "a part contains no new text");
            read = end;
        }
        assert_eq!(read, text.len(), "no part contains the end");
    }
}
