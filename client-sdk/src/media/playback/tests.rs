use std::collections::VecDeque;

use tokio::time::{advance, sleep};

use super::*;
use crate::media::recording::Recording;
use crate::media::test_players::{PICTURE, SOUND, Spectator, numbers, pictures, play, sound};
use crate::media::{MediaKind, OpenSource, PlayerEvent, Source};

#[tokio::test(start_paused = true)]
async fn sound_and_picture_stay_together_over_ten_minutes_whoever_joins() {
    // The file of the sound is shorter, and is waited for.
    let film = Playback::looped();
    assert_are_together(sound(990), pictures(600), &film, &film).await;
}

#[tokio::test(start_paused = true)]
async fn the_clips_sound_and_picture_stay_together_without_a_playback() {
    let open = |kind| match Source::Clip.open_blocking(kind).unwrap() {
        OpenSource::Recording(recording, playback) => (recording, playback),
        OpenSource::Custom(_) => unreachable!("the clip is a recording"),
    };
    let (audio, video) = (open(MediaKind::Audio), open(MediaKind::Video));
    assert_eq!(audio.0.length(), video.0.length());
    assert_are_together(sound(200), pictures(120).cut(audio.0.length()), &audio.1, &video.1).await;
}

/// Watches ten minutes, while others join and ask for keyframes.
async fn assert_are_together(
    audio: Recording,
    video: Recording,
    audio_playback: &Playback,
    video_playback: &Playback,
) {
    let until = Instant::now() + Duration::from_secs(600);
    let (audio, _told) = play(audio, audio_playback);
    let (video, _told) = play(video, video_playback);
    let (mut heard, mut seen) = (Spectator::of(&audio), Spectator::of(&video));
    let others = tokio::spawn(async move {
        loop {
            let mut late = Spectator::of(&video);
            late.watch(Instant::now() + Duration::from_millis(730)).await;
            late.request_keyframe();
        }
    });
    let (heard, seen) = tokio::join!(heard.watch(until), seen.watch(until));
    others.abort();
    assert!(seen.len() > 17_900 && heard.len() > 29_600, "{} and {}", seen.len(), heard.len());
    let mut heard = VecDeque::from(heard);
    for (picture, at) in seen {
        while heard.get(1).is_some_and(|(_, next)| *next <= at) {
            heard.pop_front();
        }
        let (packet, since) = heard[0];
        // The place in the sound, which may have ended before the picture.
        let place = SOUND * packet + (at - since).min(SOUND);
        let apart = (PICTURE * picture).abs_diff(place);
        let is_in_silence = at - since > SOUND;
        assert!(apart < Duration::from_millis(40) || is_in_silence, "{apart:?} at {picture}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_stands_still_and_goes_on_where_it_was() {
    let film = Playback::once();
    let start = Instant::now();
    let (player, _told) = play(pictures(300), &film);
    let mut feed = Spectator::of(&player);
    let before = feed.watch(start + Duration::from_millis(2010)).await;
    film.pause();
    assert_eq!(feed.watch(start + Duration::from_millis(62_010)).await, []);
    assert_eq!(film.position(), Duration::from_millis(2010));
    // Who comes now sees the picture at which it stands.
    let mut late = Spectator::of(&player);
    let picture = late.watch(start + Duration::from_millis(63_010)).await;
    assert_eq!(picture.last().map(|(number, _)| *number), before.last().map(|(number, _)| *number));

    film.resume();
    let after = feed.watch(start + Duration::from_millis(65_020)).await;
    let both = [before, after].concat();
    assert_eq!(numbers(&both), (0..=120).collect::<Vec<_>>());
    // RTP time goes on during the pause.
    assert_eq!(both[120].1 - both[0].1, PICTURE * 120 + Duration::from_secs(61));
}

#[tokio::test(start_paused = true)]
async fn a_film_that_is_paused_before_it_begins_shows_its_first_picture() {
    let film = Playback::once();
    film.pause();
    let (player, _told) = play(pictures(300), &film);
    let mut feed = Spectator::of(&player);
    let until = Instant::now() + Duration::from_secs(5);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(numbers(&feed.watch(until).await), [0]);
    film.resume();
    assert_eq!(
        numbers(&feed.watch(until + PICTURE * 3 + Duration::from_millis(5)).await),
        [1, 2, 3]
    );
}

#[tokio::test(start_paused = true)]
async fn a_seek_takes_sound_and_picture_to_the_same_place() {
    let film = Playback::once();
    let (audio, _told) = play(sound(1000), &film);
    let (video, _told) = play(pictures(600), &film);
    let (mut heard, mut seen) = (Spectator::of(&audio), Spectator::of(&video));
    for (to, begins) in [(12, 360), (3, 90)] {
        let now = Instant::now();
        let until = now + Duration::from_millis(985);
        tokio::join!(heard.watch(until), seen.watch(until));
        film.seek(Duration::from_millis(to * 1000 + 500));
        let until = until + Duration::from_millis(985);
        let (heard, seen) = tokio::join!(heard.watch(until), seen.watch(until));
        assert_eq!(heard[0].0, to as u32 * 50 + 25);
        // The pictures that a decoder needs are caught up with.
        let shown = numbers(&seen);
        assert_eq!(shown, (begins..begins + shown.len() as u32).collect::<Vec<_>>());
        let at_end = Duration::from_millis(to * 1000 + 1485);
        let (last, _) = *seen.last().unwrap();
        assert!((PICTURE * last).abs_diff(at_end) < PICTURE * 2, "{last} at {at_end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_film_may_begin_in_its_middle() {
    for film in [Playback::once(), Playback::looped()] {
        film.seek(Duration::from_millis(12_500));
        assert_eq!(film.position(), Duration::from_millis(12_500));
        let (audio, _told) = play(sound(1000), &film);
        let (video, _told) = play(pictures(600), &film);
        let (mut heard, mut seen) = (Spectator::of(&audio), Spectator::of(&video));
        let until = Instant::now() + Duration::from_millis(110);
        let (heard, seen) = tokio::join!(heard.watch(until), seen.watch(until));
        assert_eq!(heard[0].0, 625);
        assert_eq!(numbers(&seen)[..16], (360..376).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_film_that_plays_once_tells_its_end_and_plays_again_after_a_seek() {
    let film = Playback::once();
    let (player, mut told) = play(pictures(60), &film);
    let mut feed = Spectator::of(&player);
    for _ in 0..2 {
        let until = Instant::now() + Duration::from_secs(5);
        let seen = feed.watch(until).await;
        assert_eq!(numbers(&seen), (0..60).collect::<Vec<_>>());
        assert!(matches!(told.try_recv(), Ok(PlayerEvent::Played)));
        assert!(told.try_recv().is_err());
        assert_eq!(film.position(), PICTURE * 60);
        film.seek(Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_shorter_file_is_told_once() {
    let film = Playback::once();
    let (_player, mut told) = play(sound(50), &film);
    sleep(Duration::from_secs(2)).await;
    assert!(matches!(told.try_recv(), Ok(PlayerEvent::Played)));
    // The film is longer than it was known to be, and goes on after the end of the sound.
    let (_player, mut told_later) = play(pictures(600), &film);
    for to in [2, 12] {
        sleep(Duration::from_secs(1)).await;
        film.seek(Duration::from_secs(to));
    }
    sleep(Duration::from_secs(1)).await;
    assert!(told.try_recv().is_err());
    assert!(told_later.try_recv().is_err());
    film.seek(Duration::ZERO);
    sleep(Duration::from_secs(21)).await;
    for told in [&mut told, &mut told_later] {
        assert!(matches!(told.try_recv(), Ok(PlayerEvent::Played)));
        assert!(told.try_recv().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_process_was_stopped_the_film_is_where_it_would_be() {
    let film = Playback::looped();
    let (audio, _told) = play(sound(1000), &film);
    let (video, _told) = play(pictures(600), &film);
    let (mut heard, mut seen) = (Spectator::of(&audio), Spectator::of(&video));
    let until = Instant::now() + Duration::from_secs(1);
    tokio::join!(heard.watch(until), seen.watch(until));
    advance(Duration::from_secs(7)).await;
    let until = Instant::now() + Duration::from_secs(1);
    let (heard, seen) = tokio::join!(heard.watch(until), seen.watch(until));
    let (packet, picture) = (heard.last().unwrap().0, seen.last().unwrap().0);
    assert!((SOUND * packet).abs_diff(Duration::from_secs(9)) <= SOUND * 2, "{packet}");
    assert!((PICTURE * picture).abs_diff(Duration::from_secs(9)) <= PICTURE * 2, "{picture}");
}
