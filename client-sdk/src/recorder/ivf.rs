//! Pictures in an IVF file.

use std::borrow::Cow;
use std::io::{self, Write};

use super::format::Format;

use crate::media::ivf::{HEADER_BYTES, MAGIC, four_cc};
use crate::media::{Codec, MediaKind};
use crate::track::{RemoteFrame, RtpTime};

/// Writes the video of a track into an IVF file: VP8, VP9 or AV1, as they were encoded, at the
/// times of their RTP timestamps, so that gaps are kept.
///
/// The file begins with the first keyframe. It can be a pipe:
///
/// ```no_run
/// # async fn run(mut frames: client_sdk::RemoteFrames) -> Result<(), Box<dyn std::error::Error>> {
/// use std::process::{Command, Stdio};
///
/// use client_sdk::{Codec, IvfWriter};
///
/// let mut decoder = Command::new("ffmpeg")
///     .args(["-f", "ivf", "-i", "-", "-vf", "fps=1", "picture-%d.png"])
///     .stdin(Stdio::piped())
///     .spawn()?;
/// let pipe = decoder.stdin.take().ok_or("no pipe")?;
/// let mut file = IvfWriter::new(pipe, Codec::Vp8)?;
/// while let Some(frame) = frames.recv().await {
///     file.write(&frame)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IvfWriter<W> {
    output: W,
    codec: Codec,
    has_begun: bool,
    time: RtpTime,
}

impl<W: Write> IvfWriter<W> {
    /// Begins a file for video of that codec.
    ///
    /// # Errors
    ///
    /// IVF does not support that codec.
    pub fn new(output: W, codec: Codec) -> io::Result<Self> {
        if four_cc(codec).is_none() {
            let reason = format!("IVF holds no {codec}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        Ok(Self { output, codec, has_begun: false, time: RtpTime::default() })
    }

    /// Writes a frame. Frames before the first keyframe are omitted.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn write(&mut self, frame: &RemoteFrame) -> io::Result<()> {
        if !self.has_begun {
            let format = Format::of(self.codec, &frame.data).filter(|_| frame.is_key);
            let Some(size) = format.and_then(|format| format.size) else { return Ok(()) };
            self.output.write_all(&header(self.codec, size))?;
            self.has_begun = true;
        }
        let unit = stored(self.codec, &frame.data);
        let too_large = |_| io::Error::new(io::ErrorKind::InvalidInput, "a frame is too large");
        let size = u32::try_from(unit.len()).map_err(too_large)?;
        let at = self.time.at(frame.timestamp);
        self.output.write_all(&[&size.to_le_bytes()[..], &at.to_le_bytes(), &unit].concat())
    }

    /// Ends the file, and returns the output.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

fn header(codec: Codec, (width, height): (u32, u32)) -> Vec<u8> {
    let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX).to_le_bytes();
    let number = |number: u32| number.to_le_bytes();
    let (rate, scale) = (MediaKind::Video.clock_rate(), 1);
    // A pipe cannot be completed with the count, and readers do not need it.
    let count_of_frames = 0;
    let version_and_length = [[0, 0], (HEADER_BYTES as u16).to_le_bytes()].concat();
    let mut header = [MAGIC, &version_and_length, &four_cc(codec).unwrap_or_default()].concat();
    header.extend([side(width), side(height)].concat());
    header.extend([rate, scale, count_of_frames, 0].map(number).concat());
    header
}

/// The frame in the form of IVF. A temporal unit of AV1 begins with its delimiter, which RTP omits
/// (AV1 specification section 7.5).
fn stored(codec: Codec, frame: &[u8]) -> Cow<'_, [u8]> {
    match codec {
        Codec::Av1 => Cow::Owned([TEMPORAL_DELIMITER, frame].concat()),
        Codec::H264 | Codec::Opus | Codec::Vp8 | Codec::Vp9 => Cow::Borrowed(frame),
    }
}

const TEMPORAL_DELIMITER: &[u8] = &[0x12, 0];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::media::ivf;

    #[test]
    fn a_file_that_is_written_is_the_one_that_was_read_from_its_first_keyframe_on() {
        let clip = ivf::read(&Bytes::from_static(include_bytes!("../../media/clip.ivf"))).unwrap();
        let mut file = IvfWriter::new(Vec::new(), Codec::Vp8).unwrap();
        let mut at = Duration::ZERO;
        for (number, frame) in clip.frames()[7..].iter().enumerate() {
            let timestamp = u32::MAX.wrapping_add((at.as_micros() * 9 / 100) as u32);
            file.write(&remote(&frame.data, timestamp, frame.is_key)).unwrap();
            // Somebody pauses.
            at +=
                frame.duration + if number == 30 { Duration::from_secs(2) } else { Duration::ZERO };
        }
        let written = ivf::read(&file.finish().unwrap().into()).unwrap();
        assert_eq!(written.codec(), Codec::Vp8);
        let data = |frame: &crate::Frame| frame.data.clone();
        let expected: Vec<Bytes> = clip.frames()[15..].iter().map(data).collect();
        assert_eq!(written.frames().iter().map(data).collect::<Vec<_>>(), expected);
        let longest = written.frames().iter().map(|frame| frame.duration).max().unwrap();
        assert!(longest.abs_diff(Duration::from_millis(2067)) < Duration::from_millis(1));
    }

    #[test]
    fn what_ivf_does_not_hold_is_refused() {
        let error = IvfWriter::new(Vec::new(), Codec::H264).unwrap_err();
        assert_eq!(error.to_string(), "IVF holds no H.264");
        assert!(IvfWriter::new(Vec::new(), Codec::Opus).is_err());
    }

    fn remote(data: &Bytes, timestamp: u32, is_key: bool) -> RemoteFrame {
        RemoteFrame {
            data: data.clone(),
            timestamp,
            is_key,
            duration: None,
            level: None,
            lost: 0,
            follows_loss: false,
            wall_clock: None,
        }
    }
}
