use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;

/// What ffmpeg makes of sources.
fn made(arguments: &[&str], name: &str) -> Bytes {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=15:duration=2"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:duration=2:sample_rate=48000"])
        .args(arguments)
        .arg(&path)
        .status()
        .expect("ffmpeg");
    assert!(made.success());
    std::fs::read(&path).unwrap().into()
}

/// A file around streams as they are.
fn packed(input: &str, name: &str) -> Bytes {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join(input);
    let packed = Command::new("ffmpeg")
        .args(["-v", "error", "-r", "15", "-i"])
        .arg(input)
        .args(["-c", "copy"])
        .arg(&path)
        .status()
        .expect("ffmpeg");
    assert!(packed.success());
    std::fs::read(&path).unwrap().into()
}

const FAST_VP8: [&str; 8] =
    ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "15"];

#[test]
fn sound_and_pictures_of_one_file_are_read_at_their_times() {
    let sound = ["-c:a", "libopus", "-frame_duration", "20"];
    let file = made(&[&FAST_VP8[..], &sound].concat(), "film.webm");
    let video = read(&file, MediaKind::Video).unwrap();
    assert_eq!((video.codec(), video.frames().len()), (Codec::Vp8, 30));
    assert!(video.frame(0).unwrap().1.is_key && video.frame(15).unwrap().1.is_key);
    let (start, _) = video.frame(15).unwrap();
    assert!(start.abs_diff(Duration::from_secs(1)) < Duration::from_millis(20), "{start:?}");
    let audio = read(&file, MediaKind::Audio).unwrap();
    assert_eq!(audio.codec(), Codec::Opus);
    for index in 1..audio.frames().len() {
        let step = audio.frame(index).unwrap().0 - audio.frame(index - 1).unwrap().0;
        assert_eq!(step, Duration::from_millis(20), "packet {index}");
    }
    for recording in [video, audio] {
        let length = recording.length();
        assert!(length.abs_diff(Duration::from_secs(2)) < Duration::from_millis(100), "{length:?}");
    }
}

#[test]
fn frames_are_those_that_were_packed() {
    for (input, name, codec) in [
        ("media/clip.ivf", "a.webm", Codec::Vp8),
        ("tests/fixtures/vp9.ivf", "a.webm", Codec::Vp9),
        ("tests/fixtures/av1.ivf", "a.mkv", Codec::Av1),
        ("tests/fixtures/baseline.h264", "a.mkv", Codec::H264),
    ] {
        let original: Bytes =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(input)).unwrap().into();
        let original = match codec {
            Codec::H264 => super::super::annex_b::read(&original, 15.0),
            Codec::Av1 | Codec::Opus | Codec::Vp8 | Codec::Vp9 => {
                super::super::ivf::read(&original)
            }
        };
        let original = original.unwrap();
        let packed = read(&packed(input, name), MediaKind::Video).unwrap();
        assert_eq!((packed.codec(), packed.frames().len()), (codec, original.frames().len()));
        for (packed, original) in packed.frames().iter().zip(original.frames()) {
            assert_eq!(packed.is_key, original.is_key, "{codec}");
            // Temporal delimiters and the lengths of start codes are not kept.
            if matches!(codec, Codec::Vp8 | Codec::Vp9) {
                assert_eq!(packed.data, original.data, "{codec}");
            }
        }
    }
}

#[test]
fn a_file_that_was_never_finished_plays_up_to_where_it_ends() {
    let file = made(&[&FAST_VP8[..], &["-live", "1"]].concat(), "live.webm");
    let whole = read(&file, MediaKind::Video).unwrap().frames().len();
    let half = read(&file.slice(..file.len() / 2), MediaKind::Video).unwrap().frames().len();
    assert!(whole >= 29 && half > 3 && half < whole, "{half} of {whole}");
}

#[test]
fn what_calls_do_not_have_is_named() {
    let b_frames = ["-c:v", "libx264", "-bf", "2", "-g", "15"];
    let refused = read(&made(&b_frames, "a.mkv"), MediaKind::Video).unwrap_err();
    let reason = "its pictures are not in the order in which they are seen".to_owned();
    assert_eq!(refused, FileProblem::Unsuitable(reason));
    let aac = made(&["-vn", "-c:a", "aac"], "a.mkv");
    let refused = read(&aac, MediaKind::Audio).unwrap_err();
    assert_eq!(refused, FileProblem::Unsuitable("the codec of its audio is A_AAC".into()));
    assert_eq!(read(&aac, MediaKind::Video).unwrap_err(), FileProblem::Missing);
}

/// A small file with every kind of element that is read.
fn small() -> Vec<u8> {
    let element = |id: &[u8], content: &[u8]| [id, &[0x40, content.len() as u8], content].concat();
    let entry = |number: u8, kind: u8, codec: &[u8]| {
        let fields = [
            element(&[0xd7], &[number]),
            element(&[0x83], &[kind]),
            element(&[0x86], codec),
            element(&[0x63, 0xa2], b"\x01\x42\0\x1e\xff\xe1\0\x02\x67\x42\x01\0\x02\x68\xce"),
        ];
        element(&[0xae], &fields.concat())
    };
    let tracks = [entry(1, 1, b"V_MPEG4/ISO/AVC"), entry(2, 2, b"A_OPUS")].concat();
    let picture = [&[0x81, 0, 0, 0x80][..], &[0, 0, 0, 2, 0x65, 0x88]].concat();
    let group = element(&[0xa1], &[0x82, 0, 5, 0, 0xf8, 0xff, 0xfe]);
    [
        element(MAGIC, &[]),
        vec![0x18, 0x53, 0x80, 0x67, 0xff],
        element(&[0x15, 0x49, 0xa9, 0x66], &element(&[0x2a, 0xd7, 0xb1], &[0x0f, 0x42, 0x40])),
        element(&[0x16, 0x54, 0xae, 0x6b], &tracks),
        vec![0x1f, 0x43, 0xb6, 0x75, 0xff],
        element(&[0xe7], &[7]),
        element(&[0xa3], &picture),
        element(&[0xa0], &group),
    ]
    .concat()
}

#[test]
fn a_small_file_is_read() {
    let file = Bytes::from(small());
    let video = read(&file, MediaKind::Video).unwrap();
    let (start, frame) = video.frame(0).unwrap();
    assert_eq!((start, frame.is_key), (Duration::ZERO, true));
    assert_eq!(&frame.data[..], b"\0\0\0\x01\x67\x42\0\0\0\x01\x68\xce\0\0\0\x01\x65\x88");
    // It is not nearer to the pictures than a gap.
    let audio = read(&file, MediaKind::Audio).unwrap();
    assert_eq!(audio.frame(0).unwrap().1.data, Bytes::from_static(b"\xf8\xff\xfe"));
}

proptest! {
    #[test]
    fn whatever_a_file_contains_is_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = small();
        for (index, value) in damage {
            let index = index.index(file.len());
            file[index] = value;
        }
        file.truncate(cut.index(file.len()) + 1);
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let _ = read(&Bytes::from(file.clone()), kind);
            let _ = read(&Bytes::from([MAGIC, &bytes].concat()), kind);
        }
    }
}
