//! A bot that greets everybody in a room over the data channel, plays the built-in clip, and echoes
//! all data that it receives.
//!
//! ```sh
//! cargo run -p examples --example bot -- 'https://rooms.example.com/ABC234#invite-token'
//! cargo run -p examples --example bot -- https://rooms.example.com ABC234 123456
//! ```

use std::env;
use std::error::Error;
use std::net::{AddrParseError, IpAddr};
use std::pin::pin;
use std::process::ExitCode;

use client_sdk::{
    Client, ConnectionState, Event, Invite, Options, Participant, ParticipantId, Source,
};

const USAGE: &str = "usage: bot <invite link>
       bot <server> <room id> <password>

BOT_BIND=127.0.0.1 keeps its media on this machine.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if !matches!(arguments[..], [_] | [_, _, _]) || arguments[0] == "--help" {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    // One future for the whole run, so that Ctrl-C ends every wait of the bot.
    let mut stop = pin!(tokio::signal::ctrl_c());
    let entering = async {
        match arguments[..] {
            [server, room, password] => by_password(server, room, password).await,
            _ => by_invite(arguments[0]).await,
        }
    };
    let entered = tokio::select! {
        entered = entering => entered,
        _ = &mut stop => return ExitCode::SUCCESS,
    };
    let mut bot = match entered {
        Ok(bot) => bot,
        Err(error) => {
            eprintln!("bot: {error}");
            return ExitCode::FAILURE;
        }
    };
    tokio::select! {
        () = take_part(&mut bot) => {}
        _ = &mut stop => bot.leave().await,
    }
    ExitCode::SUCCESS
}

async fn by_invite(link: &str) -> Result<Participant, Box<dyn Error>> {
    let invite: Invite = link.parse()?;
    let client = Client::new(invite.server().unwrap_or(link))?;
    Ok(client.join_by_invite(&invite, NAME, options()?).await?)
}

async fn by_password(
    server: &str,
    room: &str,
    password: &str,
) -> Result<Participant, Box<dyn Error>> {
    Ok(Client::new(server)?.join(room, password, NAME, options()?).await?)
}

fn options() -> Result<Options, AddrParseError> {
    let options = Options::new().audio(Source::Clip).video(Source::Clip);
    match env::var("BOT_BIND") {
        Ok(address) => Ok(options.bind_address(address.parse::<IpAddr>()?)),
        Err(_) => Ok(options),
    }
}

/// Takes part until the room is over.
async fn take_part(bot: &mut Participant) {
    println!("joined as {}", bot.id());
    while let Some(event) = bot.next_event().await {
        match event {
            Event::ParticipantJoined(member) => println!("{} is here: {}", member.id, member.name),
            Event::ConnectionState { participant, state: ConnectionState::Connected, .. } => {
                println!("{participant} hears and sees the clip");
            }
            Event::DataChannelOpen { participant } => say(bot, participant, b"hello").await,
            // An echo is not answered, or two bots would never stop.
            Event::Data { data, .. } if data.starts_with(ECHO) => {}
            Event::Data { participant, data } => {
                say(bot, participant, &[ECHO, &data].concat()).await;
            }
            Event::ParticipantLeft(id) => println!("{id} has left"),
            Event::Closed(reason) => println!("the room is over: {reason:?}"),
            _ => {}
        }
    }
}

async fn say(bot: &Participant, to: ParticipantId, data: &[u8]) {
    if let Err(error) = bot.send_data(to, data.to_vec()).await {
        eprintln!("bot: cannot send to {to}: {error}");
    }
}

const NAME: &str = "bot";

/// What an answer begins with.
const ECHO: &[u8] = b"echo: ";
