//! The JSON form of an ICE server, which is that of `RTCIceServer`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ice::IceServer;

#[derive(Deserialize)]
struct IceServerFields {
    urls: Vec<String>,
    username: Option<String>,
    credential: Option<String>,
}

#[derive(Serialize)]
struct IceServerJson<'a> {
    urls: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
}

impl<'de> Deserialize<'de> for IceServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let IceServerFields { urls, username, credential } =
            IceServerFields::deserialize(deserializer)?;
        Ok(Self { urls, username, credential })
    }
}

impl Serialize for IceServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { urls, username, credential } = self;
        let (username, credential) = (username.as_deref(), credential.as_deref());
        IceServerJson { urls, username, credential }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_as_browsers_take_it_and_read_back() {
        for (server, json) in [
            (IceServer::stun(["stun:a:3478"]), r#"{"urls":["stun:a:3478"]}"#),
            (
                IceServer::turn(["turn:a", "turns:a"], "u", "c"),
                r#"{"urls":["turn:a","turns:a"],"username":"u","credential":"c"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&server).unwrap(), json);
            assert_eq!(serde_json::from_str::<IceServer>(json).unwrap(), server);
        }
    }

    #[test]
    fn what_is_null_or_unknown_is_left_out() {
        let json = r#"{"urls":[],"username":null,"credentialType":"password"}"#;
        assert_eq!(serde_json::from_str::<IceServer>(json).unwrap(), IceServer::stun([""; 0]));
    }
}
