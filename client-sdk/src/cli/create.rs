//! Creates a room.

use serde_json::json;

use super::args::CreateArgs;
use super::failure::Failure;
use super::output::Output;
use crate::api::NewRoom;

pub(super) async fn create(args: CreateArgs, output: Output) -> Result<(), Failure> {
    let (client, server) = args.server.client(None)?;
    let token = args.token.required()?;
    let room = NewRoom {
        name: args.name,
        max_participants: args.max_participants,
        expires_minutes: args.expires_minutes,
        ..NewRoom::default()
    };
    let room = client.create_room(&token, &room).await?;
    let (id, password) = (&room.room_id, &room.password);
    // Without the address of a page, the link begins with the address of the server.
    let made = room
        .invite_token
        .as_ref()
        .map(|invite| format!("{}/{id}#{invite}", server.as_str().trim_end_matches('/')));
    let link = room.join_url.clone().or(made);
    let json = json!({
        "room_id": id,
        "password": password,
        "name": room.name,
        "max_participants": room.max_participants,
        "expires_at": room.expires_at,
        "link": link,
        "server": server.as_str(),
    });
    let lines = [
        ("room", id.as_str()),
        ("password", password),
        ("link", link.as_deref().unwrap_or("none: the server has no invites")),
        ("name", &room.name),
        ("ends", &room.expires_at),
    ];
    let lines = lines.map(|(name, value)| format!("{name:<10}{value}"));
    output.print(lines.join("\n"), &json);
    Ok(())
}
