use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::media::test_players::{PICTURE, Spectator, numbers, pictures, pictures_with, play};
use crate::media::{Codec, MediaKind, OpenSource, Playback, Player, Source};
use crate::session::TrackSource;

#[tokio::test(start_paused = true)]
async fn a_film_goes_on_for_everybody_whoever_joins_or_loses_packets() {
    let start = Instant::now();
    let (player, _told) = play(pictures(300), &Playback::looped());
    let mut first = Spectator::of(&player);
    let others = tokio::spawn(async move {
        for _ in 0..10 {
            sleep(Duration::from_millis(700)).await;
            let mut late = Spectator::of(&player);
            late.watch(Instant::now() + Duration::from_millis(600)).await;
            late.request_keyframe();
            late.watch(Instant::now() + Duration::from_millis(600)).await;
        }
    });
    let seen = first.watch(start + Duration::from_millis(9010)).await;
    others.abort();
    let expected: Vec<_> = (0..=270).map(|number| (number, start + PICTURE * number)).collect();
    assert!(seen == expected, "{:?}", numbers(&seen));
}

#[tokio::test(start_paused = true)]
async fn who_joins_late_gets_the_pictures_since_the_last_keyframe_and_catches_up() {
    let start = Instant::now();
    let (player, _told) = play(pictures(300), &Playback::looped());
    let joined = start + Duration::from_millis(1690);
    sleep_until(joined).await;
    let mut late = Spectator::of(&player);
    let seen = late.watch(start + Duration::from_millis(3010)).await;
    assert_eq!(numbers(&seen), (30..=90).collect::<Vec<_>>());
    // It has got them all before the next keyframe, and is where everybody is from then on.
    let times: Vec<Instant> = seen.iter().map(|(_, at)| *at).collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    assert!(times[20] - joined < Duration::from_millis(150), "{:?}", times[20] - joined);
    assert!(seen[25..].iter().all(|(number, at)| *at == start + PICTURE * *number));
}

#[tokio::test(start_paused = true)]
async fn who_loses_packets_gets_the_pictures_since_the_last_keyframe_again() {
    let (player, _told) = play(pictures(300), &Playback::looped());
    let mut feed = Spectator::of(&player);
    feed.watch(Instant::now() + Duration::from_millis(1500)).await;
    feed.request_keyframe();
    // The same request from a side that had not got the first picture yet.
    feed.request_keyframe();
    let seen = feed.watch(Instant::now() + Duration::from_millis(610)).await;
    assert_eq!(numbers(&seen), (30..=63).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn where_keyframes_are_too_rare_to_keep_what_follows_the_next_one_is_waited_for() {
    let (player, _told) = play(pictures_with(900, 400), &Playback::looped());
    sleep(PICTURE * 310).await;
    let mut late = Spectator::of(&player);
    let seen = late.watch(Instant::now() + PICTURE * 100).await;
    assert_eq!(numbers(&seen)[..3], [400, 401, 402]);
}

#[tokio::test(start_paused = true)]
async fn a_pushed_frame_is_sent_after_the_time_that_the_application_paused() {
    let (pusher, source) = Source::pushed(Codec::Opus);
    let source = source.open_blocking(MediaKind::Audio).unwrap();
    assert!(matches!(source, OpenSource::Custom(_)));
    let player = Player::start(source, 1, TrackSource::Microphone, |_| {});
    let mut feed = Spectator::of(&player);
    let mut times = Vec::new();
    // Jitter of the application is not heard, and its pauses are.
    for pause in [0, 35, 5, 7000, 20] {
        sleep(Duration::from_millis(pause)).await;
        let duration = Duration::from_millis(20);
        pusher.push(Frame { data: vec![0].into(), duration, is_key: true, level: None }).unwrap();
        times.push(feed.next().await.at);
    }
    let steps: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(steps, [20, 20, 7000, 20]);
}
