//! The settings of the login.

use std::fs;
use std::path::{Path, PathBuf};

use super::secret::{access_secret, one_of, ways_to_set};
use super::{Check, InvalidSettings};
use crate::cli::args::{AccessSecretArgs, LoginArgs};
use crate::{Login, Secret};

impl LoginArgs {
    /// Whether nothing is set, so that this process alone can sign access tokens.
    pub(super) fn is_random(&self) -> bool {
        let Self { access, previous_access_secret, previous_access_secret_file, .. } = self;
        let AccessSecretArgs { access_secret, access_secret_file } = access;
        access_secret.is_none()
            && access_secret_file.is_none()
            && previous_access_secret.is_none()
            && previous_access_secret_file.is_none()
            && self.access_key_files.is_empty()
            && self.jwks_url.is_none()
    }

    /// How access tokens are verified, in a few words.
    pub(super) fn described(&self) -> &'static str {
        let Self { access, access_key_files, jwks_url, .. } = self;
        if jwks_url.is_some() {
            return "keys of an identity provider (--jwks-url)";
        }
        if !access_key_files.is_empty() {
            return "public keys (--access-key-file)";
        }
        match access {
            AccessSecretArgs { access_secret: None, access_secret_file: None } => {
                "a random secret, for development"
            }
            AccessSecretArgs { .. } => "a shared secret (--access-secret)",
        }
    }
}

impl Check {
    /// Checks how access tokens are verified; in development nothing needs to be set.
    pub(super) fn login(&mut self, args: LoginArgs, development: bool) -> Option<Login> {
        let access = access_secret(args.access);
        let file = args.previous_access_secret_file.as_deref();
        let previous = one_of("previous-access-secret", args.previous_access_secret, file);
        let has_secret = !matches!((&access, &previous), (Ok(None), Ok(None)));
        let ways = [
            has_secret.then_some("--access-secret"),
            (!args.access_key_files.is_empty()).then_some("--access-key-file"),
            args.jwks_url.is_some().then_some("--jwks-url"),
        ];
        let ways: Vec<&str> = ways.into_iter().flatten().collect();
        if args.jwks_ca.is_some() && args.jwks_url.is_none() {
            self.problem("--jwks-ca has no effect without --jwks-url".to_owned());
        }
        let login = match (ways.as_slice(), args.jwks_url) {
            ([], _) => {
                let or = "or, for a login with keys of its own, --access-key-file or --jwks-url";
                let complaint =
                    format!("--access-secret is missing: {}, {or}", ways_to_set("access-secret"));
                self.complain(complaint, development);
                Some(Login::from(Secret::random()))
            }
            ([_, _, ..], _) => {
                self.problem(format!(
                    "{} exclude each other: give one of them",
                    ways.join(" and ")
                ));
                None
            }
            ([_], Some(url)) => self.jwks(&url, args.jwks_ca.as_deref()),
            ([_], None) if has_secret => {
                let secret = match access {
                    Ok(None) => {
                        self.problem(
                            "--previous-access-secret has no effect without --access-secret"
                                .to_owned(),
                        );
                        None
                    }
                    given => self.secret("access-secret", given, development),
                };
                let previous = match previous {
                    Ok(None) => None,
                    given => self.secret("previous-access-secret", given, development),
                };
                secret.map(|secret| Login::secret(secret, previous.as_ref()))
            }
            ([_], None) => self.public_keys(&args.access_key_files),
        }?;
        let login = args.access_issuer.into_iter().fold(login, Login::issuer);
        Some(args.access_audience.into_iter().fold(login, Login::audience))
    }

    fn jwks(&mut self, url: &str, ca: Option<&Path>) -> Option<Login> {
        let ca = match ca {
            Some(path) => Some(self.file("jwks-ca", path)?),
            None => None,
        };
        let login = Login::jwks(url, ca.as_deref());
        login
            .map_err(|error| {
                self.problem(format!("the keys of --jwks-url cannot be fetched: {error}"));
            })
            .ok()
    }

    fn public_keys(&mut self, paths: &[PathBuf]) -> Option<Login> {
        let mut pems = Vec::new();
        for path in paths {
            let Some(pem) = self.file("access-key-file", path) else { continue };
            // One by one, to name the file that is invalid.
            match Login::public_keys([&pem]) {
                Ok(_) => pems.push(pem),
                Err(error) => {
                    self.problem(format!("--access-key-file {}: {error}", path.display()));
                }
            }
        }
        Login::public_keys(pems).ok()
    }

    /// Reads the file that a setting names.
    pub(super) fn file(&mut self, name: &str, path: &Path) -> Option<String> {
        let text = fs::read_to_string(path).map_err(|error| {
            InvalidSettings(vec![format!("cannot read --{name} {}: {error}", path.display())])
        });
        self.value(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(args: LoginArgs) -> String {
        let mut check = Check::default();
        let login = check.login(args, false);
        assert!(login.is_some() || !check.problems.is_empty());
        check.problems.join("\n")
    }

    fn file(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[test]
    fn a_login_is_one_of_three_ways() {
        let secret =
            || AccessSecretArgs { access_secret: Some(Secret::random()), access_secret_file: None };
        assert_eq!(problems(LoginArgs { access: secret(), ..LoginArgs::default() }), "");
        let url = || Some("https://login.example.com/jwks".to_owned());
        assert_eq!(problems(LoginArgs { jwks_url: url(), ..LoginArgs::default() }), "");
        let both = LoginArgs { access: secret(), jwks_url: url(), ..LoginArgs::default() };
        assert_eq!(
            problems(both),
            "--access-secret and --jwks-url exclude each other: give one of them"
        );
    }

    #[test]
    fn what_is_wrong_with_a_key_or_where_it_is_published_is_told() {
        let (_folder, key) = file("key", "-----BEGIN PRIVATE KEY-----");
        let told = problems(LoginArgs {
            access_key_files: vec![key, "/nonexistent/key".into()],
            jwks_ca: Some("ca".into()),
            ..LoginArgs::default()
        });
        for part in [
            "it is a private key",
            "cannot read --access-key-file /nonexistent/key",
            "--jwks-ca has no effect",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        let (_folder, ca) = file("ca", "no certificate");
        for (url, ca, part) in [
            ("http://login.example.com/jwks", None, "https://"),
            ("login.example.com", None, "https://"),
            ("https://user:secret@login.example.com/jwks", None, "without a user name"),
            ("http://user:secret@login.example.com/jwks", None, "without a user name"),
            ("https://user:secret@login.example.com:port/jwks", None, "https://"),
            ("user:secret@login.example.com/jwks", None, "https://"),
            ("https://login.example.com/jwks", Some(ca), "certificates in PEM"),
        ] {
            let told = problems(LoginArgs {
                jwks_url: Some(url.into()),
                jwks_ca: ca,
                ..LoginArgs::default()
            });
            assert!(told.contains(part), "{part} is not in\n{told}");
            assert!(!told.contains("user:secret"), "{told}");
        }
    }

    #[test]
    fn a_secret_that_is_replaced_is_no_login_alone() {
        for development in [false, true] {
            let mut check = Check::default();
            let previous = LoginArgs {
                previous_access_secret: Some(Secret::random()),
                ..LoginArgs::default()
            };
            assert!(check.login(previous, development).is_none());
            assert_eq!(
                check.problems,
                ["--previous-access-secret has no effect without --access-secret"]
            );
        }
    }

    #[test]
    fn a_secret_that_is_replaced_is_as_strong_as_the_one_that_replaces_it() {
        let told = problems(LoginArgs {
            access: AccessSecretArgs {
                access_secret: Some(Secret::random()),
                access_secret_file: None,
            },
            previous_access_secret: Some("short".into()),
            ..LoginArgs::default()
        });
        assert!(told.contains("--previous-access-secret is shorter than 32"), "{told}");
    }
}
