//! The id of an event, which stays the same however often the event is sent.

use signal_core::room::event::EventKey;

/// Formats the key of an event as its id.
pub(super) fn event_id(key: &EventKey) -> String {
    let EventKey { room, epoch, version, position } = key;
    // A point ends the id in the text that is signed. No room id has a `%`.
    let room = room.as_str().replace('.', "%2E");
    format!("EV_{room}_{epoch:x}_{version}_{position}")
}

/// The key of the event with this id; `None` if it is not one.
pub(super) fn event_key(id: &str) -> Option<EventKey> {
    let mut parts = id.strip_prefix("EV_")?.rsplitn(4, '_');
    let position = parts.next()?.parse().ok()?;
    let version = parts.next()?.parse().ok()?;
    let epoch = u64::from_str_radix(parts.next()?, 16).ok()?;
    let room = parts.next()?.replace("%2E", ".").parse().ok()?;
    Some(EventKey { room, epoch, version, position })
}

#[cfg(test)]
mod tests {
    use signal_core::RoomId;

    use super::*;

    #[test]
    fn an_id_is_read_as_the_key_that_it_was_made_of() {
        for room in ["ABC234", "daily", "a.b_c_1~-", "..."] {
            let room: RoomId = room.parse().unwrap();
            let key = EventKey { room, epoch: u64::MAX, version: 7, position: 3 };
            assert_eq!(event_key(&event_id(&key)), Some(key));
            assert!(!event_id(&key).contains('.'));
        }
        for id in ["", "EV_", "EV_1_2_3", "EV_234567_x_1_0", "EV_234567_1_1_-1", "234567_1_1_1"] {
            assert_eq!(event_key(id), None, "{id}");
        }
    }
}
