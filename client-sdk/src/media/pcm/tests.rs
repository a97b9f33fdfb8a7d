use tokio::time::timeout;

use super::*;
use crate::media::{MediaKind, OpenSource};
use crate::pcm::SampleRate;

const FORMAT: PcmFormat = PcmFormat::mono(SampleRate::Hz8000);
/// Of 20 ms.
const FRAME_SAMPLES: usize = 160;

fn open(options: OpusOptions) -> (PcmSender, Box<dyn MediaSource>) {
    let (sender, source) = Source::pcm(FORMAT, options);
    match source.open_blocking(MediaKind::Audio).unwrap() {
        OpenSource::Custom(source) => (sender, source),
        OpenSource::Recording(..) => panic!("{source:?} is no file"),
    }
}

fn noise(frames: usize) -> Vec<i16> {
    (0..frames * FRAME_SAMPLES).map(|n| (n * n * 7919 % 20_011) as i16).collect()
}

/// When frames come in the next time, in milliseconds.
async fn frames_within(source: &mut Box<dyn MediaSource>, millis: u64) -> Vec<u128> {
    let (begin, mut frames) = (Instant::now(), Vec::new());
    let end = begin + Duration::from_millis(millis);
    while let Ok(Ok(Some(_))) = timeout_at(end, source.next_frame()).await {
        frames.push(begin.elapsed().as_millis());
    }
    frames
}

#[tokio::test(start_paused = true)]
async fn sound_of_any_piece_plays_in_real_time_and_a_frame_of_silence_ends_it() {
    let (sender, mut source) = open(OpusOptions::speech());
    let sound = noise(3);
    for piece in sound[..400].chunks(7) {
        sender.try_send(piece).unwrap();
    }
    // Two frames and a half, and one of silence.
    assert_eq!(frames_within(&mut source, 1000).await, [0, 20, 80, 100]);
    sender.try_send(&sound).unwrap();
    assert_eq!(frames_within(&mut source, 1000).await, [0, 20, 40, 100]);
}

#[tokio::test(start_paused = true)]
async fn samples_that_come_in_real_time_are_waited_for() {
    let (sender, mut source) = open(OpusOptions::speech());
    let feeding = tokio::spawn(async move {
        for piece in noise(10).chunks(80) {
            sender.send(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let frames = frames_within(&mut source, 150).await;
    assert_eq!(frames.len(), 7, "{frames:?}");
    drop(feeding);
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_wait_and_more_find_room_as_they_play() {
    let (sender, mut source) = open(OpusOptions::speech());
    let ten_seconds = noise(500);
    sender.try_send(&ten_seconds).unwrap();
    assert_eq!(sender.waiting(), Duration::from_secs(10));
    assert_eq!(sender.try_send(&[0_i16]), Err(PcmError::Full));
    let begin = Instant::now();
    let sending = sender.clone();
    let sending = tokio::spawn(async move { sending.send(&noise(50)).await });
    let playing =
        tokio::spawn(async move { while source.next_frame().await.unwrap().is_some() {} });
    sending.await.unwrap().unwrap();
    let waited = begin.elapsed();
    assert!((Duration::from_millis(980)..=Duration::from_secs(1)).contains(&waited), "{waited:?}");
    sender.drained().await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(11));
    drop(sender);
    playing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_cleared_is_not_heard_and_its_sender_returns() {
    let (sender, mut source) = open(OpusOptions::speech());
    let sending = sender.clone();
    let sending = tokio::spawn(async move { sending.send(&noise(1000)).await });
    assert_eq!(frames_within(&mut source, 95).await, [0, 20, 40, 60, 80]);
    sender.clear();
    sender.drained().await.unwrap();
    assert_eq!(sending.await.unwrap(), Err(PcmError::Cleared));
    // That of silence.
    assert_eq!(frames_within(&mut source, 1000).await.len(), 1);
    sender.try_send(&noise(1)).unwrap();
    assert_eq!(frames_within(&mut source, 1000).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_end_learns_that_the_other_is_gone() {
    let (sender, mut source) = open(OpusOptions::speech());
    sender.try_send(&noise(2)).unwrap();
    drop(sender);
    let mut frames = 0;
    while source.next_frame().await.unwrap().is_some() {
        frames += 1;
    }
    assert_eq!(frames, 3);

    let (sender, source) = open(OpusOptions::speech());
    sender.try_send(&noise(2)).unwrap();
    let drained = tokio::spawn({
        let sender = sender.clone();
        async move { sender.drained().await }
    });
    tokio::task::yield_now().await;
    drop(source);
    sender.closed().await;
    assert_eq!(drained.await.unwrap(), Err(PcmError::Closed));
    assert_eq!(sender.try_send(&[0.0_f32]), Err(PcmError::Closed));
    assert_eq!(sender.send(&[0.0_f32]).await, Err(PcmError::Closed));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_where_the_next_frame_is_asked_for_anew() {
    let (sender, mut source) = open(OpusOptions::speech());
    sender.try_send(&noise(5)).unwrap();
    let mut frames = 0;
    while frames < 6 {
        if timeout(Duration::from_millis(3), source.next_frame()).await.is_ok() {
            frames += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn long_silence_is_not_sent_with_dtx_and_short_silence_is() {
    let silence = vec![0_i16; 100 * FRAME_SAMPLES];
    let (sender, mut source) = open(OpusOptions::speech());
    sender.try_send(&silence).unwrap();
    assert_eq!(frames_within(&mut source, 2000).await.len(), 100);
    let (sender, mut source) = open(OpusOptions::speech().dtx(true));
    sender.try_send(&silence).unwrap();
    let sent = frames_within(&mut source, 2000).await.len();
    assert!((5..40).contains(&sent), "{sent} of 100");

    let packet =
        |size| Frame { data: vec![0; size].into(), duration: FRAME, is_key: true, level: None };
    let mut filter = Silence::default();
    let mut passed = |sizes: &[usize]| -> Vec<usize> {
        let frames = sizes.iter().flat_map(|size| filter.pass(packet(*size)));
        frames.map(|frame| frame.data.len()).collect()
    };
    assert_eq!(passed(&[9, 1, 1, 1, 1, 1, 9]), [9, 1, 1, 1, 1, 1, 9]);
    assert_eq!(passed(&[9, 1, 1, 1, 1, 1, 1, 1, 9]), [9, 9]);
}

#[tokio::test]
async fn what_is_no_number_or_too_large_is_played_all_the_same() {
    let (sender, mut source) = open(OpusOptions::speech());
    let strange = [f32::NAN, f32::INFINITY, -1e30, 1.5];
    sender.try_send(&strange.repeat(FRAME_SAMPLES)).unwrap();
    for _ in 0..4 {
        assert!(source.next_frame().await.unwrap().is_some());
    }
}
