//! A bot, which greets everybody in a room, plays the built-in clip, and echoes every message.
//!
//! ```sh
//! cargo run -p examples --example bot -- 'https://rooms.example.com/ABC234#invite-token'
//! cargo run -p examples --example bot -- https://rooms.example.com ABC234 123456
//! ```

use std::env;
use std::error::Error;
use std::net::{AddrParseError, IpAddr};
use std::process::ExitCode;

use client_sdk::{
    Client, ConnectionState, Event, Invite, Options, Participant, ParticipantId, Source,
};

const USAGE: &str = "usage: bot <invite link>
       bot <server> <room number> <password>

BOT_BIND=127.0.0.1 keeps its media on this machine.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let entering = match arguments[..] {
        [link] if link != "--help" => by_invite(link).await,
        [server, room, password] => by_password(server, room, password).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match entering {
        Ok(bot) => take_part(bot).await,
        Err(error) => {
            eprintln!("bot: {error}");
            ExitCode::FAILURE
        }
    }
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

/// Takes part until the room is closed or Ctrl-C is pressed.
async fn take_part(mut bot: Participant) -> ExitCode {
    println!("joined as {}", bot.id());
    loop {
        let event = tokio::select! {
            event = bot.next_event() => event,
            _ = tokio::signal::ctrl_c() => {
                bot.leave().await;
                return ExitCode::SUCCESS;
            }
        };
        match event {
            Some(Event::ParticipantJoined(member)) => {
                println!("{} is here: {}", member.id, member.name);
            }
            Some(Event::ConnectionState {
                participant, state: ConnectionState::Connected, ..
            }) => {
                println!("{participant} hears and sees the clip");
            }
            Some(Event::DataChannelOpen { participant }) => say(&bot, participant, b"hello").await,
            // An echo is not answered, or two bots would never stop.
            Some(Event::Data { data, .. }) if data.starts_with(ECHO) => {}
            Some(Event::Data { participant, data }) => {
                say(&bot, participant, &[ECHO, &data].concat()).await;
            }
            Some(Event::ParticipantLeft(id)) => println!("{id} has left"),
            Some(Event::Closed(reason)) => println!("the room is over: {reason:?}"),
            Some(_) => {}
            None => return ExitCode::SUCCESS,
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
