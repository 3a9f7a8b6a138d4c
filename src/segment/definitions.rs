//! Tests of definitions that must become items, for each language, beyond what the grammar shows.

use super::*;

/// The items of a text.
fn found(text: &str, language: Language) -> Vec<Item> {
    let snapshot = Snapshot::new(text, 1, language);
    let budget = Budget {
        tokens: &|text, _| text.len() / 4 + 2,
        window: 256,
    };
    segment(&snapshot, &parse(&snapshot), &budget).items
}

/// The items of a text as `fn`, `type` or `#` with their names. Inner items are indented.
fn items(text: &str, language: Language) -> Vec<String> {
    let mut open: Vec<usize> = Vec::new();
    let shown = |item: Item| {
        while open.pop_if(|end| *end <= item.range.start).is_some() {}
        let kind = match item.kind {
            ItemKind::Function => "fn",
            ItemKind::Type => "type",
            ItemKind::Heading | ItemKind::File => "#",
        };
        let line = format!("{}{kind} {}", "  ".repeat(open.len()), item.name);
        open.push(item.range.end);
        line
    };
    found(text, language).into_iter().map(shown).collect()
}

#[track_caller]
fn check(language: Language, text: &str, expected: &[&str]) {
    assert_eq!(items(text, language), expected, "{text}");
}

#[test]
fn macro_lines_in_cpp_do_not_hide_definitions() {
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
fn preprocessor_conditionals_may_split_a_definition() {
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
fn macros_in_c_signatures_keep_the_names() {
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
fn cpp_headers_are_parsed_as_cpp() {
    let text = "#pragma once\nnamespace geometry {\ntemplate <typename T>\nclass Polygon {\n public:\n  T area() { return 0; }\n};\n}\n";
    check(Language::C, text, &["type geometry", "  type Polygon", "    fn area"]);
    check(
        Language::C,
        "int class_of(int class)\n{\n  return class;\n}\n",
        &["fn class_of"],
    );
}

#[test]
fn an_edit_can_turn_a_header_into_cpp() {
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
        let afresh = segment(&snapshot, &parse(&snapshot), &budget);
        assert_eq!(**next.segments(), afresh, "{text}");
        reading = Some(next);
    }
}

#[test]
fn items_inside_rust_macro_calls_are_found() {
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
mark_all!(
    impl Marker for simd::{ A, B }
);
macro_rules! mac { () => { fn hidden() {} }; }
macro_rules! define {
    (
        pub struct $name:ident;
    ) => {
        pub struct $name;
        fn hidden() {}
    };
}
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
            "fn define",
            "fn after",
        ],
    );
}

#[test]
fn false_here_documents_hide_no_item() {
    let text = "def check(io)\n  # must respond to #<<\"\n  raise 'no #<<' unless io\n  warn \"respond to #<<\"\nend\n"
        .to_owned()
        + &"def other\n  write \"text\"\nend\n".repeat(12);
    assert_eq!(items(&text, Language::Ruby).len(), 13);
}

#[test]
fn blocks_of_test_macros_are_items() {
    let text = r#"
TEST_CASE("numbers")
{
    Parser parser;
    SECTION("that are whole")
    {
        CHECK(parser.read("1") == 1);
    }
    SECTION("that are none") { CHECK_THROWS(parser.read("x")); }
}

TEST(Parser, ReadsNumbers)
{
    EXPECT_EQ(1, read("1"));
}

DEFINE_ATTRIBUTE(state, 1)
{
    return 0;
}

int after() { return 1; }
"#;
    check(
        Language::Cpp,
        text,
        &[
            "type TEST_CASE numbers",
            "  fn SECTION that are whole",
            "  fn SECTION that are none",
            "fn TEST(Parser, ReadsNumbers)",
            "fn DEFINE_ATTRIBUTE(state, 1)",
            "fn after",
        ],
    );
}

#[test]
fn functions_inside_calls_are_items() {
    let text = r#"
const app = require('express')();
const port = options.map(x => x.port);

// Answers one order.
app.get('/orders/:id', auth, wrap(async (request, response) => {
  response.json(await find(request.params.id));
}));

app.use((request, response, next) => {
  log(request);
  next();
});

server.route('/files')
  .get(function (request, response) {
    response.end();
  });

export const Tag = memo(function Tag({ amount }) {
  const click = () => amount();
  const text = () => amount;
  return text;
});

export const Field = forwardRef((props, ref) => {
  return props;
});

export const Schema = core.$constructor("Schema", (inst, def) => {
  inst.parse = (text) => def.parse(text);
});

const User = z.object({
  name: z.string(),
  age: z.number(),
});

describe('parser', () => {
  beforeEach(() => reset());
  describe('numbers', function () {
    it('are read', () => { expect(read('1')).toBe(1); });
    it.each([1, 2])('reads %i', (n) => { expect(() => read(n)).not.toThrow('x'); });
  });
  expect(() => read('x')).toThrow('bad');
});

exports.first = exports.second = function second() {};
module.exports.close = function close() {};
Foo.prototype.bar = function () {};
const cleanup = debounce(() => {
  clear();
}, 300);
if (debug) {
  exports.dump = function () {};
}
"#;
    let expected = [
        "fn app.get /orders/:id",
        "fn app.use",
        "fn server.route.get /files",
        "fn Tag",
        "fn Field",
        "fn Schema",
        "type User",
        "type describe parser",
        "  type describe numbers",
        "    fn it are read",
        "    fn it.each reads %i",
        "fn exports.first",
        "fn module.exports.close",
        "fn Foo.prototype.bar",
        "fn cleanup",
        "fn exports.dump",
    ];
    for language in [Language::JavaScript, Language::TypeScript, Language::Tsx] {
        check(language, text, &expected);
    }
}

#[test]
fn functions_that_act_as_modules_are_searched() {
    let text = r#"
(function (root, factory) {
  if (typeof define === 'function' && define.amd) {
    define(['dom'], factory);
  } else {
    factory(root.dom);
  }
}(this, function ($) {
  function readCookie(name) {
    return $.cookie(name);
  }
  $.fn.banner = function (options) {
    return this.each(function () { show(options); });
  };
  return { read: readCookie, write: function (name) {} };
}));

define(['dom', 'store'], function (dom, store) {
  var cache = {};
  function render(list) { dom.empty(list); }
  return { render: render };
});

!function () { function hidden() {} }();
var counter = (function () {
  var count = 0;
  function increment() { count += 1; return count; }
  return { increment: increment };
})();
(() => { class Inside { run() {} } })();
export default defineComponent({
  name: 'cart',
  data() { return { lines: [] }; },
  methods: {
    add(product) { this.lines.push(product); },
  },
});
"#;
    let expected = [
        "fn readCookie",
        "fn $.fn.banner",
        "fn write",
        "fn render",
        "fn hidden",
        "type counter",
        "  fn increment",
        "type Inside",
        "  fn run",
        "type default",
        "  fn data",
        "  fn add",
    ];
    check(Language::JavaScript, text, &expected);
    check(Language::TypeScript, text, &expected);
}

#[test]
fn typescript_declarations_are_items() {
    let text = r#"
interface Shape { area(): number; }
type Point = { x: number; y: number };
enum Side { Left, Right }
declare module 'shapes' { export function make(): Shape; }
namespace Geometry { export function distance(a: Point) { return a.x; } }
declare global { interface Window { app: string } }
export const useCart = create<Cart>()((set) => ({
  lines: [],
}));
"#;
    check(
        Language::TypeScript,
        text,
        &[
            "type Shape",
            "type Point",
            "type Side",
            "type shapes",
            "type Geometry",
            "  fn distance",
            "type Window",
            "fn useCart",
        ],
    );
}

#[test]
fn ruby_blocks_and_modifiers_do_not_hide_methods() {
    let text = r#"
module Billing
  extend ActiveSupport::Concern

  private def tax_for(country)
    rates.fetch(country)
  end

  private_class_method def self.next_number
    1
  end

  memoize def days; 1; end

  class << self
    def import(rows)
      rows
    end
  end

  included do
    def remind
      deliver
    end
  end

  Receipt = Struct.new(:number) do
    def lines
      [number]
    end
  end

  if old?
    def legacy
      1
    end
  end

  double = lambda { |x| x * 2 }
  triple = ->(x) { x * 3 }
end

describe Parser do
  let(:text) { "1" }
  it "reads numbers" do
    expect { read(text) }.to raise_error("none")
  end
end

task :build => :clean do
  run
end
"#;
    check(
        Language::Ruby,
        text,
        &[
            "type Billing",
            "  fn tax_for",
            "  fn next_number",
            "  fn days",
            "  fn import",
            "  fn remind",
            "  type Receipt",
            "    fn lines",
            "  fn legacy",
            "  fn double",
            "  fn triple",
            "type describe Parser",
            "  fn let text",
            "  fn it reads numbers",
            "fn task build",
        ],
    );
}

#[test]
fn definitions_in_statements_are_items() {
    let text = r#"
for backend in BACKENDS:
    def connect(address):
        return backend

match platform:
    case "linux":
        def notify(text):
            return run(text)
    case _:
        def notify(text):
            return print(text)

while True:
    def wait(queue):
        return queue.get()

with lock:
    def read(name):
        return settings[name]

greet = lambda person: person.name

class Registry:
    if sys.version_info >= (3, 12):
        def find(self, name):
            return name
    for kind in KINDS:
        def register(self, kind):
            return kind
    key = lambda self: self.name
"#;
    check(
        Language::Python,
        text,
        &[
            "fn connect",
            "fn notify",
            "fn notify",
            "fn wait",
            "fn read",
            "fn greet",
            "type Registry",
            "  fn find",
            "  fn register",
            "  fn key",
        ],
    );
}

#[test]
fn passed_and_returned_functions_are_items_in_every_language() {
    check(
        Language::Lua,
        "local M = {}\ndescribe('parser', function()\n  it('reads', function() go() end)\nend)\nreturn { config = function() return M end }\n",
        &["type describe parser", "  fn it reads", "fn config"],
    );
    check(
        Language::Php,
        r#"<?php
Route::get('/orders', function ($request) { return 1; });
add_action('init', function () { start(); });
if (!function_exists('helper')) {
    function helper() { return 1; }
}
return new class extends Migration {
    public function up() { create(); }
};
"#,
        &["fn Route::get /orders", "fn add_action init", "fn helper", "fn up"],
    );
    check(
        Language::Go,
        r#"package a
var run = func() { go() }
var (
	stop = func() { halt() }
	count = 3
)
var _ = Describe("parser", func() {
	It("reads", func() { read() })
})
"#,
        &["fn run", "fn stop", "type Describe parser", "  fn It reads"],
    );
    check(
        Language::Go,
        "package a\nvar serve = &cobra.Command{\n\tUse: \"serve\",\n\tRunE: func(c *cobra.Command) error {\n\t\treturn nil\n\t},\n}\nvar limits = Limits{Low: 1}\n",
        &["type serve", "  fn RunE"],
    );
    check(
        Language::CSharp,
        "app.MapGet(\"/orders\", (int id) => {\n    return id;\n});\nclass A {\n    Func<int, int> twice = x => x * 2;\n    int count = 1;\n}\n",
        &["fn app.MapGet /orders", "type A", "  fn twice"],
    );
    check(
        Language::Java,
        r#"class Adapters {
    static final Adapter<Number> BYTE = new Adapter<Number>() {
        @Override public Number read(Reader in) { return in.next(); }
    };
    enum Order { FIRST { int rank() { return 1; } } }
}
"#,
        &[
            "type Adapters",
            "  type BYTE",
            "    fn read",
            "  type Order",
            "    fn rank",
        ],
    );
    check(
        Language::Bash,
        "for shell in bash zsh; do\n  setup() {\n    echo\n  }\ndone\ncase $1 in\n  a)\n    run() {\n      echo\n    }\n    ;;\nesac\n",
        &["fn setup", "fn run"],
    );
    check(
        Language::Rust,
        "static LEVEL: fn(&str) -> u8 = |text| text.len() as u8;\nconst LIMIT: u8 = 3;\nfn after() {}\n",
        &["fn LEVEL", "fn after"],
    );
}

#[test]
fn an_open_bracket_does_not_hide_later_definitions() {
    check(
        Language::Python,
        r#"
def before(rows):
    return [
        row for row in rows  # (
    ]

def broken(rows:
    for row in rows:
        print(row

def after(rows):
    return "(" + rows

class Later:
    def method(self):
        x = call(
    def other(self):
        return 1
"#,
        &["fn before", "fn after", "type Later", "  fn method", "  fn other"],
    );
    check(
        Language::Rust,
        r#"
fn before() { 1 }

fn broken() {
    if x {
        call(

fn after() -> u32 {
    1
}

struct Later { x: u32 }

impl Later {
    fn method(&self) {
        if x {
    }

    fn other(&self) {}
}
"#,
        &[
            "fn before",
            "fn broken",
            "fn after",
            "type Later",
            "type Later",
            "  fn method",
            "  fn other",
        ],
    );
    check(
        Language::JavaScript,
        "function broken() {\n  if (x) {\n    call()\n\nfunction after() {\n  return 1\n}\n\nclass Later { method() {} }\n",
        &["fn broken", "fn after", "type Later", "  fn method"],
    );
    check(
        Language::JavaScript,
        "function broken() {\n  if (x) {\n    call(\n\nfunction after() {\n  return 1\n}\n\nclass Later { method() {} }\n",
        &["fn broken", "fn after", "type Later", "  fn method"],
    );
    check(
        Language::Go,
        "package a\n\nfunc broken() {\n\tif x {\n\t\tcall(\n}\n\nfunc after() {\n\treturn\n}\n\ntype Later struct { a int }\n",
        &["fn broken", "fn after", "type Later"],
    );
    check(
        Language::C,
        "int broken(void) {\n    if (x) {\n        call(\n}\n\nint after(void) {\n    return 1;\n}\n\nstruct later { int a; };\n",
        &["fn broken", "fn after", "type later"],
    );
    check(
        Language::Java,
        "class A {\n    int broken() {\n        if (x) {\n            call(\n    }\n\n    int after() {\n        return 1;\n\n    int last() {\n        return 2;\n    }\n}\n",
        &["type A", "  fn broken", "  fn after", "  fn last"],
    );
    check(
        Language::TypeScript,
        "export function broken(x: number) {\n  return call(x, \n}\n\nexport class Later {\n  method() {\n    if (a) {\n  }\n\n  other() {}\n}\n",
        &["fn broken", "type Later", "  fn method", "  fn other"],
    );
    check(
        Language::CSharp,
        "class A\n{\n    int Broken()\n    {\n        if (x) {\n        Call();\n    }\n\n    int After()\n    {\n        return 1;\n    }\n}\n",
        &["type A", "  fn Broken", "  fn After"],
    );
    check(
        Language::Go,
        "package a\n\nfunc broken() {\n\tif x {\n\t\tcall()\n}\n\nfunc after() {\n\treturn\n}\n",
        &["fn broken", "fn after"],
    );
    check(
        Language::Ruby,
        "class A\n  def broken\n    x = [1,\n    call(y, \n  end\n\n  def after\n    1\n  end\nend\n",
        &["fn broken", "fn after"],
    );
    check(
        Language::Ruby,
        "class A\n  def broken\n    if x\n  end\n\n  def after\n    1\n  end\nend\n",
        &["fn broken", "fn after"],
    );
}

#[test]
fn an_open_brace_before_multibyte_characters_splits_none_of_them() {
    let text = "fn a() {\n    Ok(Self {\n        b,\n    }éé\n\nimpl C {\n    fn d(&self) {}\n}\n";
    assert!(
        items(text, Language::Rust).contains(&"fn a".to_owned()),
        "{:?}",
        items(text, Language::Rust)
    );
    let syntax = parse(&Snapshot::new(text, 1, Language::Rust)).unwrap();
    assert!(syntax.outline().fits(text));
}

/// A file of `tests/reported` with its path.
macro_rules! reported {
    ($path:literal) => {
        ($path, include_str!(concat!("../../tests/reported/", $path)))
    };
}

#[test]
fn reported_inputs_keep_all_definitions() {
    let cases: [((&str, &str), &[&str]); 10] = [
        (
            reported!("05-calls/express.js"),
            &[
                "fn app.get /orders/:id",
                "fn app.post /orders",
                "fn module.exports.close",
                "fn exports.version",
            ],
        ),
        (
            reported!("05-calls/react.tsx"),
            &["fn PriceTag", "fn SearchField", "fn fetchOrders", "fn Plain"],
        ),
        (reported!("05-calls/umd.js"), &["fn render", "fn remove"]),
        (
            reported!("05-calls/vue.ts"),
            &["type default", "  fn data", "  fn addLine", "  fn total"],
        ),
        (
            reported!("05-calls/wrapped.js"),
            &["fn readCookie", "fn writeCookie", "fn $.fn.consentBanner"],
        ),
        (
            reported!("06-modifiers/billing.rb"),
            &[
                "type Billing",
                "  type Invoice",
                "    fn total_with_tax",
                "    fn tax_rate_for",
                "    fn next_number",
                "    fn overdue_days",
                "    fn import_rows",
                "  type Remindable",
                "    fn remind_customer",
                "    fn overdue_before",
                "  type Receipt",
                "    fn printable_lines",
            ],
        ),
        (
            reported!("15-definitions/cfg.rs"),
            &[
                "fn open_terminal",
                "fn open_terminal",
                "fn sums_do_not_depend_on_order",
                "fn PARSE_LEVEL",
                "fn outer_search",
            ],
        ),
        (
            reported!("15-definitions/extern.h"),
            &[
                "fn FOR_EACH_SLOT",
                "type ring",
                "fn ring_count_free",
                "fn ring_push_slot",
            ],
        ),
        (
            reported!("15-definitions/macros.c"),
            &[
                "fn sample_driver_start",
                "fn transfer_block",
                "fn sample_state",
                "fn handle_interrupt",
                "fn release_buffers",
            ],
        ),
        (
            reported!("15-definitions/nested.py"),
            &[
                "fn connect_backend",
                "fn notify_person",
                "fn notify_person",
                "fn wait_for_event",
                "fn read_setting",
                "fn make_greeting",
                "type Registry",
                "  fn find_plugin",
                "  fn register_kind",
                "fn outer_with_inner",
                "fn after_the_error",
            ],
        ),
    ];
    for ((path, text), expected) in cases {
        assert_eq!(items(text, Language::from_path(path.as_ref())), expected, "{path}");
    }
}

#[test]
fn only_function_bodies_hide_definitions() {
    check(
        Language::Rust,
        "const _: () = {\n    impl Shape for Disc {\n        fn area(&self) -> f32 { 3.0 }\n    }\n};\nstatic TABLE: LazyLock<Table> = LazyLock::new(|| {\n    Table::read(PATH)\n});\n",
        &["type Shape for Disc", "  fn area", "fn TABLE"],
    );
    check(
        Language::JavaScript,
        "const plugins = [class Minify { run(x) { return x } }, { name: 'a', load(id) { return id } }];\nconst tag = `${wrap(function named() { return 1 })}`;\nif (a) b = class Later { go() {} };\n",
        &["type Minify", "  fn run", "fn load", "fn named", "type b", "  fn go"],
    );
    check(
        Language::JavaScript,
        "export const Tag = memo(({ text }) => <b>{text}</b>);\nconst names = rows.map((row) => row.name);\nsetTimeout(() => tick(), 100);\n",
        &["fn Tag"],
    );
    check(
        Language::Python,
        "try:\n    import fast\nexcept ImportError:\n    pass\nelse:\n    async def run(x):\n        return x\nfor a in b:\n    pass\nelse:\n    class Late:\n        def go(self):\n            return 1\n",
        &["fn run", "type Late", "  fn go"],
    );
    check(
        Language::Ruby,
        "module Auditable\n  included do\n    has_many :audits, dependent: :destroy, inverse_of: :owner, class_name: 'Audit::Entry'\n    validates :name, presence: true, uniqueness: { scope: :owner, case_sensitive: false }\n    after_save :audit_change\n\n    def audit_change\n      audits.create\n    end\n  end\nend\n",
        &["type Auditable", "  fn audit_change"],
    );
    check(
        Language::Java,
        "class Orders {\n    static final Comparator<Order> BY_DATE = Comparator.comparing(order -> {\n        return order.date();\n    });\n    static final List<Rule> RULES = List.of(new Rule() {\n        public boolean holds(Order order) { return order.paid(); }\n    });\n}\n",
        &["type Orders", "  fn BY_DATE", "  type RULES", "    fn holds"],
    );
    check(
        Language::Cpp,
        "static const auto registered = add(\"parser\", [](const Text& text) {\n    return parse(text);\n});\nstatic auto twice = [](int x) { return 2 * x; };\n",
        &["fn registered", "fn twice"],
    );
    check(
        Language::Php,
        "<?php\nswitch (PHP_OS) {\n    case 'Linux':\n        function start() { return 1; }\n        break;\n}\n$handlers = ['get' => new class { public function run() { return 2; } }];\n",
        &["fn start", "fn run"],
    );
    check(
        Language::Lua,
        "local M = setmetatable({ get = function(self) return 1 end }, { __index = function(t, k) return k end })\nfor _, name in ipairs(names) do\n  M[name] = function() return name end\nend\n",
        &["type M", "  fn get", "  fn __index", "fn M[name]"],
    );
}

#[test]
fn what_is_typed_at_the_top_of_a_file_hides_no_later_definition() {
    for (language, text, expected) in [
        (
            Language::Python,
            "def before():\n    pass\n\ndef broken():\n    x = f\"{a\n\ndef after():\n    return 1\n",
            &["fn before", "fn broken", "fn after"][..],
        ),
        (
            Language::Rust,
            "fn broken() {\n    let x = vec![\n}\n\nfn after() {}\n",
            &["fn broken", "fn after"],
        ),
        (
            Language::Rust,
            "impl A {\n    fn broken(&self) ->\n\n    fn after(&self) -> u8 {\n        1\n    }\n}\n",
            &["type A", "  fn after"],
        ),
        (
            Language::Go,
            "package a\n\nfunc (s *S) Broken() {\n\tgo1()\n\nfunc (s *S) After() {\n\tgo2()\n}\n",
            &["fn Broken", "fn After"],
        ),
        (
            Language::C,
            "int broken(int x) {\n    call(\n\nint after(int y) {\n    return y;\n}\n",
            &["fn broken", "fn after"],
        ),
        (
            Language::CSharp,
            "class A\n{\n    void Broken()\n    {\n        x.Select(y => {\n    }\n\n    [Fact]\n    public void After()\n    {\n    }\n}\n",
            &["type A", "  fn Broken", "  fn After"],
        ),
        (
            Language::Java,
            "class A {\n    String s = \"abc;\n    void broken() {\n        go();\n    }\n\n    void after() {\n    }\n}\n",
            &["type A", "  fn broken", "  fn after"],
        ),
        (
            Language::TypeScript,
            "class A {\n  broken() {\n    const x = rows.map((r) =>\n  }\n  after() {\n    return 1;\n  }\n}\n",
            &["type A", "  fn broken", "  fn after"],
        ),
    ] {
        let found = items(text, language);
        let missing: Vec<_> = expected
            .iter()
            .filter(|item| !found.contains(&(**item).to_owned()))
            .collect();
        assert!(missing.is_empty(), "{language:?}: {found:?} lacks {missing:?}");
    }
}

#[test]
fn the_function_that_a_file_returns_is_searched() {
    check(
        Language::Lua,
        "return function(opts)\n  local function render(list)\n    return list\n  end\n  return { render = render }\nend\n",
        &["fn render"],
    );
    let php = "<?php\nreturn function (App $app) {\n    function helper() {\n        return 1;\n    }\n};\n";
    check(Language::Php, php, &["fn helper"]);
}

#[test]
fn functions_of_older_javascript_are_items() {
    let text = r#"
Foo.bar = Foo.bar || function (rows) {
    return rows.length;
};
Foo.limit ??= (value) => {
    return Math.min(value, 10);
};
var Shared = Shared || {
    open: function () {
        return 1;
    },
};
var total = first || second;
angular.module("orders").controller("ListController", ["$http", "$scope", function ($http, $scope) {
    $http.get("/orders").then(function (answer) {
        $scope.orders = answer.data;
    });
}]);
"#;
    check(
        Language::JavaScript,
        text,
        &[
            "fn Foo.bar",
            "fn Foo.limit",
            "type Shared",
            "  fn open",
            "type angular.module.controller ListController",
            "  fn $http.get.then /orders",
        ],
    );
}

#[test]
fn closures_in_an_array_of_php_and_indexers_of_c_sharp_are_items() {
    let text = r#"<?php
return [
    'logger' => function (ContainerInterface $container) {
        return new Logger($container->get('name'));
    },
    'name' => 'app',
];
"#;
    check(Language::Php, text, &["fn logger"]);
    let text = "class Rows\n{\n    public Row this[int at]\n    {\n        get { return rows[at]; }\n    }\n}\n";
    check(Language::CSharp, text, &["type Rows", "  fn this[int at]"]);
}

#[test]
fn ruby_patterns_and_percent_literals_hide_no_item() {
    let text = r##"
class Logger
  def call(name)
    text = name.gsub(/["\r\n]/, TABLE)
    text + %W[a(b #{text}] + %[c(] + ?".to_s
  end

  def header(values)
    values << "#{path}=1"
    values =~ %r(\A/{0,2}(?:#{hosts}))
  end
end
"##;
    check(Language::Ruby, text, &["type Logger", "  fn call", "  fn header"]);
}

#[test]
fn conditionals_inside_an_expression_of_c_sharp_hide_no_item() {
    let text = r#"
namespace Text
{
    static class Converter
    {
        static Result Change(string value)
        {
            Func<Result> convert = () =>
#if !SKIP_FSHARP
                IsOption(value) ? Unwrap(value) :
#elif OTHER
                IsOther(value) ? Other(value) :
#endif
                Plain(value);
            return convert();
        }

        static Result ToEnum(string value)
        {
            return Parse(value);
        }
    }
}
"#;
    check(
        Language::CSharp,
        text,
        &["type Text", "  type Converter", "    fn Change", "    fn ToEnum"],
    );
}

#[test]
fn further_names_of_c_types_are_items() {
    check(
        Language::C,
        "typedef struct loop_s loop_t;\ntypedef void (*close_cb)(loop_t* loop);\ntypedef struct { int size; } stat_t;\nstruct loop_s {\n  int active;\n};\n",
        &["type loop_t", "type close_cb", "type stat_t", "type loop_s"],
    );
}

#[test]
fn overloads_of_typescript_belong_to_their_function() {
    let text = "/** Creates a store. */\nexport function create(a: A): Store\n\n/** With an enhancer. */\nexport function create(a: A, b: B): Store\nexport function create(a: A, b?: B): Store {\n  return store(a, b);\n}\n\nclass Box {\n  get(at: number): string;\n  get(name: string): string;\n  get(key: any) { return this.all[key]; }\n}\n\ndeclare function other(): void;\nfunction last() { return 1; }\n";
    check(
        Language::TypeScript,
        text,
        &["fn create", "type Box", "  fn get", "fn last"],
    );
    let items = found(text, Language::TypeScript);
    let begins = |name: &str| {
        let item = items.iter().find(|item| item.name == name).unwrap();
        &text[item.range.clone()][..12]
    };
    assert_eq!(begins("create"), "/** Creates ");
    assert_eq!(begins("get"), "get(at: numb");
    assert_eq!(begins("last"), "function las");
}

#[test]
fn functions_that_make_and_return_others_contain_items() {
    check(
        Language::TypeScript,
        "export default function createStore(reducer) {\n  let state;\n  function dispatch(action) {\n    state = reducer(state, action);\n  }\n  const subscribe = (listener) => {\n    listeners.add(listener);\n  };\n  return { dispatch, subscribe };\n}\nfunction once(f) {\n  function wrapper() { return f(); }\n  return wrapper;\n}\nfunction send(file) {\n  function aborted() { done(1); }\n  function ended() { done(0); }\n  file.on('end', ended);\n}\n",
        &[
            "fn createStore",
            "  fn dispatch",
            "  fn subscribe",
            "fn once",
            "fn send",
        ],
    );
}
