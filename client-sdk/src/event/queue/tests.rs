use futures_util::FutureExt;
use signal_core::message::ParticipantInfo;

use super::*;
use crate::media::MediaKind;
use crate::session::{CloseReason, ConnectionState};
use crate::slot::Slot;
use crate::track::{RemoteTrack, SenderClock};

fn id(number: usize) -> ParticipantId {
    format!("p_{number:08}").parse().unwrap()
}

fn joined(number: usize) -> Event {
    Event::ParticipantJoined(ParticipantInfo {
        id: id(number),
        name: "x".into(),
        is_creator: false,
        connected: true,
        state: None,
        attributes: None,
        publish: true,
    })
}

fn updated(number: usize, name: Option<&str>, connected: Option<bool>) -> Event {
    let (participant, name) = (id(number), name.map(str::to_owned));
    Event::ParticipantUpdated {
        participant,
        name,
        state: None,
        attributes: None,
        publish: None,
        connected,
    }
}

fn message(from: usize, bytes: usize) -> Event {
    Event::Message { from: id(from), topic: "t".into(), data: vec![b'7'; bytes].into() }
}

fn waiting(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.recv().now_or_never().flatten()).collect()
}

/// Fills the queue with events about a participant who is of no interest.
fn crowd(queue: &EventQueue) {
    for _ in 0..CROWD {
        let (participant, state) = (id(0), ConnectionState::Connected);
        queue.push(Event::ConnectionState { participant, state, failure: None });
    }
}

#[tokio::test]
async fn what_fits_arrives_as_it_happened() {
    let (queue, mut events) = EventQueue::new();
    queue.push(joined(1));
    for connected in [false, true] {
        queue.push(updated(1, None, Some(connected)));
    }
    queue.push(Event::ParticipantLeft(id(1)));
    queue.push(Event::Closed(CloseReason::Left));
    drop(queue);
    assert!(matches!(
        waiting(&mut events)[..],
        [
            Event::ParticipantJoined(_),
            Event::ParticipantUpdated { connected: Some(false), .. },
            Event::ParticipantUpdated { connected: Some(true), .. },
            Event::ParticipantLeft(_),
            Event::Closed(CloseReason::Left),
        ]
    ));
    assert!(events.recv().await.is_none());
}

#[tokio::test]
async fn newer_states_replace_older_ones_once_many_wait() {
    let (queue, mut events) = EventQueue::new();
    crowd(&queue);
    queue.push(joined(1));
    for n in 0..10_000 {
        queue.push(updated(1, (n == 3).then_some("new"), Some(n % 2 == 1)));
        queue.push(Event::Resumed { lossy: n == 5 });
    }
    queue.push(Event::Closed(CloseReason::Left));
    let seen = waiting(&mut events);
    let [.., Event::ParticipantJoined(_), updated, Event::Resumed { lossy: true }, closed] =
        &seen[..]
    else {
        panic!("{:?}", &seen[CROWD - 1..]);
    };
    assert!(
        matches!(updated, Event::ParticipantUpdated { name: Some(name), connected: Some(true), .. }
            if name == "new")
    );
    assert!(matches!(closed, Event::Closed(_)));
    assert!(seen.len() <= CROWD + 4, "{}", seen.len());
}

#[tokio::test]
async fn whoever_comes_and_goes_while_many_events_wait_takes_no_place() {
    let (queue, mut events) = EventQueue::new();
    queue.push(joined(1));
    assert!(matches!(waiting(&mut events)[..], [Event::ParticipantJoined(_)]));
    crowd(&queue);
    queue.push(Event::ParticipantLeft(id(1)));
    for stranger in 2..2000 {
        queue.push(joined(stranger));
        queue.push(updated(stranger, Some("x"), None));
        queue.push(message(stranger, 1000));
        queue.push(Event::ParticipantLeft(id(stranger)));
    }
    queue.push(joined(1));
    let seen = waiting(&mut events);
    assert!(matches!(seen[0], Event::Lagged { dropped: 1998 }), "{:?}", seen[0]);
    assert_eq!(seen.len(), CROWD + 3);
    assert!(matches!(seen[CROWD + 1..], [Event::ParticipantLeft(_), Event::ParticipantJoined(_)]));
}

#[tokio::test]
async fn messages_of_one_sender_wait_up_to_a_number_of_bytes_and_displace_nobody_elses() {
    let (queue, mut events) = EventQueue::new();
    for _ in 0..1000 {
        queue.push(message(1, 16 * 1024));
    }
    queue.push(message(2, 16 * 1024));
    let seen = waiting(&mut events);
    let fit = ByteBudget::BYTES / (16 * 1024 + ByteBudget::OVERHEAD);
    let Event::Lagged { dropped } = seen[0] else { panic!("{:?}", seen[0]) };
    assert_eq!((dropped as usize, seen.len()), (1000 - fit, fit + 2));
    assert!(matches!(seen.last(), Some(Event::Message { from, .. }) if *from == id(2)));
    queue.push(message(1, 16 * 1024));
    assert_eq!(waiting(&mut events).len(), 1, "what was taken makes room");
}

#[tokio::test]
async fn messages_of_the_server_wait_up_to_a_number_of_bytes_and_displace_no_participants() {
    let (queue, mut events) = EventQueue::new();
    queue.push(message(1, 16 * 1024));
    for _ in 0..1000 {
        let data = vec![b'7'; 16 * 1024].into();
        queue.push(Event::HostMessage { topic: "t".into(), data });
    }
    queue.push(message(1, 16 * 1024));
    let seen = waiting(&mut events);
    let fit = ByteBudget::BYTES / (16 * 1024 + ByteBudget::OVERHEAD);
    let Event::Lagged { dropped } = seen[0] else { panic!("{:?}", seen[0]) };
    assert_eq!((dropped as usize, seen.len()), (1000 - fit, fit + 3));
    let [_, Event::Message { .. }, .., Event::HostMessage { .. }, Event::Message { .. }] =
        &seen[..]
    else {
        panic!("{seen:?}")
    };
}

#[tokio::test]
async fn all_tracks_of_a_sender_and_those_that_replace_them_wait() {
    let (queue, mut events) = EventQueue::new();
    let slot = |number: usize| Slot::audio(&number.to_string()).unwrap();
    for number in 0..17 {
        let slot = slot(number);
        let (clock, wanted) = (SenderClock::default(), Arc::default());
        let (track, _) =
            RemoteTrack::new(id(1), MediaKind::Audio, Some(slot), None, None, clock, wanted);
        queue.push(Event::Track(track));
    }
    let seen = waiting(&mut events);
    assert!(matches!(seen[0], Event::Lagged { dropped: 1 }), "{:?}", seen[0]);
    let slots = seen[1..].iter().map(|event| match event {
        Event::Track(track) => track.slot().unwrap().clone(),
        other => panic!("{other:?}"),
    });
    assert!(slots.eq((1..17).map(slot)));
}

#[tokio::test]
async fn data_that_waits_holds_up_its_sender_until_it_is_taken_or_nobody_listens() {
    let (queue, mut events) = EventQueue::new();
    let data = Bytes::from(vec![7; ByteBudget::BYTES]);
    let (budget, other) = (queue.data_budget(id(1)), queue.data_budget(id(2)));
    queue.push_data(id(1), data.clone(), budget.take(&data).await);
    // As after the connection was rebuilt.
    let budget = queue.data_budget(id(1));
    assert!(budget.try_take(&[]).is_none());
    assert!(other.try_take(&data).is_some());
    assert!(matches!(waiting(&mut events)[..], [Event::Data { .. }]));
    queue.push_data(id(1), data.clone(), budget.try_take(&data).expect("it was taken"));
    drop(events);
    queue.push_data(id(1), data.clone(), budget.try_take(&data).expect("nobody listens"));
    assert!(budget.try_take(&data).is_some());
}

#[tokio::test]
async fn a_waiting_application_is_woken_by_an_event_and_by_the_end() {
    let (queue, events) = EventQueue::new();
    let taking = tokio::spawn(async move { (events.recv().await, events.recv().await) });
    tokio::task::yield_now().await;
    queue.push(Event::Reconnecting);
    tokio::task::yield_now().await;
    drop(queue);
    assert!(matches!(taking.await.unwrap(), (Some(Event::Reconnecting), None)));
}
