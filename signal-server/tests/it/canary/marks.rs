//! Secrets that can be recognised in whatever form they are written.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// The marks that must not be seen, each with what it is.
#[derive(Default)]
pub(crate) struct Marks(Vec<Mark>);

struct Mark {
    name: String,
    /// Each way to write it, and what it is then.
    forms: Vec<(&'static str, String)>,
}

impl Marks {
    /// Takes a secret, which has to be long or odd enough to be nothing else.
    pub(crate) fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 6, "{secret:?} may be there by chance");
        self.0.push(Mark { name: name.to_owned(), forms: forms(secret) });
    }

    /// Takes a token: whole, and the signature alone, which is what nobody can make.
    pub(crate) fn add_token(&mut self, name: &str, token: &str) {
        self.add(name, token);
        if let Some((_, signature)) = token.rsplit_once('.') {
            self.add(name, signature);
        }
    }

    /// The marks that a text contains.
    pub(crate) fn in_text(&self, text: &str) -> Vec<String> {
        let found = |mark: &Mark| {
            let (form, _) = mark.forms.iter().find(|(_, written)| text.contains(written))?;
            Some(format!("{} ({form})", mark.name))
        };
        self.0.iter().filter_map(found).collect()
    }
}

fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let each = |write: fn(u8) -> String| bytes.iter().map(|byte| write(*byte)).collect::<String>();
    let in_json = |text: &str| Value::from(text).to_string().trim_matches('"').to_owned();
    let mut forms = vec![
        ("clear", secret.to_owned()),
        ("hex", each(|byte| format!("{byte:02x}"))),
        ("upper-case hex", each(|byte| format!("{byte:02X}"))),
        ("percent-encoded", each(|byte| format!("%{byte:02X}"))),
        ("percent-encoded in lower case", each(|byte| format!("%{byte:02x}"))),
        ("percent-encoded where it has to be", each(reserved::<true>)),
        ("percent-encoded in lower case where it has to be", each(reserved::<false>)),
        ("a JSON text", in_json(secret)),
        ("a JSON text in a JSON text", in_json(&in_json(secret))),
        ("escapes of JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("upper-case escapes of JSON", each(|byte| format!("\\u{byte:04X}"))),
        ("a list of bytes", format!("{bytes:?}").trim_matches(['[', ']']).to_owned()),
        ("a text of bytes", bytes.escape_ascii().to_string()),
    ];
    for before in 0..3 {
        let shifted = [&vec![0; before], bytes].concat();
        for (name, engine) in
            [("base64", BASE64_STANDARD_NO_PAD), ("base64url", BASE64_URL_SAFE_NO_PAD)]
        {
            // The characters that no neighbour has a share in.
            let inner = (before * 8).div_ceil(6)..shifted.len() * 8 / 6;
            forms.push((name, engine.encode(&shifted)[inner].to_owned()));
        }
    }
    forms
}

/// As in a URL (RFC 3986 section 2.3).
fn reserved<const UPPER: bool>(byte: u8) -> String {
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ if UPPER => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    }
}

#[test]
fn a_mark_is_found_in_whatever_form_it_is_written() {
    const SECRET: &str = "Q\"z%7\\ and more?>~";
    let mut marks = Marks::default();
    marks.add("the secret", SECRET);
    let around = |before: &str, after: &str| [before, SECRET, after].concat().into_bytes();
    let mut texts = vec![
        SECRET.to_owned(),
        format!("{SECRET:?}"),
        format!("{:?}", format!("{SECRET:?}")),
        format!("{:?}", around("a", "b")),
        format!("{:?}", bytes::Bytes::from(around("a", "b"))),
        serde_json::json!({"line": serde_json::json!({"password": SECRET}).to_string()})
            .to_string(),
        around("", "").iter().map(|byte| format!("{byte:02x}")).collect(),
        around("", "").iter().map(|byte| format!("{byte:02X}")).collect(),
        around("", "").iter().map(|byte| format!("\\u{byte:04x}")).collect(),
        "Q%22z%257%5C%20and%20more%3F%3E~".to_owned(),
        "Q%22z%257%5c%20and%20more%3f%3e~".to_owned(),
    ];
    for before in ["", "a", "ab", "abc"] {
        for after in ["", "x", "xy"] {
            texts.push(base64::prelude::BASE64_STANDARD.encode(around(before, after)));
            texts.push(base64::prelude::BASE64_URL_SAFE.encode(around(before, after)));
        }
    }
    for text in texts {
        assert_eq!(marks.in_text(&format!("before {text} after")).len(), 1, "{text}");
    }
    assert_eq!(marks.in_text("Q\"z%7 and less"), Vec::<String>::new());
}
