//! Whether a run of a scenario measures what its objectives are about.

use thiserror::Error;

use crate::measure::latency_kind::Kind;
use crate::objectives::slo::{Counter, Objectives, Subject};
use crate::scenario::{Depth, Preset, Scenario};

/// A run does not measure what an objective is about, so that it would say nothing.
#[derive(Debug, Error)]
#[error("--slo {objective}: this run does not measure that; it is measured {only}")]
pub(crate) struct NotMeasured {
    objective: String,
    only: &'static str,
}

/// Refuses objectives about which a run has no figures.
pub(crate) fn check(objectives: &Objectives, scenario: &Scenario) -> Result<(), NotMeasured> {
    for objective in &objectives.0 {
        let condition = match objective.subject() {
            Subject::Kind(kind) => condition_of_kind(kind, scenario),
            Subject::Counter(counter) => condition_of_counter(counter, scenario),
        };
        if let Some(only) = condition {
            return Err(NotMeasured { objective: objective.to_string(), only });
        }
    }
    Ok(())
}

/// The condition that a scenario does not meet; `None` if the kind is measured.
fn condition_of_kind(kind: Kind, scenario: &Scenario) -> Option<&'static str> {
    let is_media = scenario.depth == Depth::Media;
    match kind {
        Kind::WebsocketOpen | Kind::Offer | Kind::Answer | Kind::Candidate if is_media => {
            Some(AT_SIGNALING)
        }
        Kind::Ice | Kind::Dtls | Kind::FirstMedia | Kind::FirstFrame if !is_media => Some(AT_MEDIA),
        Kind::MouthToEar | Kind::GlassToGlass if !is_media => Some(AT_MEDIA),
        Kind::Message if scenario.message_rate == 0.0 => Some("with --message-rate"),
        Kind::Leave | Kind::LeaveFirst | Kind::LeaveMedian => {
            let leaves = scenario.stay.is_some() || scenario.shape.is_some();
            (!leaves).then_some("with --stay or --replay")
        }
        Kind::MouthToEar => {
            let is_marked = scenario.audio_file.is_none() && scenario.preset != Preset::Clip;
            (!is_marked).then_some("with --preset voice, 360p or 720p, and without --audio-file")
        }
        Kind::GlassToGlass => {
            let synthetic = scenario.video_file.is_none() && scenario.preset.picture().is_some();
            let is_marked = (scenario.has_video() && synthetic) || scenario.share_every.is_some();
            (!is_marked).then_some(
                "with --preset 360p or 720p, without --video-file and --no-video, or with \
                 --share-every",
            )
        }
        _ => None,
    }
}

fn condition_of_counter(counter: Counter, scenario: &Scenario) -> Option<&'static str> {
    match counter {
        Counter::Loss | Counter::Silent if scenario.depth == Depth::Signaling => Some(AT_MEDIA),
        Counter::Failed | Counter::Loss | Counter::Lost | Counter::Missing | Counter::Silent => {
            None
        }
    }
}

const AT_MEDIA: &str = "at --depth media";
const AT_SIGNALING: &str = "at --depth signaling";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ScenarioSettings;
    use crate::span::Span;

    #[test]
    fn objectives_about_what_a_run_does_not_measure_are_refused() {
        let media = Scenario::new(&ScenarioSettings::default(), None).unwrap();
        let signaling = Scenario { depth: Depth::Signaling, ..media.clone() };
        let check = |objective: &str, scenario: &Scenario| {
            check(&objective.parse().unwrap(), scenario).map_err(|error| error.to_string())
        };
        for objective in ["loss<0.1%", "silent=0", "ice.p99<1s", "glass_to_glass.p50<1s"] {
            let told = check(objective, &signaling).unwrap_err();
            let end = "this run does not measure that; it is measured at --depth media";
            assert!(told.starts_with("--slo ") && told.ends_with(end), "{told}");
        }
        for objective in ["offer.missing=0", "open.p99<1s", "message.count>1", "leave.missing=0"] {
            assert!(check(objective, &media).is_err(), "{objective}");
        }
        for scenario in [&media, &signaling] {
            let all = "join.p99<1s, fanout.p99<1s, relay.p99<1s, resume.missing=0, lost=0";
            assert_eq!(check(all, scenario), Ok(()));
        }
        assert_eq!(check("loss<0.1%, silent=0, first_frame.p99<1s", &media), Ok(()));
        let leaving = Scenario { stay: Some(Span::seconds(5)), ..signaling };
        assert_eq!(check("leave.missing=0", &leaving), Ok(()));
        assert!(check("mouth_to_ear.p99<1s", &media).is_err());
        let voice = Scenario { preset: Preset::Voice, ..media.clone() };
        assert_eq!(check("mouth_to_ear.p99<1s", &voice), Ok(()));
        assert!(check("glass_to_glass.p99<1s", &voice).is_err());
        let sharing = Scenario { share_every: Some(Span::seconds(5)), ..media };
        assert_eq!(check("glass_to_glass.p99<1s", &sharing), Ok(()));
    }
}
