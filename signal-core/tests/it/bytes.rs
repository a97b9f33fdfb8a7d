//! The bytes of operations, of frames between nodes, and of rooms on their way between nodes.

mod frames;
mod operations;
mod rooms;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use signal_core::InvalidBytes;

/// A value that has a byte form.
trait Form: Clone + Debug + PartialEq {
    /// One name for each kind.
    const KINDS: &[&str];

    /// The name of its kind. A new kind does not compile without one.
    fn kind(&self) -> &'static str;
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBytes>;
}

/// Compares samples with the bytes in a file, which has one line for each. With `UPDATE_GOLDEN=1`
/// the file is written anew: bytes that are in use must not change, so only add lines.
fn assert_golden<T: Form>(file: &str, samples: &[(&str, T)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bytes").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let line = |(name, value): &(&str, T)| format!("{name}: {}\n", hex(&value.to_bytes()));
        fs::write(&path, samples.iter().map(line).collect::<String>()).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    let golden: BTreeMap<&str, &str> =
        text.lines().map(|line| line.split_once(": ").unwrap()).collect();
    for (name, value) in samples {
        assert_eq!(golden.get(name), Some(&hex(&value.to_bytes()).as_str()), "{name}");
        assert_eq!(T::from_bytes(&unhex(golden[name])).as_ref(), Ok(value), "{name}");
    }
    assert_eq!(golden.len(), samples.len(), "the file and the samples");
    let kinds: BTreeSet<&str> = samples.iter().map(|(_, value)| value.kind()).collect();
    assert_eq!(kinds, T::KINDS.iter().copied().collect());
}

/// Writes and reads random values, and checks that there are some of each kind.
fn assert_read_again<T: Form>(values: impl Strategy<Value = T>) {
    let mut runner = TestRunner::deterministic();
    let cases = Config::default().cases.max(1000);
    let mut kinds = BTreeSet::new();
    for _ in 0..cases {
        let value = values.new_tree(&mut runner).unwrap().current();
        assert_eq!(T::from_bytes(&value.to_bytes()), Ok(value.clone()));
        kinds.insert(value.kind());
    }
    assert_eq!(kinds, T::KINDS.iter().copied().collect());
}

/// Bytes that are not whole, or longer than they should be, are damaged.
fn assert_whole<T: Form>(samples: &[(&str, T)]) {
    for (name, value) in samples {
        let mut bytes = value.to_bytes();
        for length in 0..bytes.len() {
            let read = T::from_bytes(&bytes[..length]);
            assert_eq!(read, Err(InvalidBytes::Damaged), "{length} bytes of {name}");
        }
        bytes.push(0);
        assert_eq!(T::from_bytes(&bytes), Err(InvalidBytes::Damaged), "{name} and a byte");
    }
}

/// Whatever stands in their place, bytes are refused or read as something that is read again.
fn assert_harmless<T: Form>(samples: &[(&str, T)]) {
    for (name, value) in samples {
        let bytes = value.to_bytes();
        for place in 0..bytes.len() {
            for changed in [0, 1, 2, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[place] = changed;
                if let Ok(read) = T::from_bytes(&bytes) {
                    let again = T::from_bytes(&read.to_bytes());
                    assert_eq!(again, Ok(read), "{name}: byte {place} is {changed}");
                }
            }
            // A length of 4 GiB.
            let mut bytes = bytes.clone();
            bytes.iter_mut().skip(place).take(4).for_each(|byte| *byte = 0xff);
            let _ = T::from_bytes(&bytes);
        }
    }
}

/// What a newer version of the crate writes is read as far as this one knows it.
fn assert_newer_is_read<T: Form>(samples: &[(&str, T)]) {
    for (name, value) in samples {
        let mut newer = value.to_bytes();
        assert_eq!((newer[0], newer[1]), (1, 1), "the format, and the oldest that reads it");
        newer[0] = 2;
        newer.extend(b"a field that only format 2 has");
        assert_eq!(T::from_bytes(&newer).as_ref(), Ok(value), "{name}");
        // The field may not be skipped.
        newer[1] = 2;
        let refused = Err(InvalidBytes::Newer { format: 2, newest: 1 });
        assert_eq!(T::from_bytes(&newer), refused, "{name}");
        // A format cannot be older than those that read it.
        newer[0] = 1;
        assert_eq!(T::from_bytes(&newer), Err(InvalidBytes::Damaged), "{name}");
    }
}

/// A kind that this version does not know, in place of the byte at `place`, is damage, or that of a
/// newer version.
fn assert_unknown<T: Form>(value: &T, place: usize) {
    let mut bytes = value.to_bytes();
    bytes[place] = 99;
    assert_eq!(T::from_bytes(&bytes), Err(InvalidBytes::Damaged), "{value:?}");
    bytes[0] = 2;
    let newer = InvalidBytes::Newer { format: 2, newest: 1 };
    assert_eq!(T::from_bytes(&bytes), Err(newer), "{value:?}");
}

#[test]
fn an_error_says_what_to_do() {
    let newer = InvalidBytes::Newer { format: 2, newest: 1 }.to_string();
    assert!(newer.contains("format 2") && newer.contains("up to 1"), "{newer}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}
