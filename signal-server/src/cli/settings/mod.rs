//! Checks the arguments and turns them into a configured server.

mod ice_urls;
mod login;
mod origin;
mod page;
mod secret;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use thiserror::Error;

use self::page::PageSettings;
use self::secret::{access_secret, one_of, secret_in, ways_to_set};
use crate::cli::args::{DATA_DIR, ServeArgs, TokenArgs};
use crate::cli::certificate::CertificateFiles;
use crate::{AdminKey, Builder, Login, Origins, PublicUrl, Server};

/// The checked settings of `serve`.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// The address for operators; `None` means 127.0.0.1:8081 if it is free.
    pub(crate) admin_listen: Option<SocketAddr>,
    /// The configured server.
    pub(crate) builder: Builder,
    /// The files of the certificate; `None` means plain HTTP.
    pub(crate) certificate: Option<CertificateFiles>,
    /// Where rooms are stored; `None` keeps them in memory only.
    pub(crate) data_dir: Option<PathBuf>,
    /// Whether secrets may be missing or weak.
    pub(crate) development: bool,
    /// How access tokens are verified, for the log.
    pub(crate) login: &'static str,
    /// The page that people join with.
    pub(crate) public_url: Option<PublicUrl>,
    /// Whether a TURN server is configured.
    pub(crate) relays: bool,
    /// What is allowed in development but not in production.
    pub(crate) warnings: Vec<String>,
}

/// All problems with the settings, each with what to set.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{}", .0.join("\n"))]
pub(crate) struct InvalidSettings(Vec<String>);

impl Settings {
    /// Checks the settings of `serve` and reads its secrets.
    ///
    /// # Errors
    ///
    /// A file cannot be read, a URL or origin is malformed, or, in production, a secret is missing
    /// or weak. The error lists all problems at once.
    pub(crate) fn of(args: ServeArgs) -> Result<Self, InvalidSettings> {
        let mut check = Check::default();
        let listen = args.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let development = !args.production && listen.ip().is_loopback();

        let described = args.login.described();
        let signs_in = development && args.login.is_random();
        let login = check.login(args.login, development);
        let data_dir = (!args.ephemeral).then(|| args.data_dir.unwrap_or_else(|| DATA_DIR.into()));
        let given = one_of("server-secret", args.server_secret, args.server_secret_file.as_deref());
        let server = match (&given, &data_dir) {
            // The data directory stores one.
            (Ok(None), Some(_)) => None,
            (Ok(_) | Err(_), _) => check.secret("server-secret", given, development),
        };
        let admin_key = args.admin_key_file.and_then(|path| check.value(admin_key(&path)));
        let certificate = CertificateFiles::read(args.certificate)
            .map_err(|error| check.problem(error.to_string()))
            .unwrap_or_default();
        let expiry = certificate.as_ref().and_then(|files| files.warning(SystemTime::now()));
        check.warnings.extend(expiry);
        let turn = check
            .value(one_of("turn-secret", args.turn_secret, args.turn_secret_file.as_deref()))
            .flatten();
        check.ice_urls("turn-url", &args.turn_urls, true);
        check.ice_urls("stun-url", &args.stun_urls, false);
        if turn.is_none() && !args.turn_urls.is_empty() {
            check.problem(format!(
                "--turn-url needs the secret its servers share: {}",
                ways_to_set("turn-secret")
            ));
        }
        let webhooks = check.webhooks(args.webhooks);
        let origins = Origins::listed(check.origins("cors-origin", &args.cors_origins));
        let origins = if development { origins.and_loopback() } else { origins };

        let PageSettings { page, public_url, frame_ancestors } =
            check.page(args.page, development, signs_in);
        if !development && args.cors_origins.is_empty() && public_url.is_none() {
            check.warnings.push(
                "no web page may use the server unless it is opened by the server's IP address: \
                 set --public-url, or --cors-origin for the origin of your page"
                    .to_owned(),
            );
        }

        let builder = login.and_then(|login| {
            let builder = Server::builder(login).hub(args.limits.hub());
            let builder = builder.and_then(|builder| builder.limits(args.limits.limits()));
            builder.map_err(|error| check.problem(error.to_string())).ok()
        });
        let (Some(builder), []) = (builder, check.problems.as_slice()) else {
            return Err(InvalidSettings(check.problems));
        };
        let relays = !args.turn_urls.is_empty();
        let mut builder = builder
            .stun(args.stun_urls)
            .origins(origins)
            .trusted_proxies(args.trusted_proxies, args.forwarded_header)
            .frame_ancestors(frame_ancestors)
            .language(args.language.into());
        if let Some(page) = page {
            builder = builder.page(page);
        }
        if let Some(secret) = server {
            builder = builder.server_secret(secret);
        }
        if let Some(key) = admin_key {
            builder = builder.admin_key(key);
        }
        if let Some(files) = &certificate {
            builder = builder.tls(files.tls());
        }
        if let Some(webhooks) = webhooks {
            builder = builder.webhooks(webhooks);
        }
        if let Some(secret) = turn {
            builder = builder.turn(secret, args.turn_urls);
        }
        if let Some(url) = &public_url {
            builder = builder.public_url(url.clone());
        }
        let admin_listen = args.admin_listen;
        let warnings = check.warnings;
        Ok(Self {
            listen,
            admin_listen,
            builder,
            certificate,
            data_dir,
            development,
            login: described,
            public_url,
            relays,
            warnings,
        })
    }
}

/// Creates the access token that `token` prints.
///
/// # Errors
///
/// The secret is missing, or its file cannot be read.
pub(crate) fn access_token(args: TokenArgs) -> Result<String, InvalidSettings> {
    let missing = || {
        InvalidSettings(vec![format!(
            "--access-secret is missing: {}",
            ways_to_set("access-secret")
        )])
    };
    let secret = access_secret(args.access)?.ok_or_else(missing)?;
    let lifetime = Duration::from_secs(u64::from(args.hours) * 3600);
    let token = Login::from(secret).mint(&args.sub, args.name.as_deref(), lifetime);
    Ok(token.expect("with a secret tokens can be made"))
}

/// Reads the key of operators.
///
/// # Errors
///
/// The file cannot be read, or the key is too short or cannot be sent.
pub(crate) fn admin_key(path: &Path) -> Result<AdminKey, InvalidSettings> {
    let secret = secret_in("admin-key-file", path)?;
    AdminKey::new(secret).map_err(|error| {
        InvalidSettings(vec![format!("--admin-key-file {}: {error}", path.display())])
    })
}

/// Collects problems and warnings, to report all of them at once.
#[derive(Default)]
struct Check {
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Check {
    /// Records something that is allowed in development only.
    fn complain(&mut self, complaint: String, development: bool) {
        if development {
            self.warnings.push(format!("unsafe: {complaint}"));
        } else {
            self.problems.push(complaint);
        }
    }

    fn value<T>(&mut self, given: Result<T, InvalidSettings>) -> Option<T> {
        given.map_err(|InvalidSettings(problems)| self.problems.extend(problems)).ok()
    }

    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{AccessSecretArgs, LoginArgs};
    use crate::cli::page::PageArgs;

    const STRONG: &str = "0123456789abcdef0123456789abcdef";

    fn production() -> ServeArgs {
        let access =
            AccessSecretArgs { access_secret: Some(STRONG.into()), access_secret_file: None };
        let login = LoginArgs { access, ..LoginArgs::default() };
        ServeArgs {
            production: true,
            login,
            server_secret: Some(STRONG.into()),
            ..ServeArgs::default()
        }
    }

    fn problems(args: ServeArgs) -> Vec<String> {
        Settings::of(args).map_or_else(|InvalidSettings(problems)| problems, |_| Vec::new())
    }

    #[test]
    fn development_needs_no_settings_and_says_what_is_missing() {
        let settings = Settings::of(ServeArgs::default()).unwrap();
        assert!(settings.development);
        assert_eq!(settings.data_dir, Some("./signal-data".into()));
        assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
    }

    #[test]
    fn without_a_data_directory_nothing_keeps_the_servers_secret() {
        let args =
            || ServeArgs { ephemeral: true, data_dir: Some("kept".into()), ..ServeArgs::default() };
        let settings = Settings::of(args()).unwrap();
        assert_eq!((settings.data_dir, settings.warnings.len()), (None, 2));
        let told = problems(ServeArgs { production: true, ..args() });
        assert!(told.iter().any(|problem| problem.contains("SIGNAL_SERVER_SECRET")), "{told:?}");
    }

    #[test]
    fn production_names_every_secret_that_is_missing_or_weak() {
        assert_eq!(problems(production()), Vec::<String>::new());
        let told =
            problems(ServeArgs { production: true, ephemeral: true, ..ServeArgs::default() });
        assert_eq!(told.len(), 2);
        assert!(
            told[0].contains("SIGNAL_ACCESS_SECRET") && told[1].contains("SIGNAL_SERVER_SECRET"),
            "{told:?}"
        );
        let told = problems(ServeArgs { server_secret: Some("short".into()), ..production() });
        assert!(told[0].contains("shorter than 32"), "{told:?}");
    }

    #[test]
    fn an_address_others_can_reach_is_production() {
        let listen = Some("0.0.0.0:8080".parse().unwrap());
        assert_eq!(problems(ServeArgs { listen, ..ServeArgs::default() }).len(), 1);
        let listen = Some("[::1]:8080".parse().unwrap());
        assert!(Settings::of(ServeArgs { listen, ..ServeArgs::default() }).unwrap().development);
    }

    #[test]
    fn secrets_do_not_show_in_what_was_given() {
        assert!(!format!("{:?}", production()).contains(STRONG));
    }

    #[test]
    fn a_password_in_a_url_does_not_show_in_what_is_wrong_with_it() {
        let url = |scheme: &str| format!("{scheme}user:the-password@example.com");
        let bad = ServeArgs {
            turn_urls: vec![url("http://")],
            stun_urls: vec![url("")],
            page: PageArgs { public_url: Some(url("https://")), ..PageArgs::default() },
            cors_origins: vec![url("https://"), url("")],
            ..production()
        };
        let told = problems(bad);
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(!told.join("\n").contains("the-password"), "{told:?}");
    }

    #[test]
    fn a_malformed_setting_is_named() {
        let bad = ServeArgs {
            turn_urls: vec!["http://turn".into()],
            stun_urls: vec!["stun:".into()],
            page: PageArgs { public_url: Some("example.com".into()), ..PageArgs::default() },
            cors_origins: vec![
                "https://example.com/app".into(),
                "https://Example.com:443".into(),
                "*".into(),
            ],
            server_secret: None,
            server_secret_file: Some("/nonexistent/secret".into()),
            ..production()
        };
        let told = problems(bad).join("\n");
        for name in [
            "--turn-url http://turn",
            "--stun-url stun:",
            "https://example.com/app: browsers send this as https://example.com",
            "https://Example.com:443: browsers send this as https://example.com",
            "--cors-origin *",
            "--public-url example.com",
            "/nonexistent/secret",
            "SIGNAL_TURN_SECRET",
        ] {
            assert!(told.contains(name), "{name} is not in\n{told}");
        }
    }
}
