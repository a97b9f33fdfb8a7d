use std::process::Command;

use bytes::Bytes;

use super::*;

const SOUND: TrackKey = TrackKey(1);
const PICTURES: TrackKey = TrackKey(2);

/// What a participant sends in a minute: pictures from the beginning on, sound 700 ms later,
/// with time stamps that are too slow by 200 ppm. Both arrive up to 150 ms late, and the clock
/// is told after four seconds.
fn minute() -> Vec<Arrived> {
    let frame = |key: TrackKey, number: u32, since: Duration, data: &'static [u8], rate: f64| {
        // Sometimes the network holds up what follows, and lets go of it at once.
        let lateness = Duration::from_millis(150 - u64::from(number) * 20 % 150);
        let told = since > Duration::from_secs(4);
        let wall_clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + since;
        let timestamp = (since.as_secs_f64() * rate * (1.0 - 200e-6)) as u32;
        let frame = RemoteFrame {
            data: Bytes::from_static(data),
            timestamp: timestamp.wrapping_add(4_000_000_000),
            is_key: true,
            wall_clock: told.then_some(wall_clock),
            duration: None,
            level: None,
            lost: 0,
            follows_loss: false,
        };
        Arrived { key, frame, at: Duration::from_secs(5) + since + lateness }
    };
    let picture = b"\x10\0\0\x9d\x01\x2a\x10\0\x10\0";
    let pictures = (0..600).map(|number| {
        frame(PICTURES, number, Duration::from_millis(100) * number, picture, 90_000.0)
    });
    let sound = (0..2965).map(|number| {
        let since = Duration::from_millis(700) + Duration::from_millis(20) * number;
        frame(SOUND, number, since, b"\xf8\xff\xfe", 48_000.0)
    });
    let mut all: Vec<Arrived> = pictures.chain(sound).collect();
    // Stable, so that each track stays in order.
    all.sort_by_key(|arrived| arrived.at);
    all
}

fn file_of_both(folder: &Path) -> ParticipantFile {
    let participant = "p_00000001".parse().unwrap();
    let mut file = ParticipantFile::new(participant, folder, SystemTime::now());
    for (key, codec) in [(SOUND, Codec::Opus), (PICTURES, Codec::Vp8)] {
        let (name, keyframe_wanted) = (codec.to_string(), Arc::default());
        file.add(NewTrack { key, codec, name, keyframe_wanted });
    }
    file
}

#[test]
fn sound_that_begins_late_and_a_clock_that_drifts_are_so_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = file_of_both(folder.path());
    for arrived in minute() {
        file.push(arrived).unwrap();
    }
    let [recording] = &file.finish().unwrap()[..] else { panic!("one file") };
    let listed = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=codec_type,pts_time", "-of", "csv=p=0"])
        .arg(&recording.path)
        .output()
        .expect("ffprobe");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let times = |kind: &str| -> Vec<f64> {
        let lines = listed.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(','));
        lines.map(|time| time.trim_end_matches(',').parse().unwrap()).collect()
    };
    let (pictures, sound) = (times("video"), times("audio"));
    assert_eq!((pictures.len(), sound.len()), (600, 2965));
    for (what, found, meant) in [
        ("the first picture", pictures[0], 0.0),
        ("the first sound", sound[0], 0.7),
        ("a picture after half a minute", pictures[300], 30.0),
        ("the last picture", pictures[599], 59.9),
        ("the last sound", sound[2964], 0.7 + 2964.0 * 0.02),
    ] {
        assert!((found - meant).abs() < 0.02, "{what} is at {found} s instead of {meant} s");
    }
}

#[test]
fn a_file_is_as_long_as_its_frames_play() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = file_of_both(folder.path());
    for arrived in minute() {
        file.push(arrived).unwrap();
    }
    let duration = duration(&file.finish().unwrap()[0].path);
    // The last picture begins a tenth of a second before that.
    assert!((59.99..60.01).contains(&duration), "{duration} s");
}

#[test]
fn a_track_that_cannot_be_described_and_a_clock_that_is_hours_off_tear_no_file_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = file_of_both(folder.path());
    let broken = TrackKey(3);
    let keyframe_wanted = Arc::default();
    file.add(NewTrack { key: broken, codec: Codec::H264, name: "x".into(), keyframe_wanted });
    for mut arrived in minute() {
        if arrived.key == PICTURES {
            let hours = Duration::from_secs(9 * 3600);
            arrived.frame.wall_clock = arrived.frame.wall_clock.map(|time| time + hours);
            let unknown = RemoteFrame {
                data: Bytes::from_static(b"\0\0\0\x01\x65 without parameters"),
                ..arrived.frame.clone()
            };
            file.push(Arrived { key: broken, frame: unknown, at: arrived.at }).unwrap();
        }
        file.push(arrived).unwrap();
    }
    let recordings = file.finish().unwrap();
    assert_eq!(recordings.len(), 1, "{recordings:?}");
    let duration = duration(&recordings[0].path);
    assert!((58.0..62.0).contains(&duration), "{duration} s");
}

#[test]
fn a_track_that_ends_before_the_file_is_opened_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let participant = "p_00000001".parse().unwrap();
    let mut file = ParticipantFile::new(participant, folder.path(), SystemTime::now());
    let keyframe_wanted = Arc::default();
    file.add(NewTrack { key: SOUND, codec: Codec::Opus, name: "x".into(), keyframe_wanted });
    for arrived in minute().into_iter().filter(|arrived| arrived.key == SOUND).take(20) {
        file.push(arrived).unwrap();
    }
    file.remove(SOUND);
    let recordings = file.finish().unwrap();
    assert_eq!(recordings.len(), 1);
    assert!(std::fs::metadata(&recordings[0].path).unwrap().len() > 300);
}

/// In seconds, as a player sees it.
fn duration(file: &Path) -> f64 {
    let shown = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"])
        .arg(file)
        .output()
        .expect("ffprobe");
    String::from_utf8(shown.stdout).unwrap().trim().parse().unwrap()
}
