//! The SHA-256 of files.

use std::fs::File;
use std::io::{self, Read};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// A SHA-256 in hexadecimal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String")]
pub(super) struct Digest(String);

/// The SHA-256 of the bytes read so far.
#[derive(Clone)]
pub(super) struct Hasher(Context);

impl Hasher {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Reads a file to its end. This blocks.
    pub(super) fn read(mut self, mut file: &File) -> io::Result<Self> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(self),
                read => self.update(&buffer[..read]),
            }
        }
    }

    pub(super) fn finish(self) -> Digest {
        let digest = self.0.finish();
        Digest(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Digest {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// A prefix that distinguishes files in a folder.
    pub(super) fn short(&self) -> &str {
        &self.0[..16]
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match is_digest {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err("expected a SHA-256 in hexadecimal".to_owned()),
        }
    }
}

const BUFFER_BYTES: usize = 256 * 1024;
