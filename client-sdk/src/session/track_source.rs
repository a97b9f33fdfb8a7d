//! The sources of tracks in a description.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of source behind a track: camera, microphone, screen or file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TrackSource {
    /// A camera, or video that the application generates.
    Camera,
    /// A file.
    File,
    /// A microphone, or audio that the application generates.
    Microphone,
    /// A screen, a window or a part of one.
    Screen,
}

impl fmt::Display for TrackSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Camera => "camera",
            Self::File => "file",
            Self::Microphone => "microphone",
            Self::Screen => "screen",
        })
    }
}

/// The source of the track in one media section of a description.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TrackLabel {
    /// The media section's identifier (RFC 5888).
    pub mid: String,
    /// The track's source.
    pub source: TrackSource,
}

impl TrackLabel {
    /// Reads a description's `tracks`, and skips unknown kinds of sources, which a newer
    /// participant may send.
    pub(super) fn list(json: &[u8]) -> Vec<Self> {
        let labels: Vec<serde_json::Value> = serde_json::from_slice(json).unwrap_or_default();
        labels.into_iter().filter_map(|label| serde_json::from_value(label).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_not_understood_does_not_spoil_the_others() {
        let json = br#"[{"mid":"0","source":"microphone"},{"mid":"1","source":"hologram"},7,
            {"mid":"2","source":"screen","more":true}]"#;
        let labels = TrackLabel::list(json);
        let sources: Vec<_> =
            labels.iter().map(|label| (label.mid.as_str(), label.source)).collect();
        assert_eq!(sources, [("0", TrackSource::Microphone), ("2", TrackSource::Screen)]);
        assert_eq!(TrackLabel::list(b"null"), []);
    }
}
