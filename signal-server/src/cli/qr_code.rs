//! A QR code on a terminal, for the camera of a phone.

use std::fmt::{self, Write};

use fast_qr::QRBuilder;
use fast_qr::qr::QRCode;

/// A QR code (ISO/IEC 18004) that is shown in half blocks, white on black whatever the colors of
/// the terminal.
pub(super) struct QrCode(QRCode);

impl QrCode {
    /// Returns `None` if the text is too long for one.
    pub(super) fn of(text: &str) -> Option<Self> {
        QRBuilder::new(text).build().ok().map(Self)
    }

    /// The number of modules of a row, its margins included.
    fn side(&self) -> usize {
        self.0.size + 2 * MARGIN
    }

    fn is_dark(&self, row: usize, column: usize) -> bool {
        let inside = |at: usize| at.checked_sub(MARGIN).filter(|at| *at < self.0.size);
        let (Some(row), Some(column)) = (inside(row), inside(column)) else { return false };
        self.0[row][column].value()
    }
}

impl fmt::Display for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in (0..self.side()).step_by(2) {
            f.write_str(WHITE_ON_BLACK)?;
            for column in 0..self.side() {
                f.write_char(match (self.is_dark(row, column), self.is_dark(row + 1, column)) {
                    (true, true) => ' ',
                    (true, false) => '▄',
                    (false, true) => '▀',
                    (false, false) => '█',
                })?;
            }
            writeln!(f, "{USUAL}")?;
        }
        Ok(())
    }
}

/// The margin that readers need, in modules.
const MARGIN: usize = 4;
const WHITE_ON_BLACK: &str = "\x1b[97;40m";
const USUAL: &str = "\x1b[0m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_finds_the_text_in_what_is_shown() {
        for url in ["https://example.com/join", "https://rooms.example.com:8443/calls/of/us/join"] {
            let shown = QrCode::of(url).unwrap().to_string();
            // Two rows of modules for each line; whether they are dark.
            let modules: Vec<Vec<bool>> = shown
                .lines()
                .flat_map(|line| {
                    let line = line.strip_prefix(WHITE_ON_BLACK).unwrap();
                    let line = line.strip_suffix(USUAL).unwrap();
                    let row = |light: [char; 2]| {
                        line.chars().map(|half| !light.contains(&half)).collect::<Vec<_>>()
                    };
                    [row(['▀', '█']), row(['▄', '█'])]
                })
                .collect();
            let side = modules[0].len();
            assert!(modules[..MARGIN].iter().flatten().all(|is_dark| !is_dark));
            let grid = rqrr::SimpleGrid::from_func(side - 2 * MARGIN, |column, row| {
                modules[row + MARGIN][column + MARGIN]
            });
            assert_eq!(rqrr::Grid::new(grid).decode().unwrap().1, url);
        }
    }
}
