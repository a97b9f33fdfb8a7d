//! Checks the secrets, which are given by themselves or in files.

use std::fs;
use std::path::Path;

use super::{Check, InvalidSettings};
use crate::Secret;
use crate::cli::args::AccessSecretArgs;

impl Check {
    pub(super) fn secret(
        &mut self,
        name: &str,
        given: Result<Option<Secret>, InvalidSettings>,
        development: bool,
    ) -> Option<Secret> {
        let secret = self.value(given)?;
        let complaint = match &secret {
            None => format!("--{name} is missing: {}", ways_to_set(name)),
            Some(secret) if secret.is_weak() => {
                format!(
                    "--{name} is shorter than {} characters: {}",
                    Secret::STRONG_CHARS,
                    ways_to_set(name)
                )
            }
            Some(_) => return secret,
        };
        self.complain(complaint, development);
        secret
    }
}

/// The secret that the login signs access tokens with.
pub(super) fn access_secret(args: AccessSecretArgs) -> Result<Option<Secret>, InvalidSettings> {
    one_of("access-secret", args.access_secret, args.access_secret_file.as_deref())
}

/// The ways to set a secret.
pub(super) fn ways_to_set(name: &str) -> String {
    let variable = format!("SIGNAL_{}", name.to_uppercase().replace('-', "_"));
    format!("set {variable}, {variable}_FILE, --{name} or --{name}-file")
}

/// The secret that is given, or that is in the file.
pub(super) fn one_of(
    name: &str,
    secret: Option<Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, InvalidSettings> {
    let secret = match (secret, file) {
        (Some(secret), _) => secret,
        (None, Some(path)) => secret_in(&format!("{name}-file"), path)?,
        (None, None) => return Ok(None),
    };
    if secret.is_empty() {
        return Err(InvalidSettings(vec![format!("--{name} is empty: {}", ways_to_set(name))]));
    }
    Ok(Some(secret))
}

/// Reads the secret in the file that a setting names.
pub(super) fn secret_in(setting: &str, path: &Path) -> Result<Secret, InvalidSettings> {
    let text = fs::read_to_string(path).map_err(|error| {
        InvalidSettings(vec![format!("cannot read --{setting} {}: {error}", path.display())])
    })?;
    Ok(Secret::from(text.as_str()))
}
