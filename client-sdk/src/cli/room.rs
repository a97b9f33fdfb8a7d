//! The commands of a room's creator.

use serde_json::json;

use super::args::{KickArgs, ParticipantsArgs};
use super::failure::Failure;
use super::output::Output;
use super::target::Target;
use crate::api::ParticipantSummary;

pub(super) async fn participants(args: ParticipantsArgs, output: Output) -> Result<(), Failure> {
    let target = Target::read(&args.room)?;
    let (client, _) = args.server.client(target.server.as_deref())?;
    let shown = client.show_room(&args.token.required()?, &target.room).await?;
    let row = |participant: ParticipantSummary| {
        let json = json!({
            "id": participant.id.as_str(),
            "name": participant.name,
            "is_creator": participant.is_creator,
            "connected": participant.connected,
        });
        let notes = match (participant.is_creator, participant.connected) {
            (true, true) => "creator",
            (true, false) => "creator, without a connection",
            (false, true) => "",
            (false, false) => "without a connection",
        };
        ([participant.id.to_string(), participant.name, notes.to_owned()], json)
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
    let is_meant = |participant: &&ParticipantSummary| {
        participant.id.as_str() == wanted || participant.name == wanted
    };
    let meant: Vec<&ParticipantSummary> = shown.participants.iter().filter(is_meant).collect();
    let participant = match meant[..] {
        [participant] => participant,
        [] => {
            return Err(Failure::failed(format!("nobody in the room has the id or name {wanted}")));
        }
        _ => {
            let ids: Vec<&str> = meant.iter().map(|participant| participant.id.as_str()).collect();
            let ids = ids.join(", ");
            return Err(Failure::failed(format!("several are called {wanted}: {ids}")));
        }
    };
    let credentials = match args.ban {
        true => Some(client.ban(&token, &target.room, participant.id).await?),
        false => {
            client.kick(&token, &target.room, participant.id).await?;
            None
        }
    };
    let password = credentials.as_ref().map(|credentials| credentials.password.as_str());
    let mut text = format!("removed {} ({})", participant.name, participant.id);
    if let Some(password) = password {
        text += &format!("\nnew password {password}");
    }
    let json =
        json!({"removed": participant.id.as_str(), "name": participant.name, "password": password});
    output.print(text, &json);
    Ok(())
}
