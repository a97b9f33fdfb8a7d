"""Small crates, one without a fault and the others with one each: `(files, order, findings)`."""

GOOD = {
    "lib.rs": "mod upper; mod lower; mod leaf;\npub use self::lower::Lower;",
    "main.rs": "fn main() { planted::upper::run(); }",
    # A module and its submodules may import each other.
    "upper.rs": """
        mod part;
        use crate::lower;
        pub struct Upper(part::Part);
        pub fn run() { lower::make(); }
    """,
    "upper/part.rs": "use super::Upper;\npub struct Part;\nimpl From<Upper> for Part {}",
    # Comments, strings and tests do not count as imports.
    "lower.rs": """
        // crate::upper::run
        use crate::leaf::{self, Leaf as Foliage};
        pub struct Lower;
        pub fn make() -> Foliage { leaf::grow("crate::upper::run", '"') }
        #[cfg(test)]
        mod tests {
            use crate::upper::Upper;
        }
    """,
    "leaf.rs": """
        pub struct Leaf;
        pub fn grow() {}
        #[cfg(any(test, fuzzing))]
        use crate::{upper::Upper};
    """,
}
ORDER = {
    "wings": ["upper", "lower", "leaf"],
    "only": [{"of": "leaf", "by": ["lower"]}],
    "never": [{"from": "lower", "files": ["upper"], "crates": ["webrtc"]}],
}

TREES = {
    "good": (GOOD, ORDER, []),
    "two siblings": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::b::B;\npub struct A;",
            "b.rs": "use crate::a::A;\npub struct B;",
        },
        {},
        ["a circle: a.rs -> b.rs -> a.rs"],
    ),
    "a path inside a function": (
        {
            "lib.rs": "mod a; mod b;",
            "a.rs": "pub fn f() { crate::b::g() }",
            "b.rs": "pub fn g() { let _ = crate::a::f; }",
        },
        {},
        ["a circle: a.rs -> b.rs -> a.rs"],
    ),
    "super, by a name that the parent hands on": (
        {
            "lib.rs": "mod p;",
            "p.rs": "mod a; mod b;\npub use self::{a::A, b::*};",
            "p/a.rs": "use super::B;\npub struct A;",
            "p/b.rs": "pub struct B;\nimpl B { fn a() -> super::A {} }",
        },
        {},
        ["a circle: p/a.rs -> p/b.rs -> p/a.rs"],
    ),
    "through a submodule": (
        {
            "lib.rs": "mod p; mod x;",
            "p.rs": "mod c;\npub struct P;\nuse self::c::C;",
            "p/c.rs": "use crate::x;\npub struct C;\nfn f() { x::g() }",
            "x.rs": "use crate::p::P;\npub fn g() {}",
        },
        {},
        ["a circle: p.rs -> p/c.rs -> x.rs -> p.rs"],
    ),
    "through a file with another name": (
        {
            "lib.rs": '#[path = "a_1.rs"]\nmod a;\nmod b;',
            "a_1.rs": "pub struct A(crate::b::B);",
            "b.rs": "pub struct B(Box<crate::a::A>);",
        },
        {},
        ["a circle: a_1.rs -> b.rs -> a_1.rs"],
    ),
    "upward": (
        GOOD
        | {
            "leaf.rs": "use crate::lower::Lower;",
            "lower.rs": "pub struct Lower;\npub fn make() {}",
        },
        {"wings": ORDER["wings"]},
        ["not down: leaf.rs -> lower.rs"],
    ),
    "within a level": (
        GOOD,
        {"wings": ["upper", "lower leaf"]},
        ["not down: lower.rs -> leaf.rs"],
    ),
    "a submodule as a wing of its own": (
        GOOD,
        {"wings": ["upper", "upper/part lower", "leaf"]},
        ["not down: upper/part.rs -> upper.rs"],
    ),
    "in no wing": (GOOD, {"wings": ["upper", "lower"]}, ["leaf.rs is in no wing of the order"]),
    "not for everybody": (
        GOOD,
        {"only": [{"of": "lower", "by": ["leaf"]}]},
        ["only leaf may: upper.rs -> lower.rs"],
    ),
    "forbidden, two files away": (
        GOOD,
        {"never": [{"from": "upper", "files": ["leaf"]}]},
        ["upper must not: upper.rs -> lower.rs -> leaf.rs"],
    ),
    "a forbidden crate": (
        GOOD | {"leaf.rs": "pub struct Leaf(webrtc::Track);\npub fn grow() {}"},
        ORDER,
        ["lower must not: lower.rs -> leaf.rs -> webrtc (line 1)"],
    ),
}
