//! The commands of a room's creator.

use serde_json::json;

use super::args::{KickArgs, ParticipantsArgs};
use super::failure::Failure;
use super::output::Output;
use super::target::Target;
use crate::api::Seat;

pub(super) async fn participants(args: ParticipantsArgs, output: Output) -> Result<(), Failure> {
    let target = Target::read(&args.room)?;
    let (client, _) = args.server.client(target.server.as_deref())?;
    let shown = client.show_room(&args.token.required()?, &target.room).await?;
    let row = |seat: Seat| {
        let json = json!({
            "id": seat.id.as_str(),
            "name": seat.name,
            "is_creator": seat.is_creator,
            "connected": seat.connected,
        });
        let notes = match (seat.is_creator, seat.connected) {
            (true, true) => "creator",
            (true, false) => "creator, without a connection",
            (false, true) => "",
            (false, false) => "without a connection",
        };
        ([seat.id.to_string(), seat.name, notes.to_owned()], json)
    };
    let rows = shown.participants.into_iter().map(row).collect();
    output.table(["id", "name", ""], rows);
    Ok(())
}

pub(super) async fn kick(args: KickArgs, output: Output) -> Result<(), Failure> {
    let target = Target::read(&args.room)?;
    let (client, _) = args.server.client(target.server.as_deref())?;
    let token = args.token.required()?;
    let shown = client.show_room(&token, &target.room).await?;
    let wanted = args.participant.as_str();
    let is_meant = |seat: &&Seat| seat.id.as_str() == wanted || seat.name == wanted;
    let meant: Vec<&Seat> = shown.participants.iter().filter(is_meant).collect();
    let seat = match meant[..] {
        [seat] => seat,
        [] => {
            return Err(Failure::failed(format!("nobody in the room has the id or name {wanted}")));
        }
        _ => {
            let ids: Vec<&str> = meant.iter().map(|seat| seat.id.as_str()).collect();
            let ids = ids.join(", ");
            return Err(Failure::failed(format!("several are called {wanted}: {ids}")));
        }
    };
    let credentials = match args.ban {
        true => Some(client.ban(&token, &target.room, seat.id).await?),
        false => {
            client.kick(&token, &target.room, seat.id).await?;
            None
        }
    };
    let password = credentials.as_ref().map(|credentials| credentials.password.as_str());
    let mut text = format!("removed {} ({})", seat.name, seat.id);
    if let Some(password) = password {
        text += &format!("\nnew password {password}");
    }
    let json = json!({"removed": seat.id.as_str(), "name": seat.name, "password": password});
    output.print(text, &json);
    Ok(())
}
