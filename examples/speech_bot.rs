//! A bot that listens to everybody, repeats what a participant said after a pause, and stops as
//! soon as anybody speaks.
//!
//! A real bot has speech recognition and speech synthesis in the place of [`answer`]. Do not put
//! two of these bots into one room: they answer each other.
//!
//! ```sh
//! cargo run -p examples --example speech_bot -- https://rooms.example.com ABC234 123456
//! ```

use std::env;
use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use client_sdk::{
    AudioLevel, Client, Event, Options, OpusOptions, PcmChunk, PcmError, PcmFormat, PcmReceiver,
    PcmSender, SampleRate, Source,
};
use tokio::time::timeout;

const FORMAT: PcmFormat = PcmFormat::mono(SampleRate::Hz16000);
/// Louder sound counts as speech. A real bot has voice detection.
const SPEECH: AudioLevel = AudioLevel::from_decibels(-40);
/// The silence that ends a sentence.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest sentence, as many samples as the sender buffers.
const LONGEST_SENTENCE: usize = 10 * 16_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, room, password] = &arguments[..] else {
        return Err("usage: speech_bot <server> <room id> <password>".into());
    };
    let (voice, source) = Source::pcm(FORMAT, OpusOptions::speech());
    let mut options = Options::new().audio(source);
    // Keeps its media on this machine.
    if let Ok(address) = env::var("BOT_BIND") {
        options = options.bind_address(address.parse::<IpAddr>()?);
    }
    let mut bot = Client::new(server)?.join(room, password, "speech bot", options).await?;
    while let Some(event) = bot.next_event().await {
        let Event::Track(track) = event else { continue };
        // Ignores video and unknown codecs.
        if let Ok(sound) = track.into_pcm(FORMAT) {
            tokio::spawn(converse(sound, voice.clone()));
        }
    }
    Ok(())
}

/// Answers everything that one participant says.
async fn converse(mut sound: PcmReceiver, voice: PcmSender) {
    let mut sentence = Vec::new();
    let mut silence = Duration::ZERO;
    loop {
        match timeout(PAUSE, sound.recv()).await {
            Ok(Some(chunk)) if AudioLevel::of(&chunk.to_i16()) >= SPEECH => {
                if sentence.is_empty() {
                    println!("{} speaks", sound.track().participant());
                    voice.clear();
                }
                silence = Duration::ZERO;
                sentence.extend(chunk.samples);
                sentence.truncate(LONGEST_SENTENCE);
            }
            Ok(Some(chunk)) => silence += length(&chunk),
            Ok(None) => return,
            // A silent participant may send no packets at all.
            Err(_) => silence = PAUSE,
        }
        if silence < PAUSE || sentence.is_empty() {
            continue;
        }
        let answer = answer(std::mem::take(&mut sentence));
        // Does not wait, so that the bot goes on listening while it speaks.
        match voice.try_send(&answer) {
            Err(PcmError::Closed) => return,
            Err(error) => eprintln!("speech_bot: {error}"),
            Ok(()) => println!("says {:.1} s", answer.len() as f64 / 16_000.0),
        }
    }
}

fn answer(sentence: Vec<f32>) -> Vec<f32> {
    sentence
}

fn length(chunk: &PcmChunk) -> Duration {
    Duration::from_secs(chunk.samples.len() as u64) / FORMAT.rate.hertz()
}
