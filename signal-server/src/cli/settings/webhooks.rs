//! The settings of webhooks.

use super::Check;
use super::secret::secret_in;
use crate::Webhooks;
use crate::cli::webhook_args::WebhookArgs;

impl Check {
    /// Checks where events are sent, if they are.
    pub(super) fn webhooks(&mut self, args: WebhookArgs) -> Option<Webhooks> {
        let WebhookArgs { webhook_url, webhook_secret_files, webhook_events, webhook_ca } = args;
        let Some(url) = webhook_url else {
            for (name, is_given) in [
                ("webhook-secret-file", !webhook_secret_files.is_empty()),
                ("webhook-event", !webhook_events.is_empty()),
                ("webhook-ca", webhook_ca.is_some()),
            ] {
                if is_given {
                    self.problem(format!("--{name} has no effect without --webhook-url"));
                }
            }
            return None;
        };
        if webhook_secret_files.is_empty() {
            self.problem(
                "--webhook-url needs the secret that its receiver checks: set \
                 --webhook-secret-file or SIGNAL_WEBHOOK_SECRET_FILE"
                    .to_owned(),
            );
            return None;
        }
        let read = webhook_secret_files.iter().map(|path| secret_in("webhook-secret-file", path));
        let secrets: Vec<_> = read.filter_map(|secret| self.value(secret)).collect();
        let ca = match webhook_ca {
            Some(path) => Some(self.file("webhook-ca", &path)?),
            None => None,
        };
        if secrets.len() < webhook_secret_files.len() {
            return None;
        }
        let webhooks = match Webhooks::new(&url, &secrets, ca.as_deref()) {
            Ok(webhooks) => webhooks,
            Err(error) => {
                self.problem(format!("events cannot be sent to --webhook-url: {error}"));
                return None;
            }
        };
        Some(if webhook_events.is_empty() { webhooks } else { webhooks.only(webhook_events) })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn problems(args: WebhookArgs) -> String {
        let mut check = Check::default();
        let webhooks = check.webhooks(args);
        assert!(webhooks.is_none() || check.problems.is_empty());
        check.problems.join("\n")
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let secret = file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        let weak = file("weak", "whsec_word");
        let url = || Some("https://hooks.example.com/rooms".to_owned());
        let with = |files: &[&std::path::PathBuf]| WebhookArgs {
            webhook_url: url(),
            webhook_secret_files: files.iter().map(|path| (*path).clone()).collect(),
            ..WebhookArgs::default()
        };
        assert_eq!(problems(WebhookArgs::default()), "");
        assert_eq!(problems(with(&[&secret])), "");
        assert_eq!(problems(with(&[&secret, &secret])), "");
        for (args, part) in [
            (with(&[]), "--webhook-url needs the secret"),
            (with(&[&secret, &secret, &secret]), "expected one secret"),
            (with(&[&weak]), "expected a secret like whsec_"),
            (with(&[&"/nonexistent/secret".into()]), "cannot read --webhook-secret-file"),
            (WebhookArgs { webhook_url: None, ..with(&[&secret]) }, "--webhook-secret-file has no"),
            (
                WebhookArgs { webhook_ca: Some("ca".into()), ..WebhookArgs::default() },
                "--webhook-ca has no effect",
            ),
            (
                WebhookArgs { webhook_ca: Some(secret.clone()), ..with(&[&secret]) },
                "expected certificates in PEM",
            ),
            (
                WebhookArgs { webhook_url: Some("http://example.com".into()), ..with(&[&secret]) },
                "expected an https:// URL",
            ),
        ] {
            let told = problems(args);
            assert!(told.contains(part) && !told.contains("word"), "{part} is not in\n{told}");
        }
    }
}
