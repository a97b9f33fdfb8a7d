//! Checks how the lines of a request's head end.

/// Finds lines that end in a line feed alone. HTTP libraries accept them, but a proxy in front of
/// the server may parse another request from them (RFC 9112 section 2.2).
#[derive(Debug, Default)]
pub(super) struct LineEnds {
    previous: Option<u8>,
    is_line_empty: bool,
    /// Whether the empty line after the head has come. A connection carries one request.
    is_over: bool,
}

impl LineEnds {
    /// Whether a line of the head ends in a line feed alone.
    pub(super) fn have_bare_line_feed(&mut self, bytes: &[u8]) -> bool {
        let mut found = false;
        for &byte in bytes {
            if self.is_over {
                break;
            }
            match byte {
                b'\n' => {
                    found |= self.previous != Some(b'\r');
                    self.is_over = self.is_line_empty;
                    self.is_line_empty = true;
                }
                b'\r' => {}
                _ => self.is_line_empty = false,
            }
            self.previous = Some(byte);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_line_feed_is_found_in_the_head_and_not_looked_for_in_the_body() {
        for (request, expected) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET / HTTP/1.1\nHost: x\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: x\r\n\n", true),
            ("POST / HTTP/1.1\r\nHost: x\r\n\r\na\nb", false),
        ] {
            let whole = LineEnds::default().have_bare_line_feed(request.as_bytes());
            assert_eq!(whole, expected, "{request:?}");
            let mut in_pieces = LineEnds::default();
            let pieces = request.as_bytes().iter();
            let found = pieces.filter(|byte| in_pieces.have_bare_line_feed(&[**byte])).count();
            assert_eq!(found > 0, expected, "{request:?}");
        }
    }
}
