//! Which definitions are items, language by language: what a grammar alone would lose.

use super::*;

/// The items of a text: `fn` for functions, `type` for types, `#` for headings, and their names. What stands inside another item is
/// indented.
fn items(text: &str, language: Language) -> Vec<String> {
    let snapshot = Snapshot::new(text, 1, language);
    let tree = parse(&snapshot, None);
    let budget = Budget {
        tokens: &|text, _| text.len() / 4 + 2,
        window: 256,
    };
    let mut open: Vec<usize> = Vec::new();
    let shown = |item: Item| {
        while open.pop_if(|end| *end <= item.range.start).is_some() {}
        let kind = match item.kind {
            ItemKind::Function => "fn",
            ItemKind::Type => "type",
            ItemKind::Heading => "#",
        };
        let line = format!("{}{kind} {}", "  ".repeat(open.len()), item.name);
        open.push(item.range.end);
        line
    };
    segment(&snapshot, tree.as_ref(), &budget)
        .items
        .into_iter()
        .map(shown)
        .collect()
}

#[track_caller]
fn check(language: Language, text: &str, expected: &[&str]) {
    assert_eq!(items(text, language), expected, "{text}");
}

#[test]
fn macro_lines_of_cpp_hide_no_definition() {
    let text = r#"
#include <string>
LIB_NAMESPACE_BEGIN
namespace detail
{
LIB_RETURNS_NON_NULL
LIB_DEPRECATED_FOR(3.8.0, parse(text))
static Shape *make(int sides) { return new Shape(sides); }

LIB_TEMPLATE_DECLARATION
class Parser
{
    Q_OBJECT
    LIB_PRIVATE_UNLESS_TESTED:
    LIB_NON_NULL(1)
    Parser(int depth) { start(depth); }
    LIB_NODISCARD std::vector<Token> tokens() const LIB_NOEXCEPT { return tokens_; }
  public:
    ~Parser() { stop(); }
};
}
LIB_NAMESPACE_END

class LIB_EXPORT Reader : public Base
{
    void read() {}
};
struct LIB_PACKED(1) Header {
    int length;
};
LIB_API class Writer {
    void write() {}
};
int LIB_CALL callback(int code) { return code; }
HRESULT open_it(int code) { return code; }
BOOL
close_it(void) { return 1; }
"#;
    check(
        Language::Cpp,
        text,
        &[
            "type detail",
            "  fn make",
            "  type Parser",
            "    fn Parser",
            "    fn tokens",
            "    fn ~Parser",
            "type Reader",
            "  fn read",
            "type Header",
            "type Writer",
            "  fn write",
            "fn callback",
            "fn open_it",
            "fn close_it",
        ],
    );
}

#[test]
fn sections_of_the_preprocessor_may_split_a_definition() {
    let text = r#"
#ifdef __cplusplus
extern "C" {
#endif
#if WITH_DMA && \
    WITH_IRQ
static int transfer(struct device *device, void *block)
#else
static int transfer(struct device *device, const void *block)
#endif
{
#if FAST
    if (device->fast) {
#else
    if (device) {
#endif
        go();
    }
    return 0;
}
#define FIELDS        \
    /* the data */    \
    void *data;       \
    /* reserved */    \
    int reserved[4];
#define EACH(list, at) \
    for (at = (list)->first; at; at = at->next)
struct request {
    FIELDS
};
API int push(struct ring *ring)
{
    return 1;
}
#ifdef __cplusplus
}
#endif
"#;
    check(
        Language::C,
        text,
        &["fn transfer", "fn EACH", "type request", "fn push"],
    );
}

#[test]
fn macros_in_c_signatures_leave_the_names() {
    let text = r#"
static int __init driver_start(void)
{
    return 0;
}
module_init(driver_start);
static void EXPORTED(release)(struct device *device)
{
    free(device);
}
int old_style(a, b)
    int a;
    char b;
{
    return a;
}
typedef struct {
    int left, right;
} Pair;
"#;
    check(
        Language::C,
        text,
        &["fn driver_start", "fn release", "fn old_style", "type Pair"],
    );
}

#[test]
fn headers_that_are_cpp_are_read_as_cpp() {
    let text = "#pragma once\nnamespace geometry {\ntemplate <typename T>\nclass Polygon {\n public:\n  T area() { return 0; }\n};\n}\n";
    check(Language::C, text, &["type geometry", "  type Polygon", "    fn area"]);
    check(
        Language::C,
        "int class_of(int class)\n{\n  return class;\n}\n",
        &["fn class_of"],
    );
}

#[test]
fn an_edit_may_make_a_header_cpp() {
    let budget = Budget {
        tokens: &|text, _| text.len() / 4 + 2,
        window: 256,
    };
    let mut reading: Option<Reading> = None;
    for text in [
        "int f(void) { return 1; }\n",
        "namespace a {\nint f(void) { return 1; }\n}\n",
        "API_BEGIN\nnamespace a {\nint f(void) { return 1; }\n}\n",
        "API_begin\nnamespace a {\nint f(void) { return 1; }\n}\n",
        "API_BEGIN\nnamespace\nint f(void) { return 1; }\n",
        "int f(void) { return 1; }\n",
    ] {
        let snapshot = Snapshot::new(text, 1, Language::C);
        let next = Reading::new(snapshot.clone(), reading.as_ref(), &budget);
        let afresh = segment(&snapshot, parse(&snapshot, None).as_ref(), &budget);
        assert_eq!(**next.segments(), afresh, "{text}");
        reading = Some(next);
    }
}

#[test]
fn items_inside_macro_calls_of_rust_are_found() {
    let text = r#"
cfg_if::cfg_if! {
    if #[cfg(unix)] {
        fn open(path: &Path) -> File { File::open(path) }
    } else if #[cfg(windows)] {
        fn open(path: &Path) -> File { File::create(path) }
    } else {
        mod other { pub fn nothing() {} }
    }
}

proptest! {
    #[test]
    fn sums_agree(values in vec(0u32..99, 0..9), (a, b) in pairs()) {
        check(values);
    }
}

pin_project! {
    /// Waits.
    pub struct Waiting<F> {
        #[pin]
        future: F,
    }
}

bitflags! {
    pub struct Flags: u32 {
        const A = 1;
    }
}

impl Waiting<()> {
    cfg_rt! {
        pub fn wait(&self) {}
    }
    delegate!(pub fn later(&self) {});
}

fn body() {
    let tokens = quote! { fn generated() {} };
    select! { fn x() {} }
}

vec![1, 2];
macro_rules! mac { () => { fn hidden() {} }; }
fn after() {}
"#;
    check(
        Language::Rust,
        text,
        &[
            "fn open",
            "fn open",
            "type other",
            "  fn nothing",
            "fn sums_agree",
            "type Waiting",
            "type Flags",
            "type Waiting<()>",
            "  fn wait",
            "  fn later",
            "fn body",
            "fn mac",
            "fn after",
        ],
    );
}

#[test]
fn here_documents_that_are_none_cost_no_item() {
    let text = "def check(io)\n  # must respond to #<<\"\n  raise 'no #<<' unless io\n  warn \"respond to #<<\"\nend\n"
        .to_owned()
        + &"def other\n  write \"text\"\nend\n".repeat(12);
    assert_eq!(items(&text, Language::Ruby).len(), 13);
}

#[test]
fn scanners_survive_end_words_that_add_up() {
    let names: Vec<_> = ('A'..='E')
        .map(|c| String::from(c).repeat(199))
        .chain(["FFFF".to_owned()])
        .collect();
    let opened: Vec<_> = names.iter().map(|name| format!("<<{name}")).collect();
    let bodies: String = names.iter().map(|name| format!("t\n{name}\n")).collect();
    items(&format!("x({})\n{bodies}", opened.join(", ")), Language::Ruby);
}
